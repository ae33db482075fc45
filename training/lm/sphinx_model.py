"""Read a word n-gram language model of CMU Sphinx, as the pocketsphinx package brings one along for US English.

The format is the binary one that Sphinx calls a trie (after KenLM's: Heafield 2011, "KenLM: Faster and Smaller Language
Model Queries"): after the unigrams comes an array of bit fields for each higher order. An n-gram w1 ... wn stands below
its last word, then the one before it, and so on back to w1. Each entry says where its children begin; they end where
those of the next entry begin. Probabilities and back-off weights of the higher orders are numbers of a table.

pocketsphinx itself can score with such a file, but neither list its n-grams nor write it in another format (its
`write` crashes on the file that it ships).
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oyez.training.lm.ngram_model import BEGIN, NEVER, NgramModel, Words

_MAGIC = b"Trie Language Model"
_TABLE = 1 << 16  # quantised values
_TO_LOG10 = math.log10(1.0001)  # Sphinx's logarithms are to this base
_UNIGRAM = np.dtype([("probability", "<f4"), ("backoff", "<f4"), ("children", "<u4")])
_PADDING = 8  # bytes after an array, so that a field can be read as 64 bits

Array = NDArray[np.int64]


def read_sphinx_model(path: Path) -> NgramModel:
    """Read a model of order 3.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such model, or a damaged one.
    """
    content = path.read_bytes()
    if not content.startswith(_MAGIC):
        raise ValueError(f"{path}: no language model of CMU Sphinx in its binary trie format (en-us.lm.bin is one)")
    try:
        return _read(content)
    except (struct.error, ValueError, IndexError) as error:
        raise ValueError(f"{path}: a damaged language model of CMU Sphinx ({error})") from error


def _read(content: bytes) -> NgramModel:
    place = len(_MAGIC)
    order, *counts = struct.unpack_from("<B3I", content, place)
    if order != 3:
        raise ValueError(f"its order is {order}, and only 3 is read")
    place += struct.calcsize("<B3I") + 4  # then the kind of quantisation, of which there is one
    bigram_scores, bigram_backoffs, trigram_scores = (
        np.frombuffer(content, "<f4", _TABLE, place + number * 4 * _TABLE) * _TO_LOG10 for number in range(3)
    )
    place += 3 * 4 * _TABLE
    unigrams = np.frombuffer(content, _UNIGRAM, counts[0] + 1, place)  # one more, which says where children end
    place += unigrams.nbytes
    word_bits, child_bits = counts[0].bit_length(), counts[2].bit_length()
    bigrams = _Fields(content, place, counts[1] + 1, word_bits + 32 + child_bits)
    trigrams = _Fields(content, place + bigrams.size, counts[2] + 1, word_bits + 16)
    words = content[place + bigrams.size + trigrams.size + 4 :].decode("latin-1").split("\0")[: counts[0]]
    if len(words) < counts[0]:
        raise ValueError(f"{len(words)} words where {counts[0]} were promised")

    children = unigrams["children"].astype(np.int64)
    begins = bigrams.read(word_bits + 32, child_bits, int(children[-1]) + 1)  # of each bigram's children, and their end
    second = np.repeat(np.arange(counts[0]), np.diff(children))
    first = bigrams.read(0, word_bits, len(second))
    pairs: list[Words] = [(words[a], words[b]) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    parents = np.repeat(np.arange(len(pairs)), np.diff(begins))
    before = trigrams.read(0, word_bits, len(parents))
    triples: list[Words] = [
        (words[first_word], *pairs[pair]) for first_word, pair in zip(before.tolist(), parents.tolist(), strict=True)
    ]
    scores = bigram_scores[bigrams.read(word_bits + 16, 16, len(pairs))]
    backoffs = bigram_backoffs[bigrams.read(word_bits, 16, len(pairs))]
    single: list[Words] = [(word,) for word in words]
    probabilities = [
        dict(zip(single, (unigrams["probability"][:-1] * _TO_LOG10).tolist(), strict=True)),
        dict(zip(pairs, scores.tolist(), strict=True)),
        dict(zip(triples, trigram_scores[trigrams.read(word_bits, 16, len(triples))].tolist(), strict=True)),
    ]
    probabilities[0][(BEGIN,)] = NEVER
    weights = dict(zip(single, (unigrams["backoff"][:-1] * _TO_LOG10).tolist(), strict=True))
    weights.update(zip(pairs, backoffs.tolist(), strict=True))
    return NgramModel(probabilities, weights)


class _Fields:
    """An array of entries of any number of bits, the lowest first."""

    def __init__(self, content: bytes, place: int, entries: int, bits: int) -> None:
        self.size = (entries * bits + 7) // 8 + _PADDING  # bytes
        self._bytes = np.frombuffer(content, np.uint8, self.size, place)
        self._bits = bits

    def read(self, offset: int, bits: int, count: int) -> Array:
        """Return the field of so many bits at an offset of the first entries."""
        at = np.arange(count, dtype=np.int64) * self._bits + offset
        value = np.zeros(count, np.uint64)
        for byte in range(_PADDING):
            value |= self._bytes[(at >> 3) + byte].astype(np.uint64) << np.uint64(8 * byte)
        return ((value >> (at & 7).astype(np.uint64)) & np.uint64((1 << bits) - 1)).astype(np.int64)
