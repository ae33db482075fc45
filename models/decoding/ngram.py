"""Beam search over words with an n-gram language model: shallow fusion (Gulcehre et al. 2015, arXiv:1503.03535).

The search is flashlight-text's (Collobert et al. 2016, arXiv:1609.03193), the language model is read by KenLM
(Heafield 2011): an ARPA file, whose unigrams are the words that may be found.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field
from torch import Tensor

from models.alphabet import BLANK, LABELS, SPACE, encode
from models.decoding.prior import LabelPrior, without_prior

_UNKNOWN = "<unk>"
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

    def __init__(self, arpa: Path, config: NgramConfig, width: int = 100, prior: LabelPrior = ()) -> None:
        """Read an ARPA file, plain or packed (.gz); `prior` is the acoustic model's.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no ARPA file, or lists a word outside the alphabet.
        """
        from flashlight.lib.text.decoder import SmearingMode, Trie
        from flashlight.lib.text.decoder.kenlm import KenLM
        from flashlight.lib.text.dictionary import Dictionary

        self.width = width
        self._prior = prior
        try:
            unigrams = list(_unigrams(arpa))
            self.words = [word for word, _ in unigrams]
            spelled = [encode(f"{word} ") for word in self.words]
            self._dictionary = Dictionary([*self.words, _UNKNOWN])
            with _quiet():
                self._language_model = KenLM(str(arpa), self._dictionary)
        except (ValueError, RuntimeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{arpa}: no usable ARPA language model ({str(error).splitlines()[0]})") from error
        self._lexicon = Trie(LABELS, SPACE)
        for number, (labels, (_, score)) in enumerate(zip(spelled, unigrams, strict=True)):
            self._lexicon.insert(labels, number, score)  # while a word is open, its likeliest end counts
        self._lexicon.smear(SmearingMode.MAX)
        self.weigh(config)

    def weigh(self, config: NgramConfig) -> None:
        """Let the language model, and the label prior, count as `config` says from now on."""
        from flashlight.lib.text.decoder import CriterionType, LexiconDecoder, LexiconDecoderOptions

        options = LexiconDecoderOptions(
            beam_size=self.width,
            beam_size_token=LABELS,
            beam_threshold=_BEAM_THRESHOLD,
            lm_weight=config.weight,
            word_score=config.word_score,
            unk_score=-math.inf,
            sil_score=0.0,
            log_add=False,  # the likeliest alignment of a sequence of words stands for all
            criterion_type=CriterionType.CTC,
        )
        self._prior_weight = config.prior_weight
        self._decoder = LexiconDecoder(
            options, self._lexicon, self._language_model, SPACE, BLANK, self._dictionary.get_index(_UNKNOWN), [], False
        )

    def search(self, log_probs: Tensor) -> list[str]:
        """Return the words of log-probabilities of shape (steps, labels), on the CPU."""
        heard = log_probs.float()
        emissions = without_prior(heard, self._prior, self._prior_weight)
        if emissions is not heard and bool((heard.argmax(dim=-1) == BLANK).all()):
            return []  # nothing was heard, and without the prior words would be made of it
        # every word ends with a space, the last one as well: it comes in a step of its own, after all others
        end = np.full((1, LABELS), _NEVER, np.float32)
        end[0, SPACE] = 0.0
        ended = np.concatenate([emissions.numpy(), end])
        found = self._decoder.decode(ended.ctypes.data, *ended.shape)
        return [self.words[number] for number in found[0].words if number >= 0] if found else []


def _unigrams(arpa: Path) -> Iterator[tuple[str, float]]:
    """Yield the words of an ARPA file with their log10 probabilities.

    Raises ValueError for one that is none, and what reading it raises.
    """
    inside = False
    with gzip.open(arpa, "rt", encoding="utf-8") if arpa.suffix == ".gz" else arpa.open(encoding="utf-8") as file:
        for line in file:
            if line.startswith("\\"):
                if inside:
                    return
                inside = line.strip() == "\\1-grams:"
            elif inside and line.strip():
                score, _, rest = line.partition("\t")
                word = rest.partition("\t")[0].strip()
                if not word:
                    raise ValueError(f"no word after a tab in the line {line.strip()!r}")
                if word not in _NO_WORDS:
                    yield word, float(score)
    raise ValueError("it lists no words")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep KenLM's remarks, which it writes past Python, off standard error."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
