"""Several corpora in several decodings: each figure, told or drawn, is that of its own utterances."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from oyez.app.evaluate.report import Trial, as_record, draw, tables
from oyez.data.manifest import Utterance
from oyez.models.types import Transcript, Word
from oyez.training.evaluation.recognition import Evaluation, Result


def heard(said: str, text: str, speaker: str, confidence: float) -> Result:
    words = tuple(Word(word, 0.0, 1.0, confidence) for word in text.split())
    return Result(Utterance(Path("x.wav"), said, speaker), Transcript(text, words, confidence, 1.0, "m"))


WORDS = Evaluation(
    [heard("yes", "yes", "words/ann", 0.9), heard("no", "go", "words/bob", 0.5), heard("up", "up", "words/ann", 0.9)],
    ["words/broken.wav: no audio"],
    0.5,
)
OTHER = Evaluation([heard("", "", "other/ann", 1.0), heard("", "yes", "other/cid", 0.3)], [], 0.1)
GREEDY = Trial("m", "greedy", {"words": WORDS, "talk, other speech": OTHER}, {})
BEAM = Trial("m", "beam", {"words": Evaluation(WORDS.results[:1] * 3, [], 1.0), "talk, other speech": OTHER}, {})


def shown(trials: list[Trial]) -> list[list[str]]:
    console = Console(width=120, record=True, file=StringIO())
    for table in tables(trials, confusions=3):
        console.print(table)
    return [line.split() for line in console.export_text().splitlines()]


def test_a_record_has_the_figures_of_each_corpus_and_of_all() -> None:
    record = as_record(GREEDY, {"recipe": "r"})
    assert (record["recipe"], record["decoding"], record["utterances"], record["speakers"]) == ("r", "greedy", 5, 4)
    assert record["correct"] == pytest.approx(3 / 5)
    assert record["word_error_rate"] == pytest.approx(2 / 3)  # one wrong and one invented to three that were said
    words, other = record["by_corpus"]["words"], record["by_corpus"]["talk, other speech"]
    assert (words["utterances"], words["speakers"]) == (3, 2)
    assert words["word_error_rate"] == pytest.approx(1 / 3)
    assert words["expected_calibration_error"] == pytest.approx((2 * 0.1 + 1 * 0.5) / 3)
    assert other["correct"] == 0.5
    assert set(record["by_speaker"]) == {"words/ann", "words/bob", "other/ann", "other/cid"}
    assert [result["corpus"] for result in record["results"]] == ["words"] * 3 + ["talk, other speech"] * 2
    assert record["skipped"] == ["words/broken.wav: no audio"]


def test_the_table_has_a_row_for_each_corpus_and_decoding_and_for_all() -> None:
    lines = shown([GREEDY, BEAM])
    assert ["words", "greedy", "3", "2", "66.67%", "33.33%", "14.29%", "23.33%"] in lines
    assert ["beam", "3", "1", "100.00%", "0.00%", "0.00%", "10.00%"] in lines
    assert ["talk,", "other", "speech", "greedy", "2", "2", "50.00%", "50.00%", "50.00%", "-"] in lines
    assert any(line[:4] == ["all", "greedy", "5", "4"] for line in lines)
    assert lines.count(["decoding", "greedy"]) == lines.count(["decoding", "beam"]) == 1


def test_one_corpus_in_one_decoding_is_not_told_twice() -> None:
    lines = shown([Trial("m", "beam", {"words": WORDS}, {})])
    assert not any("calibration" in line and "corpus" in line for line in lines)
    assert ["sentence", "accuracy", "66.67%"] in lines


def test_corpora_decodings_and_noise_are_drawn(tmp_path: Path) -> None:
    draw([Trial("m", "beam", {"words": WORDS}, {})], tmp_path / "narrow.svg")
    in_noise = [Trial("m", trial.decoding, trial.by_corpus, {10.0: WORDS, 0.0: OTHER}) for trial in (GREEDY, BEAM)]
    draw(in_noise, tmp_path / "wide.svg")
    narrow, wide = ((tmp_path / name).read_text() for name in ("narrow.svg", "wide.svg"))
    assert wide.count('id="axes_') == 4
    assert narrow.count('id="axes_') == 2
    with pytest.raises(ValueError, match="nothing"):
        draw([GREEDY], tmp_path / "plot.nothing")
