import librosa
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from oyez.data.audio import HOP, SAMPLE_RATE
from oyez.models.frontend import DYNAMIC_RANGE, FFT, WINDOW, FeatureConfig, MfccFrontEnd, frames_of

NORMALISATIONS = ["none", "utterance", "global"]
DELTAS = [0, 1, 2]


def features_of(front_end, waveform):
    """Return the features of one recording alone, (frames, features)."""
    features, lengths = front_end(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
    assert lengths.tolist() == [features.shape[1]]
    return features[0]


def padded(waveforms, fill):
    """Return a batch with `fill` beyond each recording's end, and the lengths."""
    batch = torch.full((len(waveforms), max(map(len, waveforms))), fill)
    for row, waveform in zip(batch, waveforms, strict=True):
        row[: len(waveform)] = torch.from_numpy(waveform)
    return batch, torch.tensor([len(waveform) for waveform in waveforms])


def mfcc_by_librosa(waveform, config):
    mel = librosa.feature.melspectrogram(
        y=waveform,
        sr=SAMPLE_RATE,
        n_fft=FFT,
        win_length=WINDOW,
        hop_length=HOP,
        pad_mode="constant",
        n_mels=config.mel_bands,
        fmin=config.low_hz,
        fmax=config.high_hz,
        htk=True,
        norm=None,
    )
    decibel = librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=DYNAMIC_RANGE)
    return librosa.feature.mfcc(S=decibel, n_mfcc=config.coefficients, dct_type=2, norm="ortho").T


CONFIGS = [
    FeatureConfig(normalisation="none"),
    FeatureConfig(normalisation="none", coefficients=13, mel_bands=40),
    FeatureConfig(normalisation="none", coefficients=13, mel_bands=26, low_hz=0, high_hz=8000),
    FeatureConfig(normalisation="none", coefficients=20, mel_bands=64, low_hz=60, high_hz=4000),
]


@pytest.fixture(params=["chirp", "noise", "quiet noise", "click in silence", "silence"])
def signal(request, chirp, noise):
    match request.param:
        case "chirp":
            return chirp(1.0, 0.7) + noise(1.0, 1e-3)
        case "noise":
            return noise(0.73, 0.5)
        case "quiet noise":
            return noise(0.5, 1e-4)
        case "click in silence":
            return np.eye(1, 8000, 4001, dtype=np.float32)[0]
        case _:
            return np.zeros(4000, np.float32)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.coefficients}of{c.mel_bands}")
def test_values_are_librosas(config, signal):
    ours = features_of(MfccFrontEnd(config), signal)
    np.testing.assert_allclose(ours, mfcc_by_librosa(signal, config), atol=2e-3)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.coefficients}of{c.mel_bands}")
def test_values_are_librosas_for_speech(config, spoken_words, spoken_sentence):
    front_end = MfccFrontEnd(config)
    for waveform in [*spoken_words, spoken_sentence]:
        np.testing.assert_allclose(features_of(front_end, waveform), mfcc_by_librosa(waveform, config), atol=2e-3)


def test_deltas_are_librosas_slopes_of_the_coefficients(chirp, noise):
    waveform = chirp(0.8, 0.5) + noise(0.8, 0.01)
    features = features_of(MfccFrontEnd(FeatureConfig(coefficients=13, deltas=2, normalisation="none")), waveform)
    coefficients, slopes, slopes_of_slopes = features.numpy().T.reshape(3, 13, -1)
    np.testing.assert_allclose(slopes, librosa.feature.delta(coefficients, width=5, mode="nearest"), atol=1e-3)
    np.testing.assert_allclose(slopes_of_slopes, librosa.feature.delta(slopes, width=5, mode="nearest"), atol=1e-3)


@pytest.mark.parametrize("fill", [0.0, 1.0, -3e4, float("nan")])
@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_recording_alone_equals_recording_in_a_padded_batch(normalisation, deltas, fill, chirp, noise):
    front_end = MfccFrontEnd(FeatureConfig(coefficients=13, deltas=deltas, normalisation=normalisation))
    front_end.fit([padded([noise(0.4, 0.1)], 0.0)])
    waveforms = [chirp(0.5, 0.9), noise(0.301, 1e-4), chirp(0.9, 0.3), noise(0.01, 0.2)]
    batch, lengths = front_end(*padded(waveforms, fill))
    for row, frames, waveform in zip(batch, lengths.tolist(), waveforms, strict=True):
        torch.testing.assert_close(row[:frames], features_of(front_end, waveform), atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("samples_after_frame", [0, 1, 80, 120, 159])
def test_loud_last_sample_is_heard_alike_alone_and_in_a_batch(samples_after_frame, noise):
    # a frame of the padding sees the last samples better than the last frame does; it has no say in the dynamic range
    front_end = MfccFrontEnd(FeatureConfig(normalisation="none"))
    click = noise(1.0, 1e-5)[: 50 * HOP + samples_after_frame]
    click[-1] = 1.0
    batch, lengths = front_end(*padded([click, noise(1.0, 0.1)], 0.0))
    torch.testing.assert_close(batch[0, : lengths[0]], features_of(front_end, click), atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_features_are_zero_in_the_padding(normalisation, noise):
    front_end = MfccFrontEnd(FeatureConfig(normalisation=normalisation, deltas=1))
    features, lengths = front_end(*padded([noise(0.5, 0.5), noise(0.2, 0.5)], 7.0))
    assert (features[1, lengths[1] :] == 0).all()
    assert (features[1, : lengths[1]] != 0).any()


@pytest.mark.parametrize(("samples", "frames"), [(0, 1), (1, 1), (159, 1), (160, 2), (16_000, 101), (16_159, 101)])
def test_there_is_a_frame_every_ten_milliseconds(samples, frames):
    assert frames_of(torch.tensor([samples])).tolist() == [frames]
    features = features_of(MfccFrontEnd(FeatureConfig()), np.zeros(samples, np.float32))
    assert features.shape == (frames, FeatureConfig().size)


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("samples", [0, 1])
def test_next_to_no_sound_gives_finite_features(samples, normalisation, deltas, noise):
    front_end = MfccFrontEnd(FeatureConfig(normalisation=normalisation, deltas=deltas))
    alone = features_of(front_end, np.ones(samples, np.float32))
    batch, lengths = front_end(*padded([np.ones(samples, np.float32), noise(0.2, 0.3)], 5.0))
    assert alone.isfinite().all()
    assert batch.isfinite().all()
    torch.testing.assert_close(batch[0, : lengths[0]], alone, atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("deltas", DELTAS)
def test_fitted_statistics_give_mean_zero_and_deviation_one(deltas, chirp, noise):
    front_end = MfccFrontEnd(FeatureConfig(deltas=deltas, coefficients=20))
    batches = [padded([chirp(1.0, 0.5), noise(0.3, 0.5)], 9.0), padded([noise(0.7, 0.02)], 0.0)]
    front_end.fit(batches)
    frames = [row[:n] for batch in batches for row, n in zip(*front_end(*batch), strict=True)]
    together = torch.cat(frames)
    torch.testing.assert_close(together.mean(0), torch.zeros(front_end.config.size), atol=1e-4, rtol=0)
    torch.testing.assert_close(together.std(0, correction=0), torch.ones(front_end.config.size), atol=1e-4, rtol=0)


def test_statistics_of_a_single_frame_are_finite():
    front_end = MfccFrontEnd(FeatureConfig())
    front_end.fit([padded([np.ones(1, np.float32)], 0.0)])
    assert features_of(front_end, np.ones(500, np.float32)).isfinite().all()


def test_utterance_normalisation_is_over_each_recording(chirp, noise):
    front_end = MfccFrontEnd(FeatureConfig(normalisation="utterance", coefficients=13))
    features, lengths = front_end(*padded([chirp(1.0, 0.9) + noise(1.0, 0.01), noise(0.4, 1e-3)], 0.0))
    for row, frames in zip(features, lengths, strict=True):
        torch.testing.assert_close(row[:frames].mean(0), torch.zeros(13), atol=1e-4, rtol=0)
        torch.testing.assert_close(row[:frames].std(0, correction=0), torch.ones(13), atol=1e-3, rtol=0)


def test_loudness_only_moves_the_first_coefficient(noise):
    front_end = MfccFrontEnd(FeatureConfig(normalisation="none"))
    loud, quiet = features_of(front_end, noise(0.5, 0.8)), features_of(front_end, noise(0.5, 0.08))
    torch.testing.assert_close(loud[:, 1:], quiet[:, 1:], atol=2e-3, rtol=0)
    torch.testing.assert_close(loud[:, 0] - quiet[:, 0], torch.full((51,), 20 * 40**0.5), atol=2e-3, rtol=0)


def test_mask_is_applied_to_the_mel_spectrogram(noise):
    front_end = MfccFrontEnd(FeatureConfig(normalisation="none", coefficients=13))
    seen = []
    waveforms, lengths = padded([noise(0.5, 0.5)], 0.0)
    masked, _ = front_end(waveforms, lengths, mask=lambda mel, _: seen.append(mel.shape) or torch.zeros_like(mel))
    assert seen == [(1, 40, 51)]
    assert (masked == 0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"coefficients": 41, "mel_bands": 40}, "41 coefficients cannot be had from 40 mel bands"),
        ({"low_hz": 4000, "high_hz": 4000}, "low_hz = 4000 is not below high_hz = 4000"),
        ({"low_hz": 5000, "high_hz": 4000}, "not below"),
        ({"high_hz": 8001}, "high_hz"),
        ({"deltas": 3}, "deltas"),
        ({"normalisation": "batch"}, "normalisation"),
        ({"coeficients": 13}, "coeficients"),
    ],
)
def test_impossible_configuration_is_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        FeatureConfig(**settings)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_gpu_gives_the_features_of_the_cpu(normalisation, chirp, noise):
    front_end = MfccFrontEnd(FeatureConfig(normalisation=normalisation, deltas=2, coefficients=13))
    batch, lengths = padded([chirp(0.5, 0.9) + noise(0.5, 0.01), noise(0.3, 1e-3)], 4.0)
    expected, frames = front_end(batch, lengths)
    features, frames_there = front_end.cuda()(batch.cuda(), lengths.cuda())
    assert frames_there.tolist() == frames.tolist()
    torch.testing.assert_close(features.cpu(), expected, atol=5e-3, rtol=1e-3)
