import hashlib
import io
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from torchaudio.datasets import librispeech, speechcommands

from oyez.data.corpora import download
from oyez.data.corpora.download import DownloadError, download_librispeech, download_speech_commands

SPEECH_COMMANDS = "speech_commands_v0.02.tar.gz"
DEV_CLEAN = "dev-clean.tar.gz"


class Mirror:
    """An HTTP server on this machine: what it serves, how much of it before it hangs up, and what it was asked."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.hang_up_after: int | None = None
        self.ranges_known = True
        self.asked: list[str | None] = []  # the Range header of each request
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/corpora"

    def answer(self, request):
        asked = request.headers.get("Range")
        self.asked.append(asked)
        content = self.files.get(request.path.removeprefix("/corpora/"))
        if content is None:
            request.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges_known else 0
        if start >= len(content):
            request.send_error(416)
            return
        request.send_response(206 if asked and self.ranges_known else 200)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        request.wfile.write(content[start : self.hang_up_after])


@pytest.fixture
def mirror(monkeypatch):
    """A mirror of both corpora, a few bytes each; the published checksums are those of what it serves."""
    mirror = Mirror()
    mirror.files[SPEECH_COMMANDS] = archive(
        {"./yes/0137b3f4_nohash_0.wav": b"a clip", "./validation_list.txt": b"", "./testing_list.txt": b""}
    )
    mirror.files[DEV_CLEAN] = archive(
        {"LibriSpeech/dev-clean/84/121123/84-121123.trans.txt": b"84-121123-0000 YES\n", "LibriSpeech/README.TXT": b""}
    )
    for name, checksums in ((SPEECH_COMMANDS, speechcommands._CHECKSUMS), (DEV_CLEAN, librispeech._CHECKSUMS)):
        url = next(url for url in checksums if url.endswith(name))
        monkeypatch.setitem(checksums, url, hashlib.sha256(mirror.files[name]).hexdigest())
    thread = threading.Thread(target=mirror.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
    thread.join()


def archive(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def files_below(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_speech_commands_are_unpacked_in_their_published_layout(tmp_path, mirror):
    folder = download_speech_commands(tmp_path, mirror=mirror.address)

    assert folder == tmp_path / "SpeechCommands/speech_commands_v0.02"
    assert files_below(tmp_path) == [
        f"SpeechCommands/speech_commands_v0.02/{name}"
        for name in ("testing_list.txt", "validation_list.txt", "yes/0137b3f4_nohash_0.wav")
    ]
    assert (folder / "yes/0137b3f4_nohash_0.wav").read_bytes() == b"a clip"


def test_librispeech_is_unpacked_in_its_published_layout(tmp_path, mirror):
    folder = download_librispeech(tmp_path, "dev-clean", mirror=mirror.address + "/")

    assert folder == tmp_path / "LibriSpeech/dev-clean"
    assert (folder / "84/121123/84-121123.trans.txt").read_text() == "84-121123-0000 YES\n"


def test_a_subset_that_is_there_is_not_fetched_again(tmp_path, mirror):
    first = download_librispeech(tmp_path, "dev-clean", mirror=mirror.address)

    assert download_librispeech(tmp_path, "dev-clean", mirror=mirror.address) == first
    assert mirror.asked == [None]


def test_an_interrupted_download_goes_on_where_it_stopped(tmp_path, mirror):
    mirror.hang_up_after = 100
    with pytest.raises(DownloadError, match=f"{mirror.address}/{DEV_CLEAN} .*broke off after 100 of"):
        download_librispeech(tmp_path, "dev-clean", mirror=mirror.address)
    assert not (tmp_path / "LibriSpeech").exists()

    mirror.hang_up_after = None
    folder = download_librispeech(tmp_path, "dev-clean", mirror=mirror.address)

    assert mirror.asked == [None, "bytes=100-"]
    assert files_below(folder) == ["84/121123/84-121123.trans.txt"]


def test_a_server_that_knows_no_ranges_sends_it_all_again(tmp_path, mirror):
    mirror.ranges_known = False
    mirror.hang_up_after = 100
    with pytest.raises(DownloadError):
        download_librispeech(tmp_path, "dev-clean", mirror=mirror.address)

    mirror.hang_up_after = None
    assert download_librispeech(tmp_path, "dev-clean", mirror=mirror.address).is_dir()


def test_a_transfer_that_was_complete_but_not_unpacked_is_not_fetched_again(tmp_path, mirror):
    (tmp_path / ".download").mkdir()
    (tmp_path / ".download" / f"{DEV_CLEAN}.part").write_bytes(mirror.files[DEV_CLEAN])

    assert download_librispeech(tmp_path, "dev-clean", mirror=mirror.address).is_dir()
    assert mirror.asked == [f"bytes={len(mirror.files[DEV_CLEAN])}-"]


def test_an_archive_that_was_put_there_by_hand_needs_no_connection(tmp_path, mirror):
    (tmp_path / ".download").mkdir()
    (tmp_path / ".download" / DEV_CLEAN).write_bytes(mirror.files[DEV_CLEAN])

    assert download_librispeech(tmp_path, "dev-clean", mirror="http://nowhere.invalid").is_dir()
    assert mirror.asked == []


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"<html>not found</html>", lambda content: content[:-30], lambda c: c[:200] + b"\0" + c[201:]],
    ids=["a web page", "truncated", "a wrong byte"],
)
def test_a_damaged_archive_is_deleted_and_named(tmp_path, mirror, damage):
    placed = tmp_path / ".download" / DEV_CLEAN
    placed.parent.mkdir()
    placed.write_bytes(damage(mirror.files[DEV_CLEAN]))

    with pytest.raises(DownloadError, match=f"{DEV_CLEAN} was damaged"):
        download_librispeech(tmp_path, "dev-clean", mirror=mirror.address)

    assert not placed.exists()
    assert not (tmp_path / "LibriSpeech").exists()
    assert download_librispeech(tmp_path, "dev-clean", mirror=mirror.address).is_dir()


def test_a_wrong_checksum_is_an_error_and_leaves_nothing(tmp_path, mirror):
    mirror.files[SPEECH_COMMANDS] += b"more"

    with pytest.raises(DownloadError, match=f"{SPEECH_COMMANDS} .*checksum"):
        download_speech_commands(tmp_path, mirror=mirror.address)

    assert files_below(tmp_path) == []


def test_an_unpacking_that_was_interrupted_is_done_anew(tmp_path, mirror):
    half = tmp_path / ".download/SpeechCommands/speech_commands_v0.02/yes"
    half.mkdir(parents=True)
    (half / "0137b3f4_nohash_0.wav").write_bytes(b"half of")

    folder = download_speech_commands(tmp_path, mirror=mirror.address)

    assert (folder / "yes/0137b3f4_nohash_0.wav").read_bytes() == b"a clip"


def test_a_second_subset_comes_to_the_first(tmp_path, mirror):
    (tmp_path / "LibriSpeech/test-clean").mkdir(parents=True)

    assert download_librispeech(tmp_path, "dev-clean", mirror=mirror.address).parent == tmp_path / "LibriSpeech"
    assert (tmp_path / "LibriSpeech/test-clean").is_dir()


def test_without_a_connection_the_error_names_the_address_and_the_way_out(tmp_path):
    with socket.socket() as taken:  # bound and not listening: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(DownloadError, match=rf"{address}/{DEV_CLEAN} .*refused.*put it there as .*{DEV_CLEAN}"):
            download_librispeech(tmp_path, "dev-clean", mirror=address)


def test_a_file_that_the_server_has_not_is_an_error_with_its_address(tmp_path, mirror):
    del mirror.files[DEV_CLEAN]

    with pytest.raises(DownloadError, match=f"{mirror.address}/{DEV_CLEAN} .*Not Found"):
        download_librispeech(tmp_path, "dev-clean", mirror=mirror.address)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, mirror):
    (tmp_path / "speech").write_text("a file, not a folder")

    with pytest.raises(DownloadError, match="speech"):
        download_librispeech(tmp_path / "speech", "dev-clean", mirror=mirror.address)


@pytest.mark.parametrize(
    ("fetch", "wrong", "known"),
    [
        (download_speech_commands, "v0.03", download.SPEECH_COMMANDS_VERSIONS),
        (download_librispeech, "dev", download.SUBSETS),
    ],
)
def test_an_unknown_part_is_refused_with_the_known_ones_and_nothing_is_made(tmp_path, fetch, wrong, known):
    with pytest.raises(DownloadError, match=f"'{wrong}'.*{', '.join(known)}"):
        fetch(tmp_path, wrong)

    assert list(tmp_path.iterdir()) == []
