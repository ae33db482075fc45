"""The cache of compiled commands files: large grammars are kept by the content of their file."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import kaldifst
import platformdirs
from filelock import FileLock

from oyez.data.files import whole_file
from oyez.models.grammar.compiler import compile_commands
from oyez.models.grammar.file import CommandsFile, Wake
from oyez.models.grammar.reading import read_commands
from oyez.models.grammar.search import Grammar
from oyez.models.grammar.tags import Tags

LARGE = 100_000  # states from which a grammar is worth keeping; a smaller one is compiled in less than a second
KEPT = 8  # grammars; the oldest are removed first
_ROOMS = ("data", "models")  # of the package: nothing else takes part in compiling
_LIBRARIES = ("kaldifst", "hassil", "num2words")


def load_commands(
    path: str | Path, folder: Path | None = None, wake: Wake | None = None
) -> tuple[CommandsFile, Grammar, Tags]:
    """Read a commands file and compile its grammar, or take that from the cache.

    Args:
        path: the commands file, or a folder of them.
        folder: the cache; by default `oyez/commands` in the user's cache folder.
        wake: a wake phrase instead of the file's.

    Raises:
        oyez.models.grammar.errors.CommandsError: it is not a commands file, or has a mistake.
    """
    file, document = read_commands(path)
    file = file.woken_by(wake or Wake())
    entry = GrammarCacheEntry(folder or platformdirs.user_cache_path("oyez") / "commands", file)
    if (cached := entry.load()) is not None:
        return file, *cached
    compiled = compile_commands(file, document)
    grammar = compiled.grammar()
    if grammar.states >= LARGE:
        entry.save(grammar, compiled.tags)
    return file, grammar, compiled.tags


class GrammarCacheEntry:
    """A grammar in the cache: a file with its graph, and one with its tags and the checksum of the graph."""

    def __init__(self, folder: Path, file: CommandsFile) -> None:
        self._folder = folder
        content = hashlib.sha256(_code_hash() + file.model_dump_json().encode()).hexdigest()
        self._graph = folder / f"{content}.fst"
        self._tags = folder / f"{content}.json"

    def load(self) -> tuple[Grammar, Tags] | None:
        """Return the grammar, or None if it is not there or damaged."""
        try:
            entry = json.loads(self._tags.read_bytes())
            if hashlib.sha256(self._graph.read_bytes()).hexdigest() != entry["graph"]:
                return None
            graph = kaldifst.StdConstFst.read(str(self._graph))
        except (OSError, ValueError, KeyError):
            return None
        return Grammar(graph), Tags.from_json(entry["tags"])

    def save(self, grammar: Grammar, tags: Tags) -> None:
        """Keep a grammar, if the disk allows it and no other process is writing to the cache."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder.with_suffix(".lock"), timeout=0):
                with whole_file(self._graph) as part:
                    if not grammar.graph.write(str(part)):
                        raise OSError(f"{part} cannot be written")
                    checksum = hashlib.sha256(part.read_bytes()).hexdigest()
                with whole_file(self._tags) as part:
                    part.write_text(json.dumps({"graph": checksum, "tags": tags.to_json()}))
                for old in sorted(self._folder.glob("*.fst"), key=lambda graph: graph.stat().st_mtime)[:-KEPT]:
                    old.unlink(missing_ok=True)
                    old.with_suffix(".json").unlink(missing_ok=True)


@cache
def _code_hash() -> bytes:
    """Return a hash of all code that may take part in compiling, so that no grammar outlives a change of it."""
    digest = hashlib.sha256()
    for source in sources():
        digest.update(source.read_bytes())
    for library in _LIBRARIES:
        digest.update(version(library).encode())
    return digest.digest()


def sources() -> list[Path]:
    """Return the files of that code."""
    package = Path(__file__).parents[2]
    return sorted(source for room in _ROOMS for source in (package / room).rglob("*.py"))
