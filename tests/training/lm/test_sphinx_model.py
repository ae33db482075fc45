"""CMU Sphinx's binary language models: read as Sphinx itself reads them, and damaged ones refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pocketsphinx import Config, LogMath
from pocketsphinx import NGramModel as Sphinx

from oyez.training.lm.ngram import estimate
from oyez.training.lm.ngram_model import BEGIN, END, UNKNOWN, write_arpa
from oyez.training.lm.sphinx_model import read_sphinx_model
from tests.training.toy_text import WORDS, sentences


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of order 3 that pocketsphinx wrote."""
    folder = tmp_path_factory.mktemp("sphinx")
    write_arpa(estimate(sentences(), 3, (0, 1)), folder / "words.arpa")
    sphinx = Sphinx(Config(), LogMath(1.0001), str(folder / "words.arpa"))
    sphinx.write(str(folder / "words.lm.bin"), sphinx.str_to_type("bin"))
    return folder / "words.lm.bin"


def test_it_scores_as_what_it_was_made_from_and_as_sphinx_does(binary: Path) -> None:
    read, original = read_sphinx_model(binary), estimate(sentences(), 3, (0, 1))
    assert [ngrams.keys() for ngrams in read.probabilities] == [ngrams.keys() for ngrams in original.probabilities]
    logarithms = LogMath(1.0001)
    sphinx = Sphinx(Config(), logarithms, str(binary))
    for sentence in sentences(50, seed=3):
        for position, word in enumerate([*sentence, END]):
            context = (BEGIN, *sentence)[: position + 1]
            assert read.score(word, context) == pytest.approx(original.score(word, context), abs=2e-3)  # 16 bits
            newest_first = [word, *reversed(context)][:3]
            assert read.score(word, context) == pytest.approx(
                logarithms.log_to_log10(sphinx.prob(newest_first)), abs=2e-4
            )
    assert {word for (word,) in read.probabilities[0]} == {*WORDS, BEGIN, END, UNKNOWN}


def test_what_is_no_such_model_is_refused_by_name(binary: Path, tmp_path: Path) -> None:
    path = tmp_path / "words.lm.bin"
    content = binary.read_bytes()
    for damaged in (b"", b"\\data\\\nngram 1=2\n", content[:10]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"^{path}: no language model of CMU Sphinx"):
            read_sphinx_model(path)
    for damaged in (content[:30], content[:5000], content[:-900], content[:-10]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"^{path}: a damaged language model of CMU Sphinx"):
            read_sphinx_model(path)
    with pytest.raises(OSError, match="nowhere"):
        read_sphinx_model(tmp_path / "nowhere")
