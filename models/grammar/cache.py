"""Commands files compiled once: large grammars are kept by the content of their file."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import kaldifst

from oyez.models.grammar.compiler import compile_commands
from oyez.models.grammar.file import CommandsFile, Wake, read_commands
from oyez.models.grammar.search import Grammar
from oyez.models.grammar.tags import Tags

LARGE = 100_000  # states from which a grammar is worth keeping; a smaller one is made in less than a second
KEPT = 8  # grammars; the oldest go first


def load_commands(
    path: str | Path, folder: Path | None = None, wake: Wake | None = None
) -> tuple[CommandsFile, Grammar, Tags]:
    """Read a commands file and make its grammar, or take the one that was kept.

    Args:
        path: the commands file.
        folder: where grammars are kept; by default `oyez/commands` in the user's cache folder.
        wake: a wake phrase instead of the file's.

    Raises:
        models.commands.errors.CommandsError: it is no commands file, or a wrong one.
    """
    file, document = read_commands(path)
    file = file.woken_by(wake or Wake())
    kept = Kept(folder or _cache_folder(), file)
    if (found := kept.load()) is not None:
        return file, *found
    compiled = compile_commands(file, document)
    grammar = compiled.grammar()
    if grammar.states >= LARGE:
        kept.save(grammar, compiled.tags)
    return file, grammar, compiled.tags


class Kept:
    """The place of a grammar in the cache."""

    def __init__(self, folder: Path, file: CommandsFile) -> None:
        content = hashlib.sha256(_code_hash() + file.model_dump_json().encode()).hexdigest()
        self._graph = folder / f"{content}.fst"
        self._tags = folder / f"{content}.json"

    def load(self) -> tuple[Grammar, Tags] | None:
        """Return the grammar, or None if it is not there or damaged."""
        try:
            kept = json.loads(self._tags.read_bytes())
            if hashlib.sha256(self._graph.read_bytes()).hexdigest() != kept["graph"]:
                return None
            graph = kaldifst.StdConstFst.read(str(self._graph))
        except (OSError, ValueError, KeyError):
            return None
        return Grammar(graph), Tags.from_json(kept["tags"])

    def save(self, grammar: Grammar, tags: Tags) -> None:
        """Keep a grammar, if the disk allows."""
        part = self._graph.with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):
            self._graph.parent.mkdir(parents=True, exist_ok=True)
            try:
                if not grammar.graph.write(str(part)):
                    return
                digest = hashlib.sha256(part.read_bytes()).hexdigest()
                part.replace(self._graph)
                part.write_text(json.dumps({"graph": digest, "tags": tags.to_json()}))
                part.replace(self._tags)
            finally:
                part.unlink(missing_ok=True)
            for old in sorted(self._graph.parent.glob("*.fst"), key=lambda each: each.stat().st_mtime)[:-KEPT]:
                old.unlink(missing_ok=True)
                old.with_suffix(".json").unlink(missing_ok=True)


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oyez" / "commands"


@cache
def _code_hash() -> bytes:
    """Return a hash of what makes grammars, so that none outlives a change of it."""
    package = Path(__file__).parents[2]
    sources = [*sorted(Path(__file__).parent.glob("*.py")), package / "data/alphabet.py", package / "data/text.py"]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    for library in ("kaldifst", "hassil", "num2words"):
        digest.update(version(library).encode())
    return digest.digest()
