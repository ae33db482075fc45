import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from oyez.data.audio import SAMPLE_RATE
from oyez.models.checkpoint import CheckpointError
from oyez.models.confidence import WordConfidence
from oyez.models.decoding.alignment import log_likelihood
from oyez.models.network import save_checkpoint
from oyez.models.recognizer import Recognizer, decoder_for
from oyez.models.runtime.torch import TorchRuntime
from oyez.models.vad.segmentation import SegmentationConfig
from oyez.models.vad.silero import segments_in


@pytest.fixture
def recognizer(tiny_recognizer):
    return tiny_recognizer()


@pytest.fixture
def waveforms(chirp, noise):
    """Recordings that the small random model hears differently."""
    return [noise(0.9, 0.3), chirp(0.4, 0.8), noise(0.35, 0.01), chirp(1.1, 0.2), noise(0.02, 0.9)]


def assert_same(transcript, expected):
    """Two transcripts are equal but for the last digit of their probabilities."""
    assert transcript.confidence == pytest.approx(expected.confidence, abs=2e-3)
    assert [word.confidence for word in transcript.words] == pytest.approx(
        [word.confidence for word in expected.words], abs=2e-3
    )
    assert without_confidence(transcript) == without_confidence(expected)


def without_confidence(transcript):
    words = tuple(replace(word, confidence=0.0) for word in transcript.words)
    return replace(transcript, words=words, confidence=0.0)


@pytest.mark.parametrize("batch_seconds", [0.5, 2.0, 120.0])
def test_results_come_in_the_order_given_whatever_the_batches(batch_seconds, tiny_recognizer, waveforms):
    recognizer = tiny_recognizer(batch_seconds=batch_seconds)
    together = recognizer.transcribe(waveforms)
    assert [transcript.duration for transcript in together] == [len(waveform) / SAMPLE_RATE for waveform in waveforms]
    assert len({transcript.text for transcript in together}) > 2
    for transcript, waveform in zip(together, waveforms, strict=True):
        [alone] = recognizer.transcribe([waveform])
        assert_same(transcript, alone)


@pytest.mark.parametrize("batch_seconds", [0.1, 1.0, 2.5])
def test_no_batch_is_larger_than_the_limit(batch_seconds, tiny_recognizer, waveforms):
    recognizer = tiny_recognizer(batch_seconds=batch_seconds)
    shapes = []
    recognizer.runtime.model.front_end.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[0].shape))
    recognizer.log_probs(waveforms)
    assert sum(rows for rows, _ in shapes) == len(waveforms)
    assert all(rows == 1 or rows * samples <= batch_seconds * SAMPLE_RATE for rows, samples in shapes)


def test_log_probabilities_do_not_depend_on_the_batch(recognizer, waveforms):
    for waveform, log_probs in zip(waveforms, recognizer.log_probs(waveforms), strict=True):
        np.testing.assert_allclose(log_probs, recognizer.log_probs([waveform])[0], atol=1e-3, rtol=0)


def test_nothing_to_transcribe_is_no_transcripts(recognizer):
    assert recognizer.transcribe([]) == []


@pytest.mark.parametrize("decoding", ["greedy", "beam"])
@pytest.mark.parametrize("company", [False, True], ids=["alone", "in a batch"])
def test_empty_recording_has_empty_text(company, decoding, tiny_recognizer, waveforms):
    empty = np.zeros(0, np.float32)
    transcript = tiny_recognizer(decoding).transcribe([empty, *waveforms[:company]])[0]
    assert (transcript.text, transcript.words, transcript.duration) == ("", (), 0.0)
    assert 0 <= transcript.confidence <= 1


@pytest.mark.parametrize("vocabulary", [(), ("yes", "no", "a")])
@pytest.mark.parametrize("decoding", ["greedy", "beam"])
@pytest.mark.parametrize("calibration", [(1, 0), (0.2, 3), (1e5, 0), (0, -1e5)], ids=str)
def test_every_field_of_a_transcript_is_within_bounds(calibration, decoding, vocabulary, tiny_recognizer, waveforms):
    slope, intercept = calibration
    confidence = WordConfidence(score=slope, intercept=intercept)
    recognizer = tiny_recognizer(decoding, vocabulary=vocabulary, confidence=confidence)
    for transcript in recognizer.transcribe(waveforms):
        assert transcript.model == "tiny"
        assert transcript.text == " ".join(word.text for word in transcript.words)
        assert 0 <= transcript.confidence <= 1
        times = [time for word in transcript.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert all(0 <= time <= transcript.duration + 0.0005 for time in times)  # rounded to milliseconds
        assert all(0 <= word.confidence <= 1 for word in transcript.words)


def test_confidence_is_the_calibrated_score(tiny_recognizer, waveforms):
    plain = tiny_recognizer().transcribe(waveforms[:1])[0]
    shifted = tiny_recognizer(confidence=WordConfidence(intercept=1.0)).transcribe(waveforms[:1])[0]
    assert plain.words
    for before, after in zip(plain.words, shifted.words, strict=True):
        odds_before, odds_after = (c / (1 - c) for c in (before.confidence, after.confidence))
        assert odds_after / odds_before == pytest.approx(np.e, rel=0.01)
    assert plain.confidence == pytest.approx(np.mean([word.confidence for word in plain.words]), abs=1e-4)


def test_vocabulary_binds_the_beam_and_not_the_greedy_search(tiny_recognizer, waveforms):
    bound = tiny_recognizer("beam", vocabulary=("yes", "no")).transcribe(waveforms)
    free = tiny_recognizer("greedy", vocabulary=("yes", "no")).transcribe(waveforms)
    assert {word.text for transcript in bound for word in transcript.words} <= {"yes", "no"}
    assert not {word.text for transcript in free for word in transcript.words} <= {"yes", "no"}


def test_beam_text_is_at_least_as_likely_as_the_greedy_one(recognizer, waveforms):
    for log_probs in recognizer.log_probs(waveforms):
        decoders = (decoder_for(recognizer.config, name) for name in ("greedy", "beam"))
        greedy, beam = (log_likelihood(log_probs, decoder.decode(log_probs)) for decoder in decoders)
        assert beam >= greedy - 1e-3


@pytest.fixture
def with_pauses(noise):
    """Speech (that is, noise) at 1.0 - 1.6 s and at 4.0 - 4.8 s of 7 s."""
    waveform = np.zeros(7 * SAMPLE_RATE, np.float32)
    for start, seconds in [(1.0, 0.6), (4.0, 0.8)]:
        waveform[int(start * SAMPLE_RATE) :][: int(seconds * SAMPLE_RATE)] = noise(seconds, 0.5)
    return waveform


@pytest.mark.usefixtures("energy_is_speech")
def test_long_recording_is_cut_at_its_pauses_and_joined(recognizer, with_pauses, waveforms, monkeypatch):
    monkeypatch.setattr("oyez.models.recognizer.LONGEST", 3.0)
    segments = list(segments_in([with_pauses], SegmentationConfig(longest=3.0)))
    assert len(segments) == 2
    parts = recognizer.transcribe([segment.waveform for segment in segments])
    assert all(part.words for part in parts)

    before, transcript, after = recognizer.transcribe([waveforms[0], with_pauses, waveforms[1]])
    assert transcript.text == " ".join(part.text for part in parts)
    assert transcript.duration == 7.0
    assert transcript.confidence == pytest.approx(
        np.mean([w.confidence for part in parts for w in part.words]), abs=1e-3
    )
    expected = [
        (word.start + segment.start, word.end + segment.start)
        for part, segment in zip(parts, segments, strict=True)
        for word in part.words
    ]
    for (start, end), word in zip(expected, transcript.words, strict=True):
        assert (word.start, word.end) == pytest.approx((start, end), abs=1e-3)
    assert_same(before, recognizer.transcribe([waveforms[0]])[0])
    assert_same(after, recognizer.transcribe([waveforms[1]])[0])


@pytest.mark.usefixtures("energy_is_speech")
def test_long_silence_has_empty_text(recognizer, monkeypatch):
    monkeypatch.setattr("oyez.models.recognizer.LONGEST", 2.0)
    [transcript] = recognizer.transcribe([np.zeros(5 * SAMPLE_RATE, np.float32)])
    assert (transcript.text, transcript.words, transcript.duration) == ("", (), 5.0)


@pytest.mark.usefixtures("energy_is_speech")
def test_no_piece_of_a_long_recording_is_longer_than_the_limit(recognizer, noise, monkeypatch):
    monkeypatch.setattr("oyez.models.recognizer.LONGEST", 2.0)
    lengths = []
    log_probs = recognizer.log_probs
    monkeypatch.setattr(recognizer, "log_probs", lambda pieces: lengths.extend(map(len, pieces)) or log_probs(pieces))
    [transcript] = recognizer.transcribe([noise(7.3, 0.5)])
    assert max(lengths) <= 2 * SAMPLE_RATE
    assert sum(lengths) == round(7.3 * SAMPLE_RATE)
    assert transcript.duration == 7.3
    assert all(one.end <= other.start for one, other in itertools.pairwise(transcript.words))


def test_loaded_recognizer_hears_what_the_saved_one_did(recognizer, waveforms, tmp_path):
    save_checkpoint(tmp_path, recognizer.runtime.model, "", dtype=torch.float32)
    assert Recognizer.load(tmp_path).transcribe(waveforms) == recognizer.transcribe(waveforms)
    assert Recognizer.load(tmp_path, decoding="greedy").decoding == "greedy"


def test_loading_what_is_no_model_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="not a model folder"):
        Recognizer.load(tmp_path)


@pytest.mark.parametrize("subsampling", [1, 2, 4])
def test_step_is_the_time_between_rows(subsampling, tiny_recognizer, noise):
    recognizer = tiny_recognizer(acoustic={"channels": 4, "layers": 1, "width": 4, "subsampling": subsampling})
    [log_probs] = recognizer.log_probs([noise(2.0, 0.5)])
    assert recognizer.step_seconds == pytest.approx(0.01 * subsampling)
    assert len(log_probs) * recognizer.step_seconds == pytest.approx(2.0, abs=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_hears_what_the_cpu_hears(tiny_model, waveforms):
    on_cpu = Recognizer(TorchRuntime(tiny_model())).transcribe(waveforms)
    on_gpu = Recognizer(TorchRuntime(tiny_model(), device="cuda")).transcribe(waveforms)
    for here, there in zip(on_cpu, on_gpu, strict=True):
        assert there.text == here.text


@pytest.mark.parametrize("seconds", [0.01, 0.1, 1.0])
def test_word_decoding_gives_one_word_of_the_vocabulary_or_nothing_if_none_fits(tiny_recognizer, noise, seconds):
    recognizer = tiny_recognizer("word", vocabulary=("go", "stop", "forward"))
    [transcript] = recognizer.transcribe([noise(seconds, 0.3)])
    assert transcript.text in (["go", "stop", "forward"] if seconds >= 0.1 else [""])


def test_word_decoding_needs_a_vocabulary(recognizer):
    with pytest.raises(ValueError, match="has no vocabulary"):
        decoder_for(recognizer.config, "word")
