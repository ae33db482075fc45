import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from oyez.models.checkpoint import CARD, CONFIG, WEIGHTS, CheckpointError, find_checkpoint, shipped_models
from oyez.models.confidence import WordConfidence
from oyez.models.config import AcousticConfig, FeatureConfig
from oyez.models.network import load_checkpoint, save_checkpoint


def outputs(model, waveform):
    with torch.inference_mode():
        return model(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))[0]


@pytest.fixture
def model(tiny_model, noise):
    model = tiny_model(
        description="for tests",
        vocabulary=("yes", "o'clock"),
        features=FeatureConfig(coefficients=13, deltas=1),
        acoustic=AcousticConfig(channels=9, layers=2, width=8, cell="gru", subsampling=3),
        confidence=WordConfidence(score=2.5, intercept=-0.5),
    )
    model.front_end.fit([(torch.from_numpy(noise(0.5, 0.1))[None], torch.tensor([8000]))])
    return model


@pytest.fixture
def folder(model, tmp_path):
    save_checkpoint(tmp_path / "model", model, card="# A model\n")
    return tmp_path / "model"


def edit_config(folder, **changes):
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | changes))


def replace_weights(folder, content):
    """Put other weights in place, and make the configuration vouch for them."""
    (folder / WEIGHTS).write_bytes(content)
    edit_config(folder, weights_bytes=len(content), weights_sha256=hashlib.sha256(content).hexdigest())


def test_loaded_model_is_the_saved_one(model, tmp_path, chirp):
    save_checkpoint(tmp_path, model, "", dtype=torch.float32)
    loaded = load_checkpoint(tmp_path)
    assert loaded.config == model.config
    assert not loaded.training
    assert torch.equal(outputs(loaded, chirp(0.5, 0.5)), outputs(model, chirp(0.5, 0.5)))


def test_half_precision_weights_give_nearly_the_same_outputs(model, folder, chirp):
    loaded = load_checkpoint(folder)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(outputs(loaded, chirp(0.5, 0.5)), outputs(model, chirp(0.5, 0.5)), atol=0.02, rtol=0.01)
    assert torch.equal(loaded.front_end.mean, model.front_end.mean)
    assert torch.equal(loaded.front_end.deviation, model.front_end.deviation)


def test_name_of_the_folder_may_be_text(folder):
    assert load_checkpoint(str(folder)).config.name == "tiny"


def test_folder_holds_three_files_and_no_remains(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted([CONFIG, WEIGHTS, CARD])
    assert (folder / CARD).read_text() == "# A model\n"


def test_saving_again_replaces_the_model(folder, tiny_model):
    save_checkpoint(folder, tiny_model(name="second"), "")
    assert load_checkpoint(folder).config.name == "second"


def truncate(folder):
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100])


def flip_a_byte(folder):
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-50] ^= 1
    (folder / WEIGHTS).write_bytes(content)


def drop_a_tensor(folder):
    tensors = load_file(folder / WEIGHTS)
    del tensors["acoustic.output.bias"]
    replace_weights(folder, save(tensors))


def drop_a_setting(folder):
    config = json.loads((folder / CONFIG).read_text())
    del config["weights_sha256"]
    (folder / CONFIG).write_text(json.dumps(config))


DAMAGES = {
    "weights are missing": (lambda f: (f / WEIGHTS).unlink(), WEIGHTS, "cannot be read"),
    "weights are a folder": (lambda f: (f / WEIGHTS).unlink() or (f / WEIGHTS).mkdir(), WEIGHTS, "cannot be read"),
    "weights are cut off": (truncate, WEIGHTS, "damaged or was swapped"),
    "weights are empty": (lambda f: (f / WEIGHTS).write_bytes(b""), WEIGHTS, "0 bytes, expected"),
    "a byte of the weights is flipped": (flip_a_byte, WEIGHTS, "damaged or was swapped"),
    "weights are of another shape": (
        lambda f: edit_config(f, acoustic={"channels": 9, "layers": 2, "width": 9, "cell": "gru"}),
        WEIGHTS,
        "does not fit config.json",
    ),
    "weights are of another cell": (
        lambda f: edit_config(f, acoustic={"channels": 9, "layers": 2, "width": 8, "cell": "lstm"}),
        WEIGHTS,
        "does not fit config.json",
    ),
    "weights are of a stack without norms": (
        lambda f: edit_config(
            f, acoustic={"channels": 9, "layers": 2, "width": 8, "cell": "gru", "subsampling": 3, "layer_norm": False}
        ),
        WEIGHTS,
        "acoustic.recurrent.norms",
    ),
    "a tensor is missing": (drop_a_tensor, WEIGHTS, "acoustic.output.bias"),
    "weights are a pickle": (lambda f: replace_weights(f, pickle.dumps({"a": 1})), WEIGHTS, "does not fit config.json"),
    "weights are nothing, as vouched for": (lambda f: replace_weights(f, b""), WEIGHTS, "does not fit config.json"),
    "configuration is missing": (lambda f: (f / CONFIG).unlink(), "model", "not a model folder"),
    "configuration is not JSON": (lambda f: (f / CONFIG).write_text("name = 'x'"), CONFIG, "Invalid JSON"),
    "configuration is not text": (lambda f: (f / CONFIG).write_bytes(b"\xff\xfe{"), CONFIG, "Invalid JSON"),
    "configuration is a list": (lambda f: (f / CONFIG).write_text("[]"), CONFIG, "the file"),
    "configuration lacks the hash": (drop_a_setting, CONFIG, "weights_sha256"),
    "key is unknown": (lambda f: edit_config(f, colour="red"), CONFIG, "colour"),
    "key of a part is unknown": (lambda f: edit_config(f, features={"bands": 3}), CONFIG, "features.bands"),
    "cell is unknown": (lambda f: edit_config(f, acoustic={"cell": "qrnn"}), CONFIG, "acoustic.cell"),
    "features are impossible": (lambda f: edit_config(f, features={"mel_bands": 10}), CONFIG, "10 mel bands"),
    "alphabet is another": (lambda f: edit_config(f, alphabet="abc"), CONFIG, "alphabet"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_an_error_that_names_file_and_reason(damage, folder):
    inflict, file, reason = DAMAGES[damage]
    load_checkpoint(folder)
    inflict(folder)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    assert str(folder) in str(caught.value)
    assert file in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", ["no-such-model", "", "config.json", "../pretrained", "a\0b"])
def test_what_is_no_model_is_an_error(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / CONFIG).rename(folder / "elsewhere.json")
    with pytest.raises(CheckpointError, match=r"neither a folder|not a model folder"):
        load_checkpoint(name)


def test_unknown_name_is_answered_with_the_names_there_are(monkeypatch, folder):
    monkeypatch.setattr("oyez.models.checkpoint.PRETRAINED", folder.parent)
    assert shipped_models() == ["model"]
    assert find_checkpoint("model") == folder
    with pytest.raises(CheckpointError, match=r"no model 'modell'.*\(model\)"):
        load_checkpoint("modell")


@pytest.mark.parametrize("vouched_for", [True, False])
def test_nothing_is_unpickled(vouched_for, folder, tmp_path):
    trace = tmp_path / "code was run"

    class Trap:
        def __reduce__(self):
            return Path.touch, (trace,)

    trap = pickle.dumps(Trap())
    pickle.loads(trap)
    assert trace.exists()
    trace.unlink()
    if vouched_for:
        replace_weights(folder, trap)
    else:
        (folder / WEIGHTS).write_bytes(trap)
    with pytest.raises(CheckpointError):
        load_checkpoint(folder)
    assert not trace.exists()


@pytest.fixture(params=range(6))
def disk_full_later(request, monkeypatch):
    """Fail at the n-th of the six steps of a save: three files are written, and three renamed."""
    steps = iter(range(6))

    def failing(method):
        def step(path, argument):
            if next(steps) == request.param:
                if method is Path.write_bytes:
                    method(path, argument[: len(argument) // 2])
                raise OSError(28, "No space left on device")
            return method(path, argument)

        return step

    def arm():
        monkeypatch.setattr(Path, "write_bytes", failing(Path.write_bytes))
        monkeypatch.setattr(Path, "replace", failing(Path.replace))

    return arm


def test_interrupted_save_leaves_no_half_model(disk_full_later, model, tmp_path):
    disk_full_later()
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(tmp_path / "new", model, "card")
    with pytest.raises(CheckpointError, match="not a model folder"):
        load_checkpoint(tmp_path / "new")


def test_interrupted_overwriting_never_mixes_two_models(disk_full_later, folder, tiny_model, request):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    disk_full_later()
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(folder, tiny_model(name="second"), "another card")
    if request.node.callspec.params["disk_full_later"] <= 3:  # nothing has taken its place yet
        assert all((folder / name).read_bytes() == content for name, content in before.items())
        assert load_checkpoint(folder).config.name == "tiny"
    else:
        with pytest.raises(CheckpointError, match="not the weights that"):
            load_checkpoint(folder)


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_model_loads(name):
    assert load_checkpoint(name).config.name == name
