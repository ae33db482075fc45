import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from oyez.data import alphabet, text
from oyez.models.grammar import cache
from oyez.models.grammar.cache import load_commands


@pytest.fixture
def commands(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "LARGE", 1)
    path = tmp_path / "home.yaml"
    path.write_text("intents:\n  Go: {data: [{sentences: ['go {x}']}]}\nlists: {x: {values: [{in: home, out: [1]}]}}")
    return path


def kept(folder):
    return sorted(path.suffix for path in folder.iterdir()) if folder.exists() else []


def test_a_large_grammar_is_made_once_and_is_the_same_then(commands, tmp_path, monkeypatch):
    _, made, tags = load_commands(commands, tmp_path / "kept")
    assert kept(tmp_path / "kept") == [".fst", ".json"]
    monkeypatch.setattr(cache, "compile_commands", None)
    file, loaded, same_tags = load_commands(commands, tmp_path / "kept")
    assert (loaded.states, loaded.arcs) == (made.states, made.arcs)
    tagged = [row for row in tags.to_json() if row]
    assert [row for row in same_tags.to_json() if row] == tagged
    assert list(file.intents) == ["Go"]


def test_another_content_is_another_grammar(commands, tmp_path):
    load_commands(commands, tmp_path / "kept")
    commands.write_text(commands.read_text().replace("home", "away"))
    load_commands(commands, tmp_path / "kept")
    assert kept(tmp_path / "kept") == [".fst", ".fst", ".json", ".json"]


@pytest.mark.parametrize("suffix", [".fst", ".json"])
@pytest.mark.parametrize("content", [b"", b"damaged", b'{"graph": 1}'])
def test_a_damaged_one_is_made_again(commands, tmp_path, suffix, content):
    _, made, _ = load_commands(commands, tmp_path / "kept")
    [damaged] = (tmp_path / "kept").glob(f"*{suffix}")
    damaged.write_bytes(content)
    _, again, _ = load_commands(commands, tmp_path / "kept")
    assert again.states == made.states
    assert damaged.read_bytes() != content


def test_every_module_that_takes_part_in_compiling_is_in_the_hash():
    hashed = {source.resolve() for source in cache.sources()}
    script = (
        "import sys, oyez.models.grammar.cache as cache; "
        "print(*(module.__file__ for name, module in sys.modules.items() if name.startswith('oyez.')), sep='\\n')"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    modules = {Path(line).resolve() for line in loaded.splitlines()}
    assert {Path(cache.__file__).resolve(), Path(text.__file__).resolve(), Path(alphabet.__file__).resolve()} <= modules
    assert modules <= hashed


def test_another_process_at_the_cache_is_not_waited_for(commands, tmp_path):
    with FileLock(tmp_path / "kept.lock"):
        load_commands(commands, tmp_path / "kept")
    assert kept(tmp_path / "kept") == []


def test_the_cache_is_in_the_users_folder(commands, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load_commands(commands)
    assert kept(tmp_path / "cache" / "oyez" / "commands") == [".fst", ".json"]


def test_small_grammars_are_not_kept(commands, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "LARGE", 10**6)
    load_commands(commands, tmp_path / "kept")
    assert kept(tmp_path / "kept") == []


def test_a_disk_that_keeps_nothing_hinders_nothing(commands, tmp_path):
    (tmp_path / "kept").write_text("a file")
    assert load_commands(commands, tmp_path / "kept")[1].states


def test_the_oldest_go_first(commands, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "KEPT", 2)
    for name in ("one", "two", "six", "ten"):
        commands.write_text(f"intents: {{Go: {{data: [{{sentences: [{name}]}}]}}}}")
        load_commands(commands, tmp_path / "kept")
    assert kept(tmp_path / "kept") == [".fst", ".fst", ".json", ".json"]
