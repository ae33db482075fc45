from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from oyez.data.audio import SAMPLE_RATE
from oyez.data.augmentation import (
    Augmentation,
    AugmentationConfig,
    add_noise,
    change_speed,
    coloured_noise,
    limit_band,
    reverberate,
    simulated_room,
    sound_mask,
    trim_silence,
)

EVERYTHING = AugmentationConfig(
    speed_probability=1, reverberation_probability=1, band_probability=1, noise_probability=1, babble_probability=1,
    codec_probability=1,
)  # fmt: skip
NOTHING = AugmentationConfig(
    speed_probability=0, max_cut_seconds=0, max_silence_seconds=0, reverberation_probability=0, band_probability=0,
    noise_probability=0, gain_db=(0, 0),
)  # fmt: skip


def rng(seed=0):
    return np.random.default_rng(seed)


def tone(hertz=440.0, seconds=1.0, amplitude=0.5):
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def rms(waveform):
    return np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))


def power(waveform, low_hz, high_hz):
    """The mean power of a band."""
    spectrum = np.abs(np.fft.rfft(waveform)) ** 2
    hertz = np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE)
    return spectrum[(hertz >= low_hz) & (hertz < high_hz)].mean()


def loudest_hertz(waveform):
    return np.abs(np.fft.rfft(waveform)).argmax() * SAMPLE_RATE / len(waveform)


@pytest.mark.parametrize("step", [Augmentation.perturb_speaker, Augmentation.acoustic_scene])
@pytest.mark.parametrize("noises", [[], [[tone(100)]]])
def test_the_same_seed_gives_the_same_sound_and_another_seed_another(step, noises):
    augmentation = Augmentation(EVERYTHING, noises)
    augmentation = replace(augmentation, voices=[tone(200), tone(300)])
    first, again, other = (step(augmentation, tone(), rng(seed)) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_everything_off_leaves_the_clip_alone():
    augmentation = Augmentation(NOTHING)

    assert np.array_equal(augmentation.acoustic_scene(augmentation.perturb_speaker(tone(), rng()), rng()), tone())


@pytest.mark.parametrize(
    "waveform",
    [tone(), tone(amplitude=1.0), np.zeros(SAMPLE_RATE, np.float32), np.sign(tone()), tone(seconds=0.01)],
    ids=["speech", "loud", "silent", "clipped", "short"],
)
@pytest.mark.parametrize("seed", range(5))
def test_what_comes_out_is_a_waveform(waveform, seed):
    silence = np.zeros(100, np.float32)
    augmentation = Augmentation(EVERYTHING, [[silence, tone(50)]], [silence, tone(200), tone(300)])
    generator = rng(seed)

    voiced = augmentation.perturb_speaker(waveform, generator)
    changed = augmentation.acoustic_scene(voiced, generator)

    assert changed.dtype == voiced.dtype == np.float32
    assert np.isfinite(changed).all()
    assert np.abs(changed).max() <= 1.0
    assert len(changed) == len(voiced)
    slowest, fastest = (len(waveform) / factor for factor in EVERYTHING.speed)
    assert fastest - 2 * min(EVERYTHING.max_cut_seconds * SAMPLE_RATE, fastest / 10) - 2 <= len(voiced) <= slowest + 2


def test_silence_is_put_before_and_after_no_more_than_asked():
    clip = np.ones(SAMPLE_RATE, np.float32)
    most = int(0.25 * SAMPLE_RATE)

    surrounded = [Augmentation(EVERYTHING).pad_silence(clip, rng(seed)) for seed in range(50)]

    sounds = [np.flatnonzero(each) for each in surrounded]
    assert all(np.array_equal(each[sound], clip) for each, sound in zip(surrounded, sounds, strict=True))
    before = [sound[0] for sound in sounds]
    after = [len(each) - 1 - sound[-1] for each, sound in zip(surrounded, sounds, strict=True)]
    for silence in (before, after):
        assert 0 <= min(silence) < most / 5
        assert most * 4 / 5 < max(silence) <= most


def test_a_clip_that_would_clip_is_made_quieter_as_a_whole():
    louder = Augmentation(NOTHING.model_copy(update={"gain_db": (20, 20)})).acoustic_scene(tone(), rng())

    assert louder == pytest.approx(2 * tone(), abs=1e-3)


@pytest.mark.parametrize("decibels", [-20, -6, 0, 6])
def test_gain_is_what_was_asked(decibels):
    changed = Augmentation(NOTHING.model_copy(update={"gain_db": (decibels, decibels)})).acoustic_scene(
        tone(amplitude=0.4), rng()
    )

    assert 20 * np.log10(rms(changed) / rms(tone(amplitude=0.4))) == pytest.approx(decibels, abs=0.01)


def test_voice_cuts_no_more_than_asked_and_never_a_short_clip_away():
    cutting = Augmentation(NOTHING.model_copy(update={"max_cut_seconds": 0.03}))

    lengths = [len(cutting.perturb_speaker(tone(), rng(seed))) for seed in range(50)]
    assert SAMPLE_RATE * 0.94 <= min(lengths) < max(lengths) <= SAMPLE_RATE
    assert all(len(cutting.perturb_speaker(tone()[:50], rng(seed))) >= 40 for seed in range(50))


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.0, 1.1, 1.25])
def test_speed_changes_length_and_pitch(factor):
    changed = change_speed(tone(), factor)

    assert changed.dtype == np.float32
    assert len(changed) == pytest.approx(SAMPLE_RATE / factor, abs=2)
    assert loudest_hertz(changed) == pytest.approx(440 * factor, abs=2)


@pytest.mark.parametrize("snr_db", [-5, 0, 10, 30])
@pytest.mark.parametrize("loudness", [1.0, 0.01])
def test_noise_is_as_loud_as_asked(snr_db, loudness):
    speech = tone()
    noise = loudness * coloured_noise(len(speech), 1.0, rng())

    mixed = add_noise(speech, noise, snr_db)

    assert mixed.dtype == np.float32
    added = mixed.astype(np.float64) - speech
    assert 20 * np.log10(rms(speech) / rms(added)) == pytest.approx(snr_db, abs=0.1)
    assert np.corrcoef(added, noise)[0, 1] == pytest.approx(1, abs=1e-3)


def test_silence_gets_faint_noise_and_silent_noise_changes_nothing():
    silence = np.zeros(SAMPLE_RATE, np.float32)

    assert 0 < rms(add_noise(silence, coloured_noise(SAMPLE_RATE, 0, rng()), 0)) < 1e-3
    assert np.array_equal(add_noise(tone(), silence, 0), tone())


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_the_power_of_coloured_noise_falls_with_frequency_as_asked(slope):
    noise = coloured_noise(8 * SAMPLE_RATE, slope, rng())

    edges = np.geomspace(50, 6400, 8)
    levels = [np.log(power(noise, low, high)) for low, high in pairwise(edges)]
    fitted = np.polyfit(np.log(edges[:-1]), levels, 1)[0]
    assert -fitted == pytest.approx(slope, abs=0.1)
    assert rms(noise) == pytest.approx(0.05, rel=1e-3)
    assert (len(noise), noise.dtype) == (8 * SAMPLE_RATE, np.float32)


@pytest.mark.parametrize(("low_hz", "high_hz"), [(300, 3400), (50, 7500), (350, 3000)])
def test_band_limiting_removes_what_lies_outside_and_nothing_inside(low_hz, high_hz):
    noise = coloured_noise(4 * SAMPLE_RATE, 0.0, rng())

    limited = limit_band(noise, low_hz, high_hz)

    assert (len(limited), limited.dtype) == (len(noise), np.float32)
    inside = (2 * low_hz, 0.75 * high_hz)
    assert power(limited, *inside) / power(noise, *inside) == pytest.approx(1, abs=0.02)
    assert power(limited, 0, low_hz / 2) < 0.01 * power(noise, 0, low_hz / 2)
    if 1.4 * high_hz < SAMPLE_RATE / 2:
        assert power(limited, 1.4 * high_hz, SAMPLE_RATE / 2) < 0.01 * power(noise, 1.4 * high_hz, SAMPLE_RATE / 2)


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6])
def test_an_echo_follows_the_sound_and_falls_by_60_decibels(seconds):
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[1000] = 0.5

    echo = reverberate(click, simulated_room(seconds, rng()))

    assert (len(echo), echo.dtype) == (len(click), np.float32)
    assert np.abs(echo[:1000]).max() < 1e-6
    assert echo[1000] == pytest.approx(0.5, abs=1e-6)
    length = int(seconds * SAMPLE_RATE)
    early, late = (rms(echo[1000 + int(part * length) :][: length // 10]) for part in (0.05, 0.85))
    assert 20 * np.log10(early / late) == pytest.approx(60 * 0.8, abs=3)
    assert np.abs(echo[1000 + length :]).max() < 1e-6


def test_recorded_noise_is_used_as_recorded_and_made_noise_beside_it():
    recording = np.full(5 * SAMPLE_RATE, 0.3, np.float32)
    augmentation = Augmentation(EVERYTHING, [[recording]])

    stretches = [augmentation.noise(1000, rng(seed)) for seed in range(200)]

    recorded = sum(bool((stretch == np.float32(0.3)).all()) for stretch in stretches)
    assert 110 < recorded < 170  # 70 %
    assert {len(stretch) for stretch in stretches} == {1000}


def test_babble_is_as_loud_as_asked_and_made_of_the_voices():
    voices = [tone(200), 0.1 * tone(300, seconds=0.3), tone(400)]
    only_babble = NOTHING.model_copy(update={"babble_probability": 1.0, "babble_snr_db": (12, 12)})
    speech = tone(1000, amplitude=0.2)

    mixed = Augmentation(only_babble, voices=voices).acoustic_scene(speech, rng())

    added = mixed.astype(np.float64) - speech
    assert 20 * np.log10(rms(speech) / rms(added)) == pytest.approx(12, abs=0.1)
    inside = sum(power(added, hertz - 20, hertz + 20) for hertz in (200, 300, 400))
    assert inside > 100 * power(added, 500, 8000)
    loudness = [power(added, hertz - 20, hertz + 20) for hertz in (200, 300, 400)]
    assert sorted(loudness)[1] > 0.01 * max(loudness)  # a faint clip is as loud as the others


def test_as_many_people_babble_as_asked():
    five = EVERYTHING.model_copy(update={"babble_voices": (5, 5)})
    voices = [tone(hertz) for hertz in range(100, 4100, 40)]

    together = Augmentation(five, voices=voices).babble(SAMPLE_RATE, rng())

    spectrum = np.abs(np.fft.rfft(together))
    assert (spectrum > 0.1 * spectrum.max()).sum() == 5
    assert rms(together) == pytest.approx(0.05, rel=1e-3)


def test_what_is_off_leaves_the_draws_of_the_rest_as_they_were():
    usual = AugmentationConfig()
    with_voices = Augmentation(usual, voices=[tone(200)])

    assert np.array_equal(
        with_voices.acoustic_scene(tone(), rng(5)), Augmentation(usual).acoustic_scene(tone(), rng(5))
    )


def test_a_short_recording_of_noise_is_repeated():
    ramp = np.arange(1, 11, dtype=np.float32)
    augmentation = Augmentation(EVERYTHING, [[ramp]])

    repeated = next(noise for n in range(50) if (noise := augmentation.noise(25, rng(n))).max() == 10)

    assert np.array_equal(repeated, np.resize(ramp, 25))


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed_probability": 1.5}, {"max_cut_seconds": -1}, {"noise_snr": (0, 30)}, {"babble_voices": (0, 3)},
        {"codecs": ()}, {"codecs": ("flac",)},
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_name(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        AugmentationConfig(**wrong)


def test_sound_is_found_where_it_is_and_nowhere_else():
    clip = np.zeros(16_000, np.float32)
    clip[4_000:8_000] = 0.1 * np.sin(np.arange(4_000))
    clip[12_000:12_800] = 0.02 * np.sin(np.arange(800))  # 14 dB fainter
    heard = sound_mask(clip, 160)
    assert np.flatnonzero(heard).tolist() == [*range(25, 50), *range(75, 80)]


def test_a_click_does_not_make_silence_of_speech():
    clip = 0.01 * np.sin(np.arange(16_000)).astype(np.float32)
    clip[100] = 1.0
    assert sound_mask(clip, 160).all()


def test_trimming_keeps_the_sound_and_nothing_around_it():
    sound = 0.1 * np.sin(np.arange(3_200)).astype(np.float32)
    trimmed = trim_silence(np.pad(sound, (1_600, 4_800)))
    assert np.array_equal(trimmed, sound)


@pytest.mark.parametrize("samples", [0, 1, 159, 16_000])
def test_there_is_nothing_to_trim_in_silence(samples):
    silence = np.zeros(samples, np.float32)
    assert not sound_mask(silence, 160).any()
    assert np.array_equal(trim_silence(silence), silence)
