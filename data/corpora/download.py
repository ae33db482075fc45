"""Fetch corpora from where they are published: interrupted downloads go on, checksums are checked.

The addresses, the checksums and the layout are torchaudio's; only the transfer is done here, because its own starts
over each time it is interrupted.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from oyez.data.corpora.librispeech import SUBSETS

SPEECH_COMMANDS_VERSIONS = ("v0.01", "v0.02")
_CHUNK = 1 << 20  # bytes
_TIMEOUT = 60  # seconds without a byte
_WORKSHOP = ".download"  # below the data folder; holds what is not complete yet


class DownloadError(Exception):
    """A corpus that could not be fetched. The message says what to do."""


def download_speech_commands(root: Path, version: str = "v0.02", mirror: str | None = None) -> Path:
    """Fetch Speech Commands (v0.02: 2.4 GB) to `root`/SpeechCommands and return the folder of its words.

    Raises:
        DownloadError: no connection, a damaged file, no space, or an unknown version.
    """
    if version not in SPEECH_COMMANDS_VERSIONS:
        raise DownloadError(
            f"Speech Commands has no version {version!r}; there are {', '.join(SPEECH_COMMANDS_VERSIONS)}"
        )
    from torchaudio.datasets import SPEECHCOMMANDS, speechcommands

    name = f"speech_commands_{version}"

    def unpack(workshop: Path) -> None:
        SPEECHCOMMANDS(str(workshop), url=name, folder_in_archive="SpeechCommands", download=True)

    return _download(root, Path("SpeechCommands") / name, f"{name}.tar.gz", speechcommands._CHECKSUMS, unpack, mirror)


def download_librispeech(root: Path, subset: str, mirror: str | None = None) -> Path:
    """Fetch a subset of LibriSpeech, such as "dev-clean" (338 MB), to `root`/LibriSpeech and return its folder.

    Raises:
        DownloadError: no connection, a damaged file, no space, or an unknown subset.
    """
    if subset not in SUBSETS:
        raise DownloadError(f"LibriSpeech has no subset {subset!r}; there are {', '.join(SUBSETS)}")
    from torchaudio.datasets import LIBRISPEECH, librispeech

    def unpack(workshop: Path) -> None:
        LIBRISPEECH(str(workshop), url=subset, folder_in_archive="LibriSpeech", download=True)

    return _download(root, Path("LibriSpeech") / subset, f"{subset}.tar.gz", librispeech._CHECKSUMS, unpack, mirror)


def _download(
    root: Path,
    place: Path,
    archive_name: str,
    checksums: dict[str, str],
    unpack: Callable[[Path], None],
    mirror: str | None,
) -> Path:
    """Fetch an archive, unpack it in the workshop, and move the whole folder to its place at once."""
    if mirror and not mirror.startswith(("http://", "https://")):
        raise DownloadError(f"the mirror {mirror!r} is no address: it begins with http:// or https://")
    if (root / place).is_dir():
        return root / place
    published, checksum = next((url, digest) for url, digest in checksums.items() if url.endswith(archive_name))
    url = f"{mirror.rstrip('/')}/{archive_name}" if mirror else published
    workshop = root / _WORKSHOP
    archive = workshop / archive_name
    try:
        workshop.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(f"{workshop}: cannot be made ({error.strerror}); choose another folder") from error
    try:
        if not archive.is_file():
            _fetch(url, archive)
        _check(archive, checksum)
        shutil.rmtree(workshop / place, ignore_errors=True)  # of an unpacking that was interrupted
        unpack(workshop)
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (workshop / place).rename(root / place)
    except (RuntimeError, EOFError, tarfile.TarError) as error:
        archive.unlink(missing_ok=True)
        raise DownloadError(f"{archive}: damaged and deleted ({error}); try again") from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(
            f"{url} could not be fetched ({reason}). Is there a connection to the internet, and space in {root}? "
            f"The same command goes on where this stopped; or fetch it elsewhere and put it there as {archive}"
        ) from error
    archive.unlink()
    return root / place


def _fetch(url: str, archive: Path) -> None:
    part = archive.with_name(archive.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    try:
        with urlopen(Request(url, headers={"Range": f"bytes={have}-"} if have else {}), timeout=_TIMEOUT) as response:
            if response.status != 206:  # the server sends the whole file
                have = 0
            total = have + int(response.headers.get("Content-Length", 0)) or None
            columns = (
                TextColumn(archive.name),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
            )
            with (
                part.open("ab" if have else "wb") as file,
                Progress(*columns, console=Console(stderr=True)) as progress,
            ):
                task = progress.add_task("", total=total, completed=have)
                while chunk := response.read(_CHUNK):
                    file.write(chunk)
                    progress.advance(task, len(chunk))
            if total and part.stat().st_size < total:
                raise ConnectionError(f"the connection broke off after {part.stat().st_size} of {total} bytes")
    except HTTPError as error:
        if error.code != 416:  # "range not satisfiable": all of it is here already
            raise
    part.rename(archive)


def _check(archive: Path, checksum: str) -> None:
    """Check an archive, fetched or put there by hand: tarfile may take damage in its middle for its end."""
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != checksum:
        archive.unlink()
        raise DownloadError(
            f"{archive} was damaged: its checksum is {found}, not {checksum}. It was deleted; try again"
        )
