"""A wake phrase against hours of other speech: how often it is missed, and how often it is heard when nobody said it.

    python -m benchmarks.wake --data speech [--model english] [--plot wake.png]

Wake phrases are those of hymel_custom_keywords with three syllables or more; no model learned from these recordings.
Other speech is that of validation speakers, from whom no model learned either. Their utterances are played one after
the other with pauses of 0.3 to 1.5 s between them into the very stream that `oyez listen` has, and every phrase is
looked for in all of it: an hour of speech is an hour for each phrase. A threshold is chosen on one half of the speakers
and the earlier half of each phrase's recordings (it is not known who spoke them), and measured on the others.

At last phrases of the second half are followed by single words of Speech Commands, another person's, after a pause:
does a commands file of ten words hear the right one?
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from oyez.models.grammar.command import Command, NoCommand, Refusal
from torch import Tensor

from oyez.app.commands.tuning import draw
from oyez.data.audio import SAMPLE_RATE, Waveform, read_audio
from oyez.data.corpora.loading import load_corpus
from oyez.data.manifest import Utterance
from oyez.models.grammar.file import Wake
from oyez.models.grammar.spoken import spell
from oyez.models.grammar.wake_phrase import FEWEST_SYLLABLES, WakePhrase, syllables
from oyez.models.recognizer import Recognizer
from oyez.models.streaming import StreamingRecognizer
from oyez.models.types import Final, Transcript
from oyez.training.calibration.operating_points import Attempt, choose_threshold, operating_point

PHRASES = "hymel_custom_keywords"
OTHERS = (  # corpus, folder, split, speakers (all, if none are named)
    ("librispeech", ".", "dev-clean", "1272 1462 1673 174"),
    ("recordings", "speechocean762", None, "0026 0157 1044 1362 2034 2430 3049 5406 8581 9615"),
    ("speech-commands", "SpeechCommands", "validation", ""),
)
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
FALSE_PER_HOUR = 0.5
WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
PAUSES = (0.1, 0.3, 1.0, 3.0)  # seconds between a wake phrase and a command
CALLS = 8  # of each phrase, with each pause
_CHUNK = 60 * SAMPLE_RATE  # any chunking gives the same results, and a large one fewer partial ones


class Ears(Recognizer):
    """Writes nothing, but remembers the log-probabilities of all that it heard."""

    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__(recognizer.model, decoding="greedy")
        self.heard: dict[bytes, Tensor] = {}

    def log_probs(self, waveforms: Sequence[Waveform]) -> list[Tensor]:
        """Return log-probabilities, each worked out once."""
        for waveform in waveforms:
            if (key := _key(waveform)) not in self.heard:
                [self.heard[key]] = super().log_probs([waveform])
        return [self.heard[_key(waveform)] for waveform in waveforms]

    def _transcript(self, log_probs: Tensor, samples: int) -> Transcript:  # noqa: ARG002  # nobody reads it
        return Transcript("", (), 1.0, samples / SAMPLE_RATE, self.name)


def _key(waveform: Waveform) -> bytes:
    return hashlib.blake2b(waveform.tobytes()).digest()


@dataclass(frozen=True)
class Piece:
    """A segment that a stream gave, and the seconds of the stream since the one before."""

    log_probs: Tensor
    seconds: float


def pieces(ears: Ears, sound: Waveform) -> list[Piece]:
    """Return the segments of a stream."""
    found, last = [], 0.0
    for final in finals(ears.stream(), sound):
        found.append(Piece(ears.log_probs([final.waveform])[0], final.end - last))
        last = final.end
    return found


def finals(stream: StreamingRecognizer, sound: Waveform) -> list[Final]:
    """Play sound to a stream."""
    events = [event for start in range(0, len(sound), _CHUNK) for event in stream.accept(sound[start : start + _CHUNK])]
    return [event for event in events + stream.flush() if isinstance(event, Final)]


def after_one_another(waveforms: Sequence[Waveform], pauses: Sequence[float], chance: np.random.Generator) -> Waveform:
    """Return recordings with so many seconds of a faint hiss before, between and after them."""
    sound: list[Waveform] = []
    for pause, waveform in zip(pauses, [*waveforms, np.zeros(0, np.float32)], strict=True):
        sound += [3e-4 * chance.standard_normal(round(pause * SAMPLE_RATE), np.float32), waveform]
    return np.concatenate(sound)


def other_speech(data: Path) -> Iterator[tuple[str, list[Utterance]]]:
    """Yield the corpus and the utterances of each speaker."""
    for corpus, folder, split, names in OTHERS:
        speakers = names.split()
        of: defaultdict[str, list[Utterance]] = defaultdict(list)
        for utterance in load_corpus(corpus, data / folder, split).utterances:
            if not speakers or utterance.speaker in speakers:
                of[utterance.speaker].append(utterance)
        for speaker in sorted(of):
            yield corpus, of[speaker]


def read(utterance: Utterance) -> Waveform:
    """Return an utterance's sound."""
    return read_audio(utterance.path, utterance.offset, utterance.duration)


def attempts(phrase: WakePhrase, said: list[list[Piece]], others: list[Piece], step_seconds: float) -> list[Attempt]:
    """Look for a phrase in recordings of it and in other speech; the confidence of what is not found is 0."""

    def confidence(piece: Piece) -> float:
        call = phrase.find(piece.log_probs.numpy(), step_seconds)
        return call.confidence if call is not None else 0.0

    return [
        *(Attempt(max(map(confidence, found), default=0.0), True, True, 0.0) for found in said),
        *(Attempt(confidence(piece), False, False, piece.seconds) for piece in others),
    ]


def called(
    recognizer: Recognizer, texts: Sequence[str], clips: dict[str, list[Waveform]], words: list[tuple[str, Waveform]]
) -> None:
    """Say words after wake phrases, and print what a commands file makes of it."""
    chance = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "words.txt"
        file.write_text("\n".join(WORDS))
        commands = {text: recognizer.commands(file, wake=Wake(text)) for text in texts}
    print("\n| pause | said | woken | right command | wrong command |\n|---|---|---|---|---|")
    for pause in PAUSES:
        said = woken = right = wrong = 0
        for text in texts:
            for clip in clips[text][:: max(1, len(clips[text]) // CALLS)][:CALLS]:
                word, sound = words[chance.integers(len(words))]
                played = after_one_another([clip, sound], [1.0, pause, 1.0], chance)
                heard = [final.transcript.command for final in finals(commands[text].stream(), played)]
                intents = [command.intent for command in heard if isinstance(command, Command)]
                said += 1
                woken += bool(intents) or any(
                    isinstance(command, NoCommand) and command.reason is Refusal.WAKE_ONLY for command in heard
                )
                right += intents == [word]
                wrong += bool(intents) and intents != [word]
        shares = "".join(f" {each / said:.1%} |" for each in (woken, right, wrong))
        print(f"| {pause:g} s | {said} |{shares}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the corpora")
    parser.add_argument("--model", default="english")
    parser.add_argument("--plot", type=Path, help="draw misses against false alarms into this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recognizer = Recognizer.load(options.model)
    ears, chance = Ears(recognizer), np.random.default_rng(0)

    others: tuple[list[Piece], list[Piece]] = ([], [])
    hours: defaultdict[str, float] = defaultdict(float)
    for number, (corpus, utterances) in enumerate(other_speech(options.data)):
        pauses = chance.uniform(0.3, 1.5, len(utterances) + 1).tolist()
        sound = after_one_another([read(each) for each in utterances], pauses, chance)
        others[number % 2].extend(pieces(ears, sound))
        hours[corpus] += len(sound) / SAMPLE_RATE / 3600

    clips: defaultdict[str, list[Waveform]] = defaultdict(list)
    listed = sorted(load_corpus("recordings", options.data / PHRASES).utterances, key=lambda each: str(each.path))
    for utterance in listed:
        if syllables(spell(utterance.text)) >= FEWEST_SYLLABLES:
            clips[utterance.text].append(read(utterance))
    texts = sorted(clips)
    done: tuple[dict[str, list[Attempt]], dict[str, list[Attempt]]] = ({}, {})
    for text in texts:
        phrase = WakePhrase(text, recognizer.config.command_confidence)
        said = [pieces(ears, after_one_another([clip], [1.5, 1.5], chance)) for clip in clips[text]]
        middle = (len(said) + 1) // 2
        for half, some in enumerate((said[:middle], said[middle:])):
            done[half][text] = attempts(phrase, some, others[half], recognizer.step_seconds)

    print(
        ", ".join(f"{corpus} {length:.2f} h" for corpus, length in hours.items()), f"for each of {len(texts)} phrases"
    )
    pooled = [[attempt for text in texts for attempt in half[text]] for half in done]
    chosen = choose_threshold(pooled[0], FALSE_PER_HOUR)
    print(f"less than {FALSE_PER_HOUR} false alarms an hour on the first half: threshold {chosen:g}")
    default = recognizer.config.command_confidence.wake_threshold
    print("\n| threshold | missed | false alarms an hour | missed, 2nd half | false alarms an hour, 2nd half |")
    print("|---|---|---|---|---|")
    for threshold in sorted({*THRESHOLDS, chosen, default}):
        points = [operating_point(half, threshold) for half in pooled]
        print(
            f"| {threshold:g} |", *(f" {point.missed:.1%} | {point.false_per_hour:.2f} |" for point in points), sep=""
        )
    print(f"\nsecond half, threshold {default:g}:\n\n| phrase | recordings | missed | false alarms | in |")
    print("|---|---|---|---|---|")
    for text in texts:
        point = operating_point(done[1][text], default)
        length = sum(attempt.seconds for attempt in done[1][text]) / 3600
        count = sum(attempt.is_command for attempt in done[1][text])
        print(f"| {text} | {count} | {point.missed:.1%} | {point.false_accepts} | {length:.2f} h |")
    if options.plot is not None:
        draw(pooled[1], options.plot)

    words = [
        (utterance.text, read(utterance))
        for _, utterances in other_speech(options.data)
        for utterance in utterances
        if utterance.text in WORDS and (utterance.duration or 0.0) <= 1.5
    ]
    called(recognizer, texts, {text: clips[text][(len(clips[text]) + 1) // 2 :] for text in texts}, words)
    print(f"\n{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
