import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.data.manifest import Utterance, read_manifest
from oyez.models.grammar.confidence import CommandConfidence
from oyez.models.recognizer import Recognizer
from oyez.training.calibration import command_trials
from oyez.training.calibration.command_confidence import attempts, fit_confidence, measure_on_other_speakers
from oyez.training.calibration.command_trials import Phrase, phrases, sources, trials
from oyez.training.calibration.operating_points import operating_point

WORDS = [
    "red",
    "green",
    "blue",
    "left",
    "right",
    "open",
    "close",
    "door",
    "window",
    "light",
    "radio",
    "music",
    "seven",
    "eleven",
    "kitchen",
    "garden",
]


def said(text, seed, noise):
    rows = [row for label in encode(text) for row in (label, BLANK)] or [BLANK] * 20
    scores = noise * torch.randn(len(rows), LABELS, generator=torch.Generator().manual_seed(seed))
    scores[torch.arange(len(rows)), torch.tensor(rows)] += 9
    return torch.log_softmax(scores, dim=-1).numpy()


@pytest.fixture(scope="module")
def heard():
    """Phrases of one to three words by eight speakers, some as running speech, as a good model would hear them."""
    texts = [
        " ".join(words) for n in (1, 2, 3) for words in itertools.islice(itertools.permutations(WORDS, n), 0, 400, 5)
    ]
    return [
        Phrase(text, f"speaker{n % 8}", 2.0, log_probs := said(text, n, 1 + n % 3), log_probs, is_running=n % 2 == 0)
        for n, text in enumerate([*texts, ""])
    ]


@pytest.fixture(scope="module")
def tried(heard):
    return trials(heard, files=12, seed=1)


def test_trials_are_of_all_kinds_and_the_same_for_the_same_seed(heard, tried):
    kinds = Counter(trial.kind for trial in tried)
    assert all(kinds[kind] > 20 for kind in ("sentence", "near", "speech", "words"))
    assert trials(heard, files=3, seed=2) == trials(heard, files=3, seed=2)
    assert not any(trial.right for trial in tried if trial.kind != "sentence")
    assert sum(trial.right for trial in tried if trial.kind == "sentence") > 0.9 * kinds["sentence"]


def test_fitted_confidence_tells_sentences_from_what_is_none(tried):
    confidence = fit_confidence(tried)
    for other in ("speech", "words", "near"):
        point = operating_point(attempts(tried, confidence, other), 0.5)
        assert point.missed < 0.05
        assert point.refused > 0.9
    assert 0 <= confidence.threshold <= 1


def test_measuring_judges_each_speaker_by_the_others(heard):
    measured = measure_on_other_speakers(heard, files=6)
    assert set(measured.points) == {"speech", "words", "near"}
    at_threshold = [point for point in measured.points["speech"] if point.threshold == measured.threshold]
    assert len(at_threshold) == 1
    assert at_threshold[0].missed < 0.1
    assert measured.calibration_error < 0.2
    assert measured.other_hours > 0
    assert list(measured.by_length) == [(1, 1), (2, 2), (3, 4)]  # there are no longer ones
    assert all(point.missed <= 0.05 for point in measured.by_length.values())


def test_in_noise_the_same_trials_are_judged_by_what_was_fitted_in_quiet(heard):
    noisy = [
        replace(phrase, log_probs=worse, searched=worse)
        for n, phrase in enumerate(heard)
        for worse in [said(phrase.text, n, 4)]
    ]
    quiet = measure_on_other_speakers(heard, files=6)
    measured = measure_on_other_speakers(heard, files=6, in_noise={20.0: heard, 6.0: noisy})
    assert measured.by_length == quiet.by_length == measured.in_noise[20.0]
    drowned = measured.in_noise[6.0]
    assert all(point.threshold == quiet.by_length[lengths].threshold for lengths, point in drowned.items())
    assert sum(point.missed for point in drowned.values()) > sum(point.missed for point in quiet.by_length.values())


@pytest.mark.parametrize("lengths", [(1, 1), (2, 2), (2, 3)])
def test_files_may_be_of_sentences_of_one_length_alone(heard, lengths, monkeypatch):
    written = []
    monkeypatch.setattr(command_trials, "_trials_on", lambda texts, *_: written.extend(texts) or [])
    trials(heard, files=4, seed=1, lengths=lengths)
    fewest, most = lengths
    assert {len(text.split()) for text in written} == set(range(fewest, most + 1))


def test_where_no_file_can_be_made_there_are_no_trials_and_no_fit(heard):
    [alone] = [phrase for phrase in heard if phrase.text == "red"]
    sentences = [phrase for phrase in heard if len(phrase.text.split()) == 3][:6]
    assert trials([alone], files=3) == trials([], files=3) == []
    assert trials(heard, files=3, lengths=(9, 9)) == []
    assert trials([alone, *sentences], files=12)  # no file of single words, but others
    before = CommandConfidence(threshold=0.123)
    assert fit_confidence([], before=before) == before


def test_utterances_are_cut_at_pauses_and_short_ones_put_together(spoken):
    manifest = read_manifest(next(spoken.glob("manifest.*")))
    by_text = {utterance.text: utterance for utterance in manifest}
    long = by_text["left right stop"]
    sentence = Utterance(long.path, long.text, "a", 0.0, 2.16)
    short = [Utterance(by_text[word].path, word, "b", 0.0, 1.1) for word in ("yes", "stop", "seven")]
    commands = Recognizer.load("commands")
    cut = sources(commands, [sentence, *short])
    heard = phrases(commands, cut)
    texts = [phrase.text for phrase in heard]
    assert texts[:-4] == ["left", "right", "stop"]
    assert texts[-4:] == ["yes", "stop", "seven", "yes stop"]
    assert [phrase.is_running for phrase in heard] == [True] * 3 + [False] * 4
    assert sum(phrase.seconds for phrase in heard[:3]) == pytest.approx(2.16, abs=0.1)

    numbers = []

    def drowned(waveform, number):
        numbers.append(number)
        return np.random.default_rng(number).normal(0, 0.3, len(waveform)).astype(np.float32)

    noisy = phrases(commands, cut, drowned)
    assert numbers == list(range(7))
    assert [(phrase.text, phrase.seconds) for phrase in noisy] == [(phrase.text, phrase.seconds) for phrase in heard]
    assert all((phrase.log_probs.argmax(1) == BLANK).mean() > 0.5 for phrase in noisy)
    assert not any(np.array_equal(one.log_probs, other.log_probs) for one, other in zip(noisy, heard, strict=True))
