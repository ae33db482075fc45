"""Training: what is learned, and that a run cut in pieces ends like one that was left alone."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from oyez.data.audio import read_audio
from oyez.data.manifest import Utterance, write_manifest
from oyez.models.checkpoint import CARD
from oyez.models.network import load_checkpoint
from oyez.models.recognizer import Recognizer
from oyez.training.config import load_recipe
from oyez.training.errors import (
    DataError,
    ModelMismatchError,
    RecipeError,
    RunInterruptedError,
    RunMismatchError,
    StateError,
)
from oyez.training.schedule import one_cycle
from oyez.training.train import Run, Trainer

RECIPE = """
name = "tones"
vocabulary = ["low", "high"]
[features]
coefficients = 13
mel_bands = 20
[acoustic]
channels = 16
width = 16
layers = 1
dropout = 0.1
[[data.train]]
corpus = "recordings"
root = "recordings"
without_speakers = ["speaker3"]
[[data.validation]]
corpus = "recordings"
root = "recordings"
speakers = ["speaker3"]
[batching]
batch_seconds = 2.5
noise_only_share = 0.2
concat_probability = 0.2
[optimisation]
epochs = 3
save_every_seconds = 0
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tones.toml"
    path.write_text(RECIPE)
    return path


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(out / "last").state_dict()


def assert_same_weights(first: Path, second: Path) -> None:
    for (name, one), two in zip(weights(first).items(), weights(second).values(), strict=True):
        assert torch.equal(one, two), name


def command(recipe: Path, corpus: Path, out: Path, *more: str) -> list[str]:
    arguments = [str(recipe), "--data", str(corpus), "--out", str(out), *more]
    return [sys.executable, "-m", "oyez", "train", *arguments]


def test_two_tones_are_told_apart_after_some_epochs(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    settings = ["optimisation.epochs=60", "optimisation.learning_rate=0.01", "optimisation.ema_decay=0.9"]
    settings += ["augmentation.noise_probability=0", "spec_augment.time_masks=0", "spec_augment.frequency_masks=0"]
    settings += [
        "acoustic.dropout=0",
        "batching.concat_probability=0",
        "batching.noise_only_share=0",
        "optimisation.save_every_seconds=60",
    ]
    Trainer(Run(load_recipe(recipe, settings), corpus, tmp_path / "run")).train()
    recognizer = Recognizer.load(tmp_path / "run" / "last")
    waveforms = [read_audio(corpus / "recordings" / name) for name in ("low2.wav", "high3.wav")]
    assert [transcript.text for transcript in recognizer.transcribe(waveforms)] == ["low", "high"]


def test_a_run_stopped_at_any_step_ends_with_the_same_weights(
    recipe: Path, corpus: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], int]]
) -> None:
    loaded = load_recipe(recipe)
    whole = Run(loaded, corpus, tmp_path / "whole")
    Trainer(whole).train()
    cut = Run(loaded, corpus, tmp_path / "cut")
    for steps in (1, 4, 2):
        with pytest.raises(RunInterruptedError):
            Trainer(cut).train(stop_after(steps))
    Trainer(cut).train()
    assert_same_weights(whole.out, cut.out)
    assert load_checkpoint(whole.out / "last").config == load_checkpoint(cut.out / "last").config


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_killed_without_warning_ends_with_the_same_weights(
    recipe: Path, corpus: Path, tmp_path: Path, processes: int
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = ["--processes", str(processes), "--set", "optimisation.epochs=6"]
    subprocess.run(command(recipe, corpus, whole, *options), check=True, capture_output=True)
    with subprocess.Popen(command(recipe, corpus, killed, *options), stderr=subprocess.DEVNULL) as run:
        while not (killed / "state.pt").exists() and run.poll() is None:
            time.sleep(0.01)
        assert run.poll() is None, "the run ended before it could be killed"
        run.kill()  # only the one that was started: its children have to notice
    subprocess.run(command(recipe, corpus, killed, *options), check=True, capture_output=True)
    assert_same_weights(whole, killed)


@pytest.mark.slow
def test_torchruns_processes_learn_what_our_own_learn(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    ours, torchruns = tmp_path / "ours", tmp_path / "torchruns"
    subprocess.run([*command(recipe, corpus, ours), "--processes", "2"], check=True, capture_output=True)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*launcher, *command(recipe, corpus, torchruns)[1:]], check=True, capture_output=True)
    assert_same_weights(ours, torchruns)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(
    recipe: Path, corpus: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "run"
    options = ["--processes", "2", "--set", "optimisation.epochs=10000"]
    with subprocess.Popen(command(recipe, corpus, out, *options), stderr=subprocess.PIPE, text=True) as run:
        while not (out / "state.pt").exists() and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(number)
        _, message = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    assert f"stopped by {number.name}; run again to resume" in message
    assert "Traceback" not in message


def test_the_log_holds_each_step_once_and_each_validation(
    recipe: Path, corpus: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], int]]
) -> None:
    run = Run(load_recipe(recipe), corpus, tmp_path / "run")
    with pytest.raises(RunInterruptedError):
        Trainer(run).train(stop_after(2))
    Trainer(run).train()
    entries = [json.loads(line) for line in (run.out / "log.jsonl").read_text().splitlines()]
    steps = [entry["step"] for entry in entries if entry["event"] == "step"]
    assert steps == list(range(1, len(steps) + 1))
    assert [entry["epoch"] for entry in entries if entry["event"] == "validation"] == [1, 2, 3]
    assert {"wer", "cer", "command_accuracy"} <= entries[-1].keys()
    assert list((run.out / "tensorboard").iterdir())


def test_a_run_of_some_steps_ends_after_them_in_an_epoch_validated_and_stopped_or_not(
    recipe: Path, corpus: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], int]]
) -> None:
    settings = ["augmentation.babble_probability=0.5", "augmentation.codec_probability=0.5"]
    loaded = load_recipe(recipe, [*settings, "optimisation.steps=5", "batching.batch_seconds=1.5"])
    whole = Run(loaded, corpus, tmp_path / "whole")
    Trainer(whole).train()
    cut = Run(loaded, corpus, tmp_path / "cut")
    for steps in (2, 3):
        with pytest.raises(RunInterruptedError):
            Trainer(cut).train(stop_after(steps))
    assert not (cut.out / "last").exists()
    Trainer(cut).train()
    assert_same_weights(whole.out, cut.out)
    Trainer(cut).train()  # it is finished
    for run in (whole, cut):
        entries = [json.loads(line) for line in (run.out / "log.jsonl").read_text().splitlines()]
        rates = [entry["learning_rate"] for entry in entries if entry["event"] == "step"]
        assert rates == [pytest.approx(2e-3 * one_cycle(step / 5, 0.1)) for step in range(5)]
        [validation] = [entry for entry in entries if entry["event"] == "validation"]
        assert validation["by_corpus"]["recordings"]["wer"] == validation["wer"]


def test_a_finished_run_is_left_as_it_is(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    run = Run(load_recipe(recipe), corpus, tmp_path / "run")
    Trainer(run).train()
    before = {path: path.read_bytes() for folder in ("best", "last") for path in (run.out / folder).iterdir()}
    Trainer(run).train()
    assert before == {path: path.read_bytes() for path in before}


def test_nothing_short_enough_to_learn_from_is_told(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    loaded = load_recipe(recipe, ["batching.max_seconds=0.1"])
    with pytest.raises(RecipeError, match=r"max_seconds = 0\.1"):
        Trainer(Run(loaded, corpus, tmp_path / "run"))


def test_a_log_torn_in_the_writing_does_not_stop_a_run_from_going_on(
    recipe: Path, corpus: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], int]]
) -> None:
    run = Run(load_recipe(recipe), corpus, tmp_path / "run")
    with pytest.raises(RunInterruptedError):
        Trainer(run).train(stop_after(2))
    with (run.out / "log.jsonl").open("a") as file:
        file.write('{"event": "st')
    Trainer(run).train()
    entries = [json.loads(line) for line in (run.out / "log.jsonl").read_text().splitlines()]
    assert entries[-1]["event"] == "validation"


def test_readers_in_processes_of_their_own_give_the_same_weights(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    epochs = "optimisation.epochs=1"
    Trainer(Run(load_recipe(recipe, [epochs]), corpus, tmp_path / "here")).train()
    Trainer(Run(load_recipe(recipe, [epochs, "optimisation.workers=2"]), corpus, tmp_path / "there")).train()
    assert_same_weights(tmp_path / "here", tmp_path / "there")


def test_a_model_to_start_from_gives_its_weights(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    first = Run(load_recipe(recipe, ["optimisation.epochs=1"]), corpus, tmp_path / "first")
    Trainer(first).train()
    second = Trainer(Run(first.recipe, corpus, tmp_path / "second", init=str(first.out / "last")))
    for name, weight in weights(first.out).items():
        assert torch.equal(second.model.state_dict()[name], weight), name
    second.train()
    assert f"starting from the model `{first.out / 'last'}`" in (second.run.out / "best" / CARD).read_text()
    assert "starting from" not in (first.out / "best" / CARD).read_text()


def test_a_model_of_another_shape_is_no_start(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    first = Run(load_recipe(recipe, ["optimisation.epochs=1", "acoustic.width=8"]), corpus, tmp_path / "first")
    Trainer(first).train()
    with pytest.raises(ModelMismatchError, match=r"acoustic.width = 8"):
        Trainer(Run(load_recipe(recipe), corpus, tmp_path / "second", init=str(first.out / "last")))


def test_a_model_of_another_kind_or_other_classes_is_no_start(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    letters, classes = ["optimisation.epochs=1"], ["acoustic.pooling=mean", "batching.concat_probability=0"]
    for name, settings in (("letters", letters), ("classes", [*letters, *classes])):
        Trainer(Run(load_recipe(recipe, settings), corpus, tmp_path / name)).train()
    for name, settings, told in (
        ("classes", [], "is a classifier .*of low, high, and the recipe's one that writes letters"),
        ("letters", classes, "is one that writes letters, and the recipe's a classifier"),
        ("classes", [*classes, 'vocabulary=["high", "low"]'], "is a classifier .*of low, high, and .* of high, low"),
    ):
        with pytest.raises(ModelMismatchError, match=f"model .*{name}/last' {told}"):
            Trainer(Run(load_recipe(recipe, settings), corpus, tmp_path / "run", str(tmp_path / name / "last")))
    other_words = load_recipe(recipe, ['vocabulary=["high"]'])  # of letters any words can be made
    Trainer(Run(other_words, corpus, tmp_path / "run", str(tmp_path / "letters" / "last")))


def test_another_recipe_does_not_overwrite_a_run(
    recipe: Path, corpus: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], int]]
) -> None:
    out = tmp_path / "run"
    with pytest.raises(RunInterruptedError):
        Trainer(Run(load_recipe(recipe), corpus, out)).train(stop_after(1))
    with pytest.raises(RunMismatchError, match=r"acoustic.width was 16, is 24"):
        Trainer(Run(load_recipe(recipe, ["acoustic.width=24"]), corpus, out))


def test_a_damaged_state_is_an_error_that_names_it(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "state.pt").write_bytes(b"PK\x03\x04 not a state")
    with pytest.raises(StateError, match=r"state\.pt: damaged"):
        Trainer(Run(load_recipe(recipe), corpus, out))


def test_a_speaker_in_training_and_validation_is_refused(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE.replace('without_speakers = ["speaker3"]', ""))
    with pytest.raises(DataError, match="speaker3"):
        Trainer(Run(load_recipe(recipe), corpus, tmp_path / "run"))


def test_a_recording_in_training_and_validation_is_refused(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    write_manifest(corpus / "others.jsonl", [Utterance(corpus / "recordings" / "low0.wav", "low", "speaker3")])
    recipe.write_text(RECIPE.replace('root = "recordings"\nspeakers', 'root = "others.jsonl"\nspeakers'))
    with pytest.raises(DataError, match=r"1 recordings are in training and in validation \(.*low0\.wav"):
        Trainer(Run(load_recipe(recipe), corpus, tmp_path / "run"))


def test_a_run_goes_on_with_the_same_speech_and_start_alone(
    recipe: Path, corpus: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], int]]
) -> None:
    loaded, out = load_recipe(recipe), tmp_path / "run"
    for name, seed in (("first", 1), ("second", 2)):
        other = load_recipe(recipe, ["optimisation.epochs=1", f"optimisation.seed={seed}"])
        Trainer(Run(other, corpus, tmp_path / name)).train()
    run = Run(loaded, corpus, out, str(tmp_path / "first" / "last"))
    with pytest.raises(RunInterruptedError):
        Trainer(run).train(stop_after(2))
    for init in (str(tmp_path / "second" / "last"), None):
        with pytest.raises(RunMismatchError, match="started from another model"):
            Trainer(replace(run, init=init))
    from_nothing = Run(loaded, corpus, tmp_path / "from_nothing")
    with pytest.raises(RunInterruptedError):
        Trainer(from_nothing).train(stop_after(2))
    with pytest.raises(RunMismatchError, match="started from another model"):
        Trainer(replace(from_nothing, init="no/such/model"))
    manifest = corpus / "recordings" / "manifest.tsv"
    listed = manifest.read_text()
    heading, _, *others = listed.splitlines(keepends=True)
    manifest.write_text("".join([heading, *others]))
    with pytest.raises(RunMismatchError, match="other speech"):
        Trainer(run)
    manifest.write_text(listed)
    (tmp_path / "first").rename(tmp_path / "away")  # its weights are in the state now
    with pytest.raises(RunInterruptedError):
        Trainer(run).train(stop_after(1))
    (tmp_path / "away").rename(tmp_path / "first")
    Trainer(run).train()  # the state knows the model still


def test_after_an_interruption_the_loss_is_still_that_of_the_epoch(
    recipe: Path, corpus: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], int]],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    loaded = load_recipe(recipe, ["optimisation.epochs=1"])
    Trainer(Run(loaded, corpus, tmp_path / "whole")).train()
    whole = re.search(r"epoch 1: loss ([\d.]+)", capsys.readouterr().err)
    steps = sum('"event": "step"' in line for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines())
    for stop in (1, steps):
        cut = Run(loaded, corpus, tmp_path / str(stop))
        with pytest.raises(RunInterruptedError):
            Trainer(cut).train(stop_after(stop))
        Trainer(cut).train()
        resumed = re.search(r"epoch 1: loss ([\d.]+)", capsys.readouterr().err)
        assert whole
        assert resumed
        assert whole[1] == resumed[1]


def test_a_broken_file_is_named_and_does_not_stop_the_run(
    recipe: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (corpus / "recordings" / "low0.wav").write_bytes(b"RIFF")
    Trainer(Run(load_recipe(recipe, ["optimisation.epochs=1"]), corpus, tmp_path / "run")).train()
    said = capsys.readouterr().err
    assert "low0.wav" in said
    assert "skipped: 1 in all" in said
    assert (tmp_path / "run" / "last" / "config.json").exists()


@pytest.mark.parametrize("cell", ["gru", "rnn-tanh", "rnn-relu"])
def test_each_cell_trains(recipe: Path, corpus: Path, tmp_path: Path, cell: str) -> None:
    loaded = load_recipe(recipe, [f"acoustic.cell={cell}", "acoustic.bidirectional=false", "optimisation.epochs=1"])
    Trainer(Run(loaded, corpus, tmp_path / "run")).train()
    assert load_checkpoint(tmp_path / "run" / "last").config.acoustic.cell == cell


@pytest.mark.parametrize("pooling", ["last", "attention", "features"])
def test_a_classifier_is_trained_and_evaluated_by_the_same_script(
    recipe: Path, corpus: Path, tmp_path: Path, pooling: str
) -> None:
    settings = [f"acoustic.pooling={pooling}", "batching.concat_probability=0", "optimisation.learning_rate=0.01"]
    Trainer(Run(load_recipe(recipe, settings), corpus, tmp_path / "out")).train()
    recognizer = Recognizer.load(tmp_path / "out" / "last")
    heard = recognizer.transcribe([read_audio(corpus / "recordings" / f"{name}.wav") for name in ("low0", "high1")])
    assert {transcript.text for transcript in heard} <= {"", "low", "high"}
    last = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()][-1]
    assert last["event"] == "validation"
    assert 0 <= last["command_accuracy"] <= 1
    assert ("LSTM" in (tmp_path / "out" / "last" / CARD).read_text()) == (pooling != "features")


def test_a_classifier_cannot_learn_words_in_a_row_nor_words_that_it_does_not_know(recipe: Path, corpus: Path) -> None:
    with pytest.raises(RecipeError, match=r"batching\.concat_probability = 0"):
        load_recipe(recipe, ["acoustic.pooling=mean"])
    narrow = load_recipe(recipe, ["acoustic.pooling=mean", "batching.concat_probability=0", 'vocabulary=["low"]'])
    with pytest.raises(DataError, match="'high' is no word of the vocabulary"):
        Trainer(Run(narrow, corpus, corpus / "out"))


def test_gradients_are_shown_by_layer_and_step_and_what_clipping_does_is_logged(
    recipe: Path, corpus: Path, tmp_path: Path
) -> None:
    Trainer(
        Run(load_recipe(recipe, ["optimisation.epochs=1", "optimisation.max_grad_norm=0.01"]), corpus, tmp_path)
    ).train()
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    scalars = set(board.Tags()["scalars"])
    assert {"gradient_norm/recurrent.forwards.0", "gradient_norm/recurrent.backwards.0"} <= scalars
    assert board.Tags()["images"] == ["gradient_norm/by_step"]
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    for entry in entries:
        if entry["event"] == "step":
            assert entry["gradient_scale"] == pytest.approx(min(1.0, 0.01 / entry["gradient_norm"]))
    first = next(entry for entry in entries if entry["event"] == "step")
    assert first["gradient_scale"] < 1


def test_a_finished_run_is_given_more_epochs_and_resumes_exactly_from_then_on(
    recipe: Path, corpus: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], int]],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    short, long = (load_recipe(recipe, [f"optimisation.epochs={epochs}"]) for epochs in (2, 3))
    for name in ("whole", "cut"):
        Trainer(Run(short, corpus, tmp_path / name)).train()
    before = sum('"event": "step"' in line for line in (tmp_path / "cut" / "log.jsonl").read_text().splitlines())
    capsys.readouterr()
    Trainer(Run(short, corpus, tmp_path / "cut")).train()
    assert "finished: 2 epochs" in capsys.readouterr().err
    Trainer(Run(long, corpus, tmp_path / "whole")).train()
    assert "resuming at step" in capsys.readouterr().err
    cut = Run(long, corpus, tmp_path / "cut")
    with pytest.raises(RunInterruptedError):
        Trainer(cut).train(stop_after(2))
    Trainer(cut).train()
    assert_same_weights(tmp_path / "whole", tmp_path / "cut")
    entries = [json.loads(line) for line in (cut.out / "log.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in entries if entry["event"] == "validation"] == [1, 2, 3]
    steps = [entry for entry in entries if entry["event"] == "step"]
    assert [entry["step"] for entry in steps] == list(range(1, len(steps) + 1))
    # the rate is that of a run of three epochs from the third one on
    third = [entry["learning_rate"] for entry in steps[before:]]
    assert third == [pytest.approx(2e-3 * one_cycle((2 + n / len(third)) / 3, 0.1)) for n in range(len(third))]
    with pytest.raises(RunMismatchError, match=r"optimisation\.epochs was 3, is 2"):
        Trainer(Run(short, corpus, tmp_path / "cut"))


def test_a_run_resumes_where_a_corpus_has_become_optional(
    recipe: Path, corpus: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], int]]
) -> None:
    with pytest.raises(RunInterruptedError):
        Trainer(Run(load_recipe(recipe), corpus, tmp_path / "run")).train(stop_after(1))
    recipe.write_text(RECIPE.replace("[[data.train]]", "[[data.train]]\noptional = true"))
    assert Trainer(Run(load_recipe(recipe), corpus, tmp_path / "run")).state.step == 1
