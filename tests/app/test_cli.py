"""The command line as a whole: help, usage errors, what it loads, and that no mistake ends in a traceback.

Everything runs in this process, except what is about a process of its own. Single commands have tests of their own.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer.main

from oyez.app.cli import app
from tests.app.conftest import Oyez
from tests.app.usage_errors import CLIP, HOME, SPOKEN, USAGE_ERRORS

HEAVY = ("torch", "torchaudio", "onnxruntime", "gradio")


def commands(node: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield all groups and commands below one, with the words that call them."""
    node = node or typer.main.get_command(app)
    yield path, node
    for name, below in getattr(node, "commands", {}).items():
        yield from commands(below, (*path, name))


EVERY = dict(commands())
LEAVES = {path: node for path, node in EVERY.items() if not hasattr(node, "commands")}


def words_of(value: object) -> str:
    """Return the name of a case."""
    return " ".join(Path(word).name for word in value)[:60] if isinstance(value, list) else str(value)[:30]


def options_of(node: Any) -> list[Any]:
    return [parameter for parameter in node.params if parameter.param_type_name == "option"]


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_help_page_explains_each_option_and_shows_each_default(oyez: Oyez, path: tuple[str, ...]) -> None:
    done = oyez(*path, "-h")
    assert (done.exit_code, done.stderr) == (0, "")
    page = " ".join(done.stdout.replace("│", " ").split())
    for parameter in EVERY[path].params:
        names = parameter.opts if parameter.param_type_name == "option" else [parameter.name]
        assert parameter.help, f"{names} has no help"
        assert names[0] in page
        assert "default" not in parameter.help.lower().replace("default threshold", ""), (
            f"{names}: a default in its help; say it by show_default, and it is shown"
        )
        if isinstance(parameter.show_default, str):
            assert f"[default: ({parameter.show_default})]" in page
        elif parameter.default not in (None, (), "") and not getattr(parameter, "is_flag", False):
            values = parameter.default if isinstance(parameter.default, (list, tuple)) else [parameter.default]
            shown = ", ".join(str(getattr(value, "value", value)) for value in values)
            assert f"[default: {shown}]" in page.replace("] [default", "] [default").replace("; ", "] ["), names


def test_help_names_every_command(oyez: Oyez) -> None:
    page = oyez("--help").stdout
    assert all(path[0] in page for path in EVERY if path)


def test_the_version_is_that_of_the_package(oyez: Oyez) -> None:
    assert oyez("--version").stdout == f"oyez {version('oyez')}\n"


def test_the_shell_completes_commands_and_options() -> None:
    def completions(words: str) -> set[str]:
        asked = {"_OYEZ_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        program = "import sys; sys.argv[0] = 'oyez'; from oyez.app.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, text=True, check=False
        )
        return set(done.stdout.split())

    assert completions("oyez tr") == {"transcribe", "train"}
    assert "--min-speech" in completions("oyez listen --min-s")


@pytest.mark.parametrize(("arguments", "message"), USAGE_ERRORS, ids=words_of)
def test_a_usage_error_is_named_and_the_exit_code_is_2(oyez: Oyez, arguments: list[str], message: str) -> None:
    done = oyez(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def needs_recipes(arguments: list[str]) -> bool:
    """Whether a command reads a recipe, whose settings are those of modules that load torch."""
    return arguments[0] == "train" or "recipe" in arguments or "--recipe" in arguments


# What answers before torch is loaded, and with which exit code.
LIGHT: list[tuple[list[str], int]] = [
    *(([*path, "--help"], 0) for path in EVERY),
    (["--version"], 0),
    (["models"], 0),
    (["listen", "--list"], 0),
    (["commands", "check", str(HOME)], 0),
    (["commands", "parse", str(HOME), "turn on the kitchen light"], 0),
    (["data", "synthesise", "nowhere.txt", "--out", "x"], 2),
    *((arguments, 2) for arguments, _ in USAGE_ERRORS if not needs_recipes(arguments)),
]  # fmt: skip

WATCHER = """
import importlib.abc, io, json, sys, traceback
from contextlib import redirect_stderr, redirect_stdout

wanted = []

class Watcher(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in HEAVY:
            wanted.append(name)
            raise ImportError(f"{name} is not to be loaded")

HEAVY = sys.argv[1].split()
sys.meta_path.insert(0, Watcher())
from oyez.app.cli import main
from oyez.app.listen import microphone
microphone.devices = lambda: []
report = {}
for line in sys.stdin:
    arguments = json.loads(line)
    wanted.clear()
    sys.argv = ["oyez", *arguments]
    code, shown = 0, io.TextIOWrapper(io.BytesIO())
    with redirect_stdout(shown), redirect_stderr(shown):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException as error:
            code = repr(error)
    report[line.strip()] = {"loaded": list(wanted), "exit_code": code}
loaded = [name for name in HEAVY if name in sys.modules]
print(json.dumps({"report": report, "loaded": loaded}))
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run all of LIGHT in one process, in which none of HEAVY can be loaded."""
    lines = "\n".join(json.dumps(arguments) for arguments, _ in LIGHT)
    command = [sys.executable, "-c", WATCHER, " ".join(HEAVY)]
    folder = tmp_path_factory.mktemp("light")
    done = subprocess.run(command, input=lines, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["loaded"] == []
    report: dict[str, Any] = result["report"]
    return report


@pytest.mark.parametrize(("arguments", "exit_code"), LIGHT, ids=words_of)
def test_what_needs_no_network_answers_before_torch_is_loaded(
    watched: dict[str, Any], arguments: list[str], exit_code: int
) -> None:
    assert watched[json.dumps(arguments)] == {"loaded": [], "exit_code": exit_code}


BAD_NUMBERS = ("inf", "-inf", "nan", "1e999", "²", "", "-1", "1.5", "1" + "0" * 30)
BAD_NAMES = ("", "²", "nowhere/at all", "x" * 5000, "/dev/null/x")


@pytest.fixture
def working(tmp_path: Path, untrained_model: Path) -> dict[tuple[str, ...], list[object]]:
    """Arguments that each command accepts, and that end soon; of others there are none."""
    (tmp_path / "words.txt").write_text("yes\nleft right stop\n")
    (tmp_path / "phrases.txt").write_text("yes\n")
    model = ["--model", untrained_model]
    of_file = ["words.txt"]
    return {
        ("transcribe",): [CLIP, *model],
        ("listen",): ["--source", CLIP, "--vad", "energy", *model],
        ("lm", "generate"): ["--max-length", "2"],
        ("train",): ["commands", "--data", "nowhere"],
        ("adapt",): [*of_file, *model, "--recordings", "nowhere"],
        ("commands", "check"): of_file,
        ("commands", "parse"): [*of_file, "yes"],
        ("commands", "train-intents"): [*of_file, "--out", "intents", "--sentences", "20"],
        ("commands", "tune"): [*of_file, "--recordings", SPOKEN, *model],
        ("commands", "calibrate"): [untrained_model, "--recipe", "commands", "--data", "nowhere"],
        ("evaluate", "recipe"): ["commands", "--data", "nowhere", *model],
        ("evaluate", "corpus"): ["recordings", SPOKEN, *model, "--json"],
        ("data", "download"): ["librispeech", "--mirror", "http://127.0.0.1:9"],
        ("data", "synthesise"): ["phrases.txt", "--out", "out", "--voice", "nonsense"],
    }


@pytest.fixture
def bad_paths(tmp_path: Path, untrained_model: Path) -> list[object]:
    """A folder, an empty file, one that is neither text nor sound, and a model without its weights."""
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_bytes((untrained_model / "config.json").read_bytes())
    (tmp_path / "folder").mkdir()
    return ["folder", "empty", "binary", "model"]


@pytest.mark.long
@pytest.mark.parametrize("path", [path for path in LEAVES if path != ("web",)], ids=" ".join)
def test_no_value_of_any_option_ends_in_a_traceback(
    oyez: Oyez, working: dict[tuple[str, ...], list[object]], bad_paths: list[object], path: tuple[str, ...]
) -> None:
    """An exception that gets out of the command fails the test: see the fixture `oyez`."""
    for option in options_of(LEAVES[path]):
        if getattr(option, "is_flag", False) or option.is_eager:
            continue
        is_number = re.search(r"\b(int|float)\b", str(option.type_descriptor.annotation))
        values = [*BAD_NUMBERS] if is_number else [*BAD_NAMES, *bad_paths]
        for value in values:
            done = oyez(*path, *working.get(path, []), option.opts[0], *[value] * option.nargs)
            assert done.exit_code in (0, 1, 2), (option.opts, value)
            assert done.exit_code == 0 or done.stderr, (option.opts, value)


@pytest.mark.parametrize("path", [path for path in LEAVES if path != ("web",)], ids=" ".join)
def test_no_argument_ends_in_a_traceback(
    oyez: Oyez, working: dict[tuple[str, ...], list[object]], bad_paths: list[object], path: tuple[str, ...]
) -> None:
    given = working.get(path, [])
    arguments = [parameter for parameter in LEAVES[path].params if parameter.param_type_name == "argument"]
    for number, argument in enumerate(arguments):
        for value in [*BAD_NAMES, *bad_paths]:
            done = oyez(*path, *given[:number], value, *given[number + 1 :])
            assert done.exit_code in (0, 1, 2), (argument.name, value)
            assert done.exit_code == 0 or done.stderr, (argument.name, value)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "256.256.256.256", "no.such.host.invalid", "::1", "²", "x" * 300, "a..b"]
)
def test_an_address_that_is_unavailable_is_named(oyez: Oyez, untrained_model: Path, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = oyez("web", "--host", host, "--port", port, "--model", untrained_model)
    assert done.exit_code == 2
    assert f"error: http://{host}:{port} is unavailable" in done.stderr


def test_where_there_is_no_microphone_the_list_says_so(oyez: Oyez, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oyez.app.listen.microphone.devices", lambda: [])
    done = oyez("listen", "--list")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "there is no microphone\n")


def test_a_terminal_is_told_at_once_that_a_model_is_loaded(oyez: Oyez, monkeypatch: pytest.MonkeyPatch) -> None:
    listen = ("listen", "--model", "nonsense", "--source", CLIP)
    assert "Loading" not in oyez(*listen).stderr
    monkeypatch.setattr("oyez.app.console.console._force_terminal", True)
    assert oyez(*listen).stderr.startswith("Loading the model…")
