"""Beam search over words with an n-gram language model: shallow fusion (Gulcehre et al. 2015, arXiv:1503.03535).

The search is flashlight-text's (Collobert et al. 2016, arXiv:1609.03193), the language model is read by KenLM
(Heafield 2011): an ARPA file, plain or packed by gzip, or KenLM's own binary, which is mapped into memory as it is. Its
unigrams are the words that may be found.
"""

from __future__ import annotations

import copy
import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, Field

from oyez.data.alphabet import BLANK, LABELS, SPACE, encode
from oyez.data.quiet import quiet_libraries
from oyez.models.decoding.decoder import LogProbs
from oyez.models.decoding.prior import LabelPrior, subtract_prior

if TYPE_CHECKING:
    from flashlight.lib.text.decoder import LexiconDecoder

_UNKNOWN = "<unk>"
_GZIP, _KENLM = b"\x1f\x8b", b"mmap lm http://kheafield.com/code"  # how a packed file, and KenLM's binary, begin
_NEVER = -1e4  # log-probability
_NO_WORDS = ("<s>", "</s>", _UNKNOWN)
_BEAM_THRESHOLD = 10.0  # hypotheses so much worse than the best are dropped; a wider search found no better text


class NgramConfig(BaseModel, frozen=True, extra="forbid"):
    """How much the language model counts against the acoustic one."""

    weight: float = Field(default=0.5, ge=0)  # of its log-probabilities, which are to the base of ten
    word_score: float = 0.0  # added for every word: a language model alone prefers few
    prior_weight: float = Field(default=0.0, ge=0)  # of the label prior, which is taken off the acoustic model's
    sha256: str = ""  # of the file


class NgramDecoder:
    """Finds the best sequence of a language model's words in CTC log-probabilities."""

    name = "ngram"

    def __init__(self, path: Path, config: NgramConfig, width: int = 100, prior: LabelPrior = ()) -> None:
        """Read a language model.

        Args:
            path: an ARPA file or KenLM's binary.
            config: the weights.
            width: hypotheses kept at each step.
            prior: the acoustic model's.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no language model, or lists a word outside the alphabet.
        """
        from flashlight.lib.text.decoder import SmearingMode, Trie
        from flashlight.lib.text.decoder.kenlm import KenLM
        from flashlight.lib.text.dictionary import Dictionary

        self.width = width
        self._prior = prior
        try:
            self.words = tuple(word for word in _unigrams(path) if word not in _NO_WORDS)
            self._dictionary = Dictionary([*self.words, _UNKNOWN])
            with quiet_libraries():  # KenLM's remarks
                self._language_model = KenLM(str(path), self._dictionary)
            self._lexicon = Trie(LABELS, SPACE)
            nothing = self._language_model.start(True)  # no word, nor the beginning of a sentence, is before the next
            for number, word in enumerate(self.words):
                _, score = self._language_model.score(nothing, number)  # while a word is open, its likeliest end counts
                self._lexicon.insert(encode(f"{word} "), number, score)
        except (ValueError, RuntimeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path}: no usable language model ({str(error).splitlines()[-1]})") from error
        self._lexicon.smear(SmearingMode.MAX)
        self.config = config
        self._search = self._searcher()

    def with_weights(self, config: NgramConfig) -> NgramDecoder:
        """Return a decoder with the same language model, which is not read again, and other weights."""
        other = copy.copy(self)
        other.config = config
        other._search = other._searcher()
        return other

    def _searcher(self) -> LexiconDecoder:
        from flashlight.lib.text.decoder import CriterionType, LexiconDecoder, LexiconDecoderOptions

        options = LexiconDecoderOptions(
            beam_size=self.width,
            beam_size_token=LABELS,
            beam_threshold=_BEAM_THRESHOLD,
            lm_weight=self.config.weight,
            word_score=self.config.word_score,
            unk_score=-math.inf,
            sil_score=0.0,
            log_add=False,  # the likeliest alignment of a sequence of words stands for all
            criterion_type=CriterionType.CTC,
        )
        unknown = self._dictionary.get_index(_UNKNOWN)
        return LexiconDecoder(options, self._lexicon, self._language_model, SPACE, BLANK, unknown, [], False)

    def decode(self, log_probs: LogProbs) -> list[int]:
        """Return the labels of the best sequence of words, given log-probabilities of shape (steps, labels)."""
        emissions = subtract_prior(log_probs, self._prior, self.config.prior_weight)
        if emissions is not log_probs and bool((log_probs.argmax(axis=1) == BLANK).all()):
            return []  # nothing was recognised, and without the prior words would be made of it
        # every word ends with a space, the last one as well: it comes in a step of its own, after all others
        end = np.full((1, LABELS), _NEVER, np.float32)
        end[0, SPACE] = 0.0
        ended = np.concatenate([emissions, end], dtype=np.float32)
        found = self._search.decode(ended.ctypes.data, *ended.shape)
        words = [self.words[number] for number in found[0].words if number >= 0] if found else []
        return encode(" ".join(words))

    def score(self, words: Sequence[str]) -> list[float | None]:
        """Return log10 of the probability of each word of a sentence, then of its end; None for words not in it."""
        state = self._language_model.start(False)
        scores: list[float | None] = []
        for word in words:
            number = self._dictionary.get_index(word) if self._dictionary.contains(word) else len(self.words)
            state, score = self._language_model.score(state, number)
            scores.append(score if number < len(self.words) else None)
        return [*scores, self._language_model.finish(state)[1]]


def _unigrams(path: Path) -> Iterator[str]:
    """Yield the words of a language model. Raises ValueError for a file that is none, and what reading it raises."""
    with path.open("rb") as file:
        begin = file.read(len(_KENLM))
    if begin == _KENLM:
        return _unigrams_of_binary(path)
    return _unigrams_of_arpa(path, packed=begin.startswith(_GZIP))


def _unigrams_of_binary(path: Path) -> Iterator[str]:
    """Yield the words of KenLM's binary: they are its end, each followed by a zero byte, the unknown word first."""
    content = path.read_bytes()
    start = content.rfind(f"{_UNKNOWN}\0".encode())
    if start < 0 or not content.endswith(b"\0"):
        raise ValueError("it lists no words")
    yield from content[start:-1].decode().split("\0")


def _unigrams_of_arpa(path: Path, packed: bool) -> Iterator[str]:
    inside = False
    with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as file:
        for line in file:
            if line.startswith("\\"):
                if inside:
                    return
                inside = line.strip() == "\\1-grams:"
            elif inside and line.strip():
                word = line.partition("\t")[2].partition("\t")[0].strip()
                if not word:
                    raise ValueError(f"no word after a tab in the line {line.strip()!r}")
                yield word
    raise ValueError("it lists no words")
