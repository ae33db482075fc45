import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from oyez.data.audio import SAMPLE_RATE
from oyez.models.vad.segmentation import BLOCK, SegmentationConfig, Segmenter
from oyez.models.vad.silero import segments_in

MARGIN = 9  # blocks in the default margin of 0.3 s
CLOSING = 16  # blocks in the default closing silence of 0.5 s

#: Stretches of (probability of speech, blocks).
STRETCHES = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), st.integers(1, 40)), max_size=12)


def stream_of(*stretches):
    """Return a stream whose blocks carry their probability of speech; noise makes no two of them alike."""
    probabilities = [probability_of_speech for probability_of_speech, length in stretches for _ in range(length)]
    stream = np.repeat(np.array(probabilities, np.float32), BLOCK)
    return stream + np.random.default_rng(0).uniform(-0.01, 0.01, len(stream)).astype(np.float32)


def probability(block):
    return round(float(block.mean()), 2)


def segmenter(**config):
    return Segmenter(SegmentationConfig(**config), probability)


def cut(stream, chunks=(BLOCK,), **config):
    """Feed a stream in chunks of these sizes, over and over, and flush."""
    ears, segments, position, turn = segmenter(**config), [], 0, 0
    while position < len(stream):
        size = chunks[turn % len(chunks)]
        segments += ears.accept(stream[position : position + size])
        position, turn = position + size, turn + 1
    return segments + ears.flush()


def blocks(segments):
    """Return (first, last + 1) block of each segment."""
    return [(segment.start * SAMPLE_RATE / BLOCK, segment.end * SAMPLE_RATE / BLOCK) for segment in segments]


def samples(segment, stream):
    """Return the part of the stream that a segment claims to be."""
    return stream[round(segment.start * SAMPLE_RATE) : round(segment.end * SAMPLE_RATE)]


def test_speech_is_kept_with_a_margin_on_either_side():
    assert blocks(cut(stream_of((0, 40), (1, 20), (0, 40)))) == [(40 - MARGIN, 60 + MARGIN)]


def test_speech_from_the_first_sample_on_is_whole():
    assert blocks(cut(stream_of((1, 20), (0, 40)))) == [(0, 20 + MARGIN)]


def test_click_is_not_speech():
    assert cut(stream_of((0, 20), (1, 1), (0, 20), (1, 1), (0, 20))) == []
    assert len(cut(stream_of((0, 20), (1, 2), (0, 20)))) == 1


def test_long_pause_parts_and_a_short_one_does_not():
    assert len(cut(stream_of((0, 20), (1, 10), (0, CLOSING - 1), (1, 10), (0, 20)))) == 1
    assert blocks(cut(stream_of((0, 20), (1, 10), (0, CLOSING), (1, 10), (0, 20)))) == [
        (20 - MARGIN, 30 + MARGIN),
        (30 + MARGIN, 56 + MARGIN),  # the look-back ends where the segment before it ended
    ]


def test_open_segment_outlasts_a_moment_of_doubt():
    assert len(cut(stream_of((1, 10), (0.4, 30), (1, 10), (0, 20)))) == 1
    assert cut(stream_of((0, 10), (0.4, 30), (0, 10))) == []


def test_segment_is_given_as_soon_as_the_closing_silence_is_over():
    ears = segmenter()
    assert ears.accept(stream_of((0, 20), (1, 10), (0, CLOSING - 1))) == []
    assert len(ears.accept(stream_of((0, 1)))) == 1


def test_long_speech_is_cut_at_its_best_pause_and_nothing_is_lost():
    stream = stream_of((0, 10), (1, 40), (0.8, 2), (1, 40), (0, 20))
    first, second = cut(stream, longest=2)
    assert blocks([first, second]) == [(1, 50), (50, 92 + MARGIN)]
    np.testing.assert_array_equal(
        np.concatenate([first.waveform, second.waveform]), stream[BLOCK : (92 + MARGIN) * BLOCK]
    )


@pytest.mark.parametrize("silence", range(1, CLOSING))
def test_speech_that_ends_just_before_the_longest_segment_ends_with_it(silence):
    # the best pause is then the silence that goes on: no second segment of that silence, and no failure over it
    falling = [(0.3 - n * 0.01, 1) for n in range(silence)]
    [segment] = cut(stream_of((1, 62 - silence), *falling, (0.01, 40)), longest=2)
    assert blocks([segment])[0][0] == 0
    assert 62 - silence < blocks([segment])[0][1] <= 62


@settings(deadline=None, max_examples=60)
@given(STRETCHES, st.lists(st.integers(1, 5000), min_size=1, max_size=5))
def test_any_chunking_gives_the_same_segments(stretches, chunks):
    stream = stream_of(*stretches)[: -BLOCK // 2]
    whole, pieces = cut(stream, [max(1, len(stream))], longest=2), cut(stream, chunks, longest=2)
    assert [segment.start for segment in pieces] == [segment.start for segment in whole]
    for one, other in zip(pieces, whole, strict=True):
        np.testing.assert_array_equal(one.waveform, other.waveform)


@settings(deadline=None, max_examples=60)
@given(STRETCHES, st.sampled_from([0.0, 0.1, 0.3]), st.sampled_from([0.05, 0.5, 1.0]))
def test_segments_are_parts_of_the_stream_in_order_and_not_too_long(stretches, margin, closing_silence):
    stream = stream_of(*stretches)
    end = 0
    for segment in cut(stream, longest=2, margin=margin, closing_silence=closing_silence):
        assert round(segment.start * SAMPLE_RATE) >= end
        assert 0 < len(segment.waveform) <= 2 * SAMPLE_RATE
        np.testing.assert_array_equal(segment.waveform, samples(segment, stream))
        end = round(segment.end * SAMPLE_RATE)


@settings(deadline=None, max_examples=60)
@given(STRETCHES, st.sampled_from([0.0, 0.1, 0.3]), st.sampled_from([0.05, 0.5, 1.0]))
def test_no_speech_is_lost(stretches, margin, closing_silence):
    stream = stream_of(*stretches)
    kept = np.zeros(len(stream), bool)
    for segment in cut(stream, longest=2, margin=margin, closing_silence=closing_silence):
        samples(segment, kept)[:] = True
    position = 0
    for probability_of_speech, length in stretches:
        if probability_of_speech >= 0.5 and length >= 2:
            assert kept[position : position + length * BLOCK].all()
        position += length * BLOCK


@pytest.mark.parametrize("threshold", [0.05, 0.15, 0.3])
def test_low_threshold_still_lets_a_segment_end(threshold):
    assert blocks(cut(stream_of((0, 20), (1, 20), (0, 60), (1, 20), (0, 60)), threshold=threshold)) == [
        (20 - MARGIN, 40 + MARGIN),
        (100 - MARGIN, 120 + MARGIN),
    ]


def test_tiny_closing_silence_does_not_chop_speech_up():
    assert len(cut(stream_of((0, 20), (1, 20), (0, 20)), closing_silence=0.001)) == 1


def test_flush_gives_what_is_still_being_said_to_the_last_sample():
    stream = stream_of((0, 20), (1, 10))[:-100]
    ears = segmenter()
    assert ears.accept(stream) == []
    [segment] = ears.flush()
    np.testing.assert_array_equal(segment.waveform, stream[(20 - MARGIN) * BLOCK :])
    assert ears.flush() == []


@pytest.mark.parametrize("end", ["reset", "flush"])
def test_next_stream_begins_anew(end):
    stream = stream_of((0, 20), (1, 10), (0, 20))
    ears = segmenter()
    expected = blocks(ears.accept(stream))
    ears.accept(stream_of((1, 5))[:-7])
    getattr(ears, end)()
    assert (ears.seconds, ears.open_segment, ears.speech_probability) == (0.0, None, 0.0)
    assert blocks(ears.accept(stream)) == expected


def test_open_segment_is_what_is_being_said():
    ears = segmenter()
    ears.accept(stream_of((0, 20)))
    assert ears.open_segment is None
    ears.accept(stream_of((1, 5))[:-1])
    assert blocks([ears.open_segment]) == [(20 - MARGIN, 24)]
    assert ears.speech_probability == pytest.approx(1.0)
    assert ears.seconds == pytest.approx((25 * BLOCK - 1) / SAMPLE_RATE)
    ears.accept(stream_of((0, 20)))
    assert ears.open_segment is None


@pytest.mark.parametrize("speech", [0.0, 1.0, 0.6])
def test_endless_stream_needs_no_more_memory(speech):
    ears = segmenter(longest=2)
    for _ in range(300):
        for segment in ears.accept(stream_of((speech, 5))):
            assert segment.end - segment.start <= 2
        assert len(ears._blocks) == len(ears._probabilities) <= 62
    assert ears.seconds == pytest.approx(1500 * BLOCK / SAMPLE_RATE)


@pytest.mark.parametrize("config", [{"threshold": 0}, {"threshold": 1}, {"longest": 1}, {"margin": -1}, {"pause": 1}])
def test_impossible_configuration_is_refused_by_name(config):
    with pytest.raises(ValidationError, match=next(iter(config))):
        SegmentationConfig(**config)


def test_silero_finds_speech_between_silences(spoken_sentence):
    silence = np.zeros(2 * SAMPLE_RATE, np.float32)
    stream = np.concatenate([silence, spoken_sentence, silence])
    segments = list(segments_in([stream]))
    assert segments
    assert segments[0].start > 1.0
    assert segments[-1].end < 3.0 + len(spoken_sentence) / SAMPLE_RATE
    heard = sum(float(np.square(segment.waveform).sum()) for segment in segments)
    assert heard > 0.98 * float(np.square(stream).sum())
    ears = Segmenter()
    again = [segment for start in range(0, len(stream), 777) for segment in ears.accept(stream[start : start + 777])]
    assert blocks(again + ears.flush()) == blocks(segments)


def test_silero_forgets_the_last_stream_on_reset(spoken_words):
    first, second = (word[: SAMPLE_RATE // 2] for word in spoken_words[:2])
    ears, fresh = Segmenter(), Segmenter()
    ears.accept(first)
    ears.reset()
    for start in range(0, len(second), BLOCK):
        ears.accept(second[start : start + BLOCK])
        fresh.accept(second[start : start + BLOCK])
        assert ears.speech_probability == fresh.speech_probability


def test_silero_hears_nothing_in_silence_and_hum():
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    hum = (0.1 * np.sin(2 * np.pi * 50 * time)).astype(np.float32)
    assert not list(segments_in([np.zeros(2 * SAMPLE_RATE, np.float32)])) + list(segments_in([hum]))


def test_pausing_segment_already_is_what_it_ends_as():
    ears = segmenter()
    ears.accept(stream_of((0, 20), (1, 10), (0, MARGIN - 1)))
    assert not ears.pausing
    ears.accept(stream_of((0, 1)))
    assert ears.pausing
    expected = ears.open_segment
    for _ in range(MARGIN, CLOSING - 1):
        assert ears.accept(stream_of((0, 1))) == []
        assert blocks([ears.open_segment]) == blocks([expected])
    [segment] = ears.accept(stream_of((0, 1)))
    assert blocks([segment]) == blocks([expected]) == [(20 - MARGIN, 30 + MARGIN)]
    np.testing.assert_array_equal(segment.waveform, expected.waveform)
    assert not ears.pausing


def test_segment_that_goes_on_is_no_longer_pausing():
    ears = segmenter()
    ears.accept(stream_of((0, 20), (1, 10), (0, MARGIN)))
    assert ears.pausing
    ears.accept(stream_of((1, 1)))
    assert not ears.pausing
    assert blocks([ears.open_segment]) == [(20 - MARGIN, 31 + MARGIN)]


def test_start_of_the_open_segment_is_known_without_copying_it():
    ears = segmenter()
    ears.accept(stream_of((0, 20)))
    assert ears.open_since is None
    ears.accept(stream_of((1, 5)))
    assert ears.open_since == ears.open_segment.start == (20 - MARGIN) * BLOCK / SAMPLE_RATE
