"""SpecAugment: stripes within their bounds, each example its own, whatever the padding."""

from __future__ import annotations

import torch

from oyez.training.spec_augment import SpecAugment, SpecAugmentConfig


def test_spec_augment_masks_each_example_differently_and_within_bounds() -> None:
    config = SpecAugmentConfig(time_share=1.0)
    torch.manual_seed(3)
    log_mel = torch.randn(8, 20, 100)
    changed = SpecAugment(config)(log_mel, torch.full((8,), 100)) != log_mel
    assert len({tuple(example.flatten().tolist()) for example in changed}) == 8
    whole_frames = changed.all(dim=1).sum(dim=1)
    assert whole_frames.max() <= config.time_masks * config.time_frames
    assert changed.any()


def test_spec_augment_fills_each_example_with_its_own_mean_whatever_the_padding() -> None:
    config = SpecAugmentConfig()
    loud, quiet = torch.rand(20, 100), torch.rand(20, 100) - 40
    log_mel = torch.full((2, 20, 160), -80.0)
    log_mel[0, :, :100], log_mel[1, :, :100] = loud, quiet
    torch.manual_seed(3)
    masked = SpecAugment(config)(log_mel, torch.tensor([100, 100]))
    for row, example in enumerate((loud, quiet)):
        filled = masked[row][masked[row] != log_mel[row]]
        assert len(filled)
        torch.testing.assert_close(filled, example.mean().expand(len(filled)), rtol=0, atol=1e-3)
