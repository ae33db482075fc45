"""Search with an n-gram language model: the best of all word sequences, weights that count, files that are checked."""

from __future__ import annotations

import gzip
import itertools
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio.functional

from oyez.data.alphabet import BLANK, LABELS, decode, encode
from oyez.data.audio import SAMPLE_RATE
from oyez.models.checkpoint import NGRAM, CheckpointError, load_ngram, read_config, save_ngram
from oyez.models.decoding.decoder import LogProbs
from oyez.models.decoding.ngram import NgramConfig, NgramDecoder
from oyez.models.network import Model, save_checkpoint
from oyez.models.recognizer import Recognizer

ARPA = """\\data\\
ngram 1=6
ngram 2=3

\\1-grams:
-99\t<s>\t-0.3
-0.6\t</s>
-0.5\tab\t-0.2
-0.7\ta\t-0.1
-0.9\tba\t-0.4
-3\t<unk>

\\2-grams:
-0.2\t<s> ab
-0.4\tab a
-0.1\ta </s>

\\end\\
"""
PACKED = gzip.compress(ARPA.encode(), mtime=0)
BINARY = Path(__file__).with_name("words.kenlm")  # build_binary -q 8 -b 8 -a 255 trie words.arpa words.kenlm
WORDS = ("ab", "a", "ba")
UNIGRAMS = {"</s>": -0.6, "ab": -0.5, "a": -0.7, "ba": -0.9}
BACKOFFS = {"<s>": -0.3, "ab": -0.2, "a": -0.1, "ba": -0.4}
BIGRAMS = {("<s>", "ab"): -0.2, ("ab", "a"): -0.4, ("a", "</s>"): -0.1}


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "words.arpa"
    path.write_text(ARPA)
    return path


def language_score(words: Sequence[str]) -> float:
    """Return the logarithm to the base of ten, as KenLM gives it and the search weighs it."""
    sentence = ("<s>", *words, "</s>")
    return sum(
        BIGRAMS.get(pair, BACKOFFS.get(pair[0], 0.0) + UNIGRAMS[pair[1]]) for pair in itertools.pairwise(sentence)
    )


def best_alignment(log_probs: LogProbs, text: str) -> float:
    """Return the log-probability of the likeliest alignment of a text; -inf where there is none."""
    try:
        _, scores = torchaudio.functional.forced_align(
            torch.from_numpy(log_probs)[None], torch.tensor([encode(text)], dtype=torch.int32), blank=BLANK
        )
    except RuntimeError:  # too long
        return -math.inf
    return float(scores.sum())


def brute_force(log_probs: LogProbs, config: NgramConfig) -> list[tuple[float, tuple[str, ...]]]:
    """Score every sequence of up to three words, with one or two spaces between them, and up to two around them."""
    scored = []
    for length in range(1, 4):
        for words in itertools.product(WORDS, repeat=length):
            spellings = [
                first + "".join(itertools.chain(*zip(words, spaces, strict=True)))
                for first, *spaces in itertools.product(("", " ", "  "), *[(" ", "  ")] * (length - 1), ("", " ", "  "))
            ]
            heard = max(best_alignment(log_probs, spelling) for spelling in spellings)
            if heard > -math.inf:
                language = config.weight * language_score(words) + config.word_score * length
                scored.append((heard + language, words))
    return sorted(scored, reverse=True)


def some_log_probs(seed: int, steps: int = 6) -> LogProbs:
    random = np.random.default_rng(seed)
    logits = np.full((steps, LABELS), -12.0)
    logits[:, [0, 1, *encode("ab")]] = random.normal(0, 2.5, (steps, 4))
    return torch.log_softmax(torch.tensor(logits, dtype=torch.float32), dim=1).numpy()


@pytest.mark.parametrize("config", [NgramConfig(weight=0.0), NgramConfig(weight=1.5), NgramConfig(word_score=2.0)])
def test_the_best_of_all_word_sequences_is_found(arpa: Path, config: NgramConfig) -> None:
    decoder = NgramDecoder(arpa, config, width=500)
    for seed in range(12):
        log_probs = some_log_probs(seed)
        best, second = brute_force(log_probs, config)[:2]
        assert tuple(decode(decoder.decode(log_probs)).split()) in (
            {best[1]} if best[0] - second[0] > 1e-4 else {best[1], second[1]}
        )


def test_the_label_prior_is_taken_off_what_was_heard(arpa: Path) -> None:
    prior = tuple(-0.5 * (label + 1) for label in range(LABELS))
    config = NgramConfig(weight=1.0, prior_weight=0.7)
    decoder = NgramDecoder(arpa, config, width=500, prior=prior)
    differs = 0
    for seed in range(12):
        log_probs = some_log_probs(seed)
        divided = log_probs - 0.7 * np.array(prior, np.float32)
        expected = NgramDecoder(arpa, NgramConfig(weight=1.0), width=500).decode(divided)
        if (log_probs.argmax(axis=-1) == BLANK).all():
            assert decoder.decode(log_probs) == []  # no words are made of silence
            continue
        assert decoder.decode(log_probs) == expected
        differs += expected != NgramDecoder(arpa, NgramConfig(weight=1.0), width=500).decode(log_probs)
    assert differs


def test_without_the_prior_no_words_are_made_of_silence(arpa: Path) -> None:
    prior = (0.0, *[-9.0] * (LABELS - 1))
    silence = np.full((6, LABELS), -8.0, np.float32)
    silence[:, BLANK] = 0.0
    eager, sober = (NgramDecoder(arpa, NgramConfig(prior_weight=weight), prior=prior) for weight in (0.9, 0.0))
    divided = silence - 0.9 * np.array(prior, np.float32)
    assert sober.decode(divided)  # that is what would be heard
    assert eager.decode(silence) == []


def test_the_language_model_decides_what_the_ear_cannot(arpa: Path) -> None:
    log_probs = np.full((4, LABELS), -30.0, np.float32)
    log_probs[0::2, encode("ab")] = math.log(0.5)
    log_probs[1::2, BLANK] = 0.0
    decoder = NgramDecoder(arpa, NgramConfig(weight=1.0))
    assert decode(decoder.decode(log_probs)) == "ab"  # "ba" is as likely by ear
    log_probs[0, encode("b")] += 0.2
    log_probs[2, encode("a")] += 0.2
    assert decode(decoder.decode(log_probs)) == "ab"
    assert decode(decoder.with_weights(NgramConfig(weight=0.1)).decode(log_probs)) == "ba"
    assert decode(decoder.decode(log_probs)) == "ab"  # which remains as it was made


def test_nothing_comes_of_nothing(arpa: Path) -> None:
    assert NgramDecoder(arpa, NgramConfig()).decode(np.zeros((0, LABELS), np.float32)) == []


def test_a_sentence_is_scored_as_the_file_says(arpa: Path) -> None:
    decoder = NgramDecoder(arpa, NgramConfig())
    *scores, end = decoder.score(["ab", "a", "never", "ba"])
    assert scores == [pytest.approx(-0.2), pytest.approx(-0.4), None, pytest.approx(-0.9)]
    assert end == pytest.approx(-0.4 - 0.6)
    assert decoder.score(["ab", "a"])[-1] == pytest.approx(-0.1)


@pytest.mark.parametrize("packed", [PACKED, BINARY.read_bytes()], ids=["gzip", "binary"])
def test_the_language_model_may_be_packed(arpa: Path, tmp_path: Path, packed: bytes) -> None:
    config = NgramConfig(weight=1.5)
    path = tmp_path / "packed"  # its content says what it is
    path.write_bytes(packed)
    decoder, plain = NgramDecoder(path, config), NgramDecoder(arpa, config)
    assert set(decoder.words) == set(plain.words) == set(WORDS)
    for seed in range(12):
        assert decoder.decode(some_log_probs(seed)) == plain.decode(some_log_probs(seed))


@pytest.mark.parametrize(("content", "message"), [
    (b"no language model", "it lists no words"),
    (ARPA.replace("ngram 2=3", "ngram 2=7").encode(), "Could not parse"),
    (ARPA.replace("ba\t-0.4", "b9\t-0.4").encode(), "not in the alphabet"),
    (ARPA.replace("ba\t-0.4", "ab\t-0.4").encode(), "'ab'"),
    (ARPA.replace("ba\t-0.4", "b\xe9\t-0.4").encode("latin-1"), "utf-8"),
    (ARPA.replace("\t", " ").encode(), "no word after a tab in the line '-99 <s> -0.3'"),
    (PACKED[:40], "file ended"),
    (PACKED[:-30], "file ended"),
    (PACKED[:-4], "zlib"),
    (PACKED[:30] + bytes(99), "invalid"),
    (b"\x1f\x8bpacked by another program", "compression method"),
    (BINARY.read_bytes()[:60], "it lists no words"),
    (BINARY.read_bytes()[:-2], "it lists no words"),
    (BINARY.read_bytes().replace(b"\0ba\0", b"\0b9\0"), "not in the alphabet"),
    (BINARY.read_bytes().replace(b"version 5", b"version 9"), "has version 9"),
])  # fmt: skip
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / ("words.arpa.gz" if content.startswith(b"\x1f\x8b") else "words.arpa")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path}: no usable language model \(.*({message})"):
        NgramDecoder(path, NgramConfig())


def give(folder: Path, arpa: bytes, config: NgramConfig) -> None:
    save_ngram(folder, arpa, read_config(folder).model_copy(update={"ngram": config}))


def test_a_model_folder_carries_its_language_model(
    arpa: Path, tmp_path: Path, tiny_model: Callable[..., Model], capfd: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path / "model", tiny_model(), "a card")
    assert Recognizer.load(tmp_path / "model").decoding == "beam"
    with pytest.raises(CheckpointError, match="no n-gram language model"):
        Recognizer.load(tmp_path / "model", decoding="ngram")
    give(tmp_path / "model", PACKED, NgramConfig(weight=0.4, word_score=1.0))
    recognizer = Recognizer.load(tmp_path / "model")
    assert recognizer.decoding == "ngram"
    assert read_config(tmp_path / "model").ngram.weight == 0.4
    waveform = np.random.default_rng(1).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    [transcript] = recognizer.transcribe([waveform])
    assert set(transcript.text.split()) <= set(WORDS)
    assert capfd.readouterr().err == ""  # KenLM remarks on every file it reads


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"other"), lambda path: path.unlink()])
def test_a_language_model_that_was_swapped_or_lost_is_refused(
    arpa: Path, tmp_path: Path, tiny_model: Callable[..., Model], damage: Callable[[Path], object]
) -> None:
    folder = tmp_path / "model"
    save_checkpoint(folder, tiny_model(), "a card")
    give(folder, b"\x1f\x8b", NgramConfig())
    shutil.copy(arpa, folder / NGRAM)
    damage(folder / NGRAM)
    with pytest.raises(CheckpointError, match=r"words\.lm"):
        load_ngram(folder, read_config(folder))


def test_standard_error_outlives_models_that_are_loaded_at_once() -> None:
    program = (
        "import os, sys; from concurrent.futures import ThreadPoolExecutor\n"
        "from oyez.models.recognizer import Recognizer\n"
        "with ThreadPoolExecutor(3) as pool: list(pool.map(Recognizer.load, ['english'] * 3))\n"
        "print('still here', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("still here\n")


def test_a_model_is_loaded_where_standard_error_is_closed() -> None:
    program = (
        "import os; os.close(2); from oyez.models.recognizer import Recognizer; print(Recognizer.load('english').name)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "english\n"
