"""The base class of all configurations, and the names that their settings had before.

A recipe, a saved state or a model's config.json that was written with an older name of a setting is read as before.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, model_validator

# class -> older name of a setting -> its name
RENAMED: dict[str, dict[str, str]] = {
    "FeatureConfig": {"coefficients": "n_mfcc", "mel_bands": "n_mels", "low_hz": "f_min", "high_hz": "f_max"},
    "AcousticConfig": {"width": "hidden_size"},
    "LanguageConfig": {"width": "hidden_size"},
    "BatchingConfig": {
        "longest_seconds": "max_seconds",
        "joined": "concat_probability",
        "joined_seconds": "concat_max_seconds",
        "joined_gap_seconds": "concat_max_gap_seconds",
        "noise_only": "noise_only_share",
        "fewest_per_text": "min_per_text",
        "most_repeats": "max_repeats",
    },
    "AugmentationConfig": {
        "calm_epochs": "warmup_epochs",
        "cut_seconds": "max_cut_seconds",
        "silence_seconds": "max_silence_seconds",
        "measured_rooms": "measured_room_probability",
        "band_low_hz": "high_pass_hz",
        "band_high_hz": "low_pass_hz",
    },
    "OptimisationConfig": {
        "warm_up": "warmup_share",
        "gradient_norm": "max_grad_norm",
        "averaging": "ema_decay",
        "intermediate_loss": "intermediate_loss_share",
    },
    "LanguageTraining": {"batch": "batch_size", "warm_up": "warmup_share", "gradient_norm": "max_grad_norm"},
}


class Configuration(BaseModel, frozen=True, extra="forbid"):
    """Settings that do not change once they are made; a setting that there is not is refused."""

    @classmethod
    def with_present_names(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings of this class with older names of RENAMED replaced. Raises ValueError if one is set twice."""
        renamed = {old: new for base in cls.__mro__ for old, new in RENAMED.get(base.__name__, {}).items()}
        for old, new in renamed.items():
            if old in settings and new in cls.model_fields:
                if new in settings:
                    raise ValueError(f"{new} is set twice: {old} is its older name")
                settings = {(new if name == old else name): value for name, value in settings.items()}
        return settings

    @model_validator(mode="before")
    @classmethod
    def _by_present_names(cls, settings: Any) -> Any:
        return cls.with_present_names(settings) if isinstance(settings, dict) else settings
