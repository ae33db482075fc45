"""Every file is read to its end by one decoder; what is missing of it is reported, never passed over in silence."""

from __future__ import annotations

import os
import struct
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oyez.data.audio import (
    SAMPLE_RATE,
    AudioError,
    AudioWarning,
    IncompleteAudioWarning,
    RawFormat,
    Waveform,
    audio_blocks,
    audio_duration,
    read_audio,
    to_mono,
)
from oyez.data.audio import decoder as decoder_module
from tests.data.media import MEDIA, write_media

OPUS = {"format": "OGG", "subtype": "OPUS"}


def sweep(seconds: float = 2.0) -> Waveform:
    """Sound that is nowhere like what it is elsewhere."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype(np.float32)


def noisy() -> Waveform:
    """Sound of four seconds that no codec makes small."""
    return sweep(4) / 2 + np.random.default_rng(0).normal(0, 0.1, 4 * SAMPLE_RATE).astype(np.float32)


def read(path: Path, **options: object) -> tuple[Waveform, list[AudioWarning]]:
    """Read a file; return its waveform and the warnings."""
    found: list[AudioWarning] = []
    return read_audio(path, warn=found.append, **options), found  # type: ignore[arg-type]


def wav(samples: Waveform, **options: object) -> bytes:
    content = (samples * 32767).astype("<i2").tobytes()
    size = options.get("size", len(content))
    form = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + len(content)) + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack(
        "<I", size
    ) + content  # fmt: skip


@pytest.mark.parametrize("ending", MEDIA)
def test_what_telephones_browsers_and_cameras_record_is_read_whole(tmp_path: Path, ending: str) -> None:
    waveform, found = read(write_media(tmp_path / f"a.{ending}", sweep(), ending))
    assert found == []
    assert len(waveform) / SAMPLE_RATE == pytest.approx(2.0, abs=0.14)
    stretch = sweep()[4000:10_000]
    assert np.correlate(waveform[:14_000], stretch).max() > 0.8 * np.square(stretch).sum()


@pytest.mark.parametrize("ending", ["m4a", "webm", "mkv", "bare.mp3"])
def test_blocks_parts_and_the_length_are_those_of_the_whole(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_media(tmp_path / f"a.{ending}", sweep(), ending)
    whole = read_audio(path)
    assert audio_duration(path) == pytest.approx(len(whole) / SAMPLE_RATE, abs=1e-3)
    monkeypatch.setattr("oyez.data.audio.reading.BLOCK_SECONDS", 0.1)
    monkeypatch.setattr("oyez.data.audio.ffmpeg.BLOCK", 1000)
    blocks = list(audio_blocks(path))
    assert len(blocks) > 10
    assert np.concatenate(blocks)[: len(whole) - 10] == pytest.approx(whole[:-10], abs=2e-3)
    part = read_audio(path, offset=0.5, duration=0.25)
    assert part[50:-50] == pytest.approx(whole[8000:12_000][50:-50], abs=2e-2)


@pytest.mark.parametrize("before", [b"", bytes(5000), b"ID3\x03\0\0\0\x02\0\0" + b"\xff\xfb" * 16_384])
def test_mp3s_that_were_joined_or_begin_with_something_else_are_read_to_the_end(tmp_path: Path, before: bytes) -> None:
    counted = tmp_path / "counted.mp3"
    soundfile.write(counted, sweep(), SAMPLE_RATE)
    bare = write_media(tmp_path / "a.bare.mp3", sweep(), "bare.mp3").read_bytes()
    for content in (counted.read_bytes(), bare):
        path = tmp_path / "joined.mp3"
        path.write_bytes(before + content + content)
        waveform, found = read(path)
        assert (found, len(waveform) / SAMPLE_RATE) == ([], pytest.approx(4.1, abs=0.15))


@pytest.mark.parametrize("frames", [0, 7, 10_000])
def test_a_frame_count_that_is_wrong_cuts_nothing(tmp_path: Path, frames: int) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, sweep(), SAMPLE_RATE)
    content = bytearray(path.read_bytes())
    mark = max(content.find(b"Xing"), content.find(b"Info"))
    content[mark + 8 : mark + 12] = frames.to_bytes(4, "big")
    path.write_bytes(content)
    assert len(read_audio(path)) / SAMPLE_RATE == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_files_that_were_joined_are_read_to_the_end(tmp_path: Path, subtype: str) -> None:
    for name, rate in (("a", 16_000), ("b", 48_000)):
        soundfile.write(tmp_path / name, np.repeat(sweep(), rate // SAMPLE_RATE), rate, format="OGG", subtype=subtype)
    path = tmp_path / "joined.ogg"
    path.write_bytes((tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes())
    waveform, found = read(path)
    assert (found, len(waveform) / SAMPLE_RATE) == ([], pytest.approx(4.0, abs=0.1))


@pytest.mark.parametrize("ending", ["flac", "wav"])
def test_other_files_that_were_joined_are_read_to_the_end(tmp_path: Path, ending: str) -> None:
    contents = []
    for rate, channels in ((16_000, 1), (48_000, 2)):
        part = np.repeat(sweep(), rate // SAMPLE_RATE)
        soundfile.write(tmp_path / f"part.{ending}", np.stack([part] * channels, axis=1), rate)
        contents.append((tmp_path / f"part.{ending}").read_bytes())
    (tmp_path / f"a.{ending}").write_bytes(b"".join(contents))
    waveform, found = read(tmp_path / f"a.{ending}")
    assert (found, len(waveform) / SAMPLE_RATE) == ([], pytest.approx(4.0, abs=0.01))
    assert read_audio(tmp_path / f"a.{ending}", 2.5, 0.5) == pytest.approx(waveform[40_000:48_000], abs=1e-6)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_wav_that_was_never_finished_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.wav").write_bytes(wav(sweep(), size=size))
    waveform, found = read(tmp_path / "a.wav")
    assert (len(waveform), found) == (2 * SAMPLE_RATE, [])


CUT = ["wav", "flac", "ogg", "opus", "aiff", "au", "mp3", "m4a", "mkv", "webm", "avi", "aac", "ac3", "wma", "bare.mp3"]


@pytest.mark.parametrize("ending", CUT)
def test_a_file_that_ends_early_is_read_as_far_as_it_goes_with_a_warning(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    if ending in MEDIA:
        write_media(path, noisy(), ending)
        if ending == "m4a":  # its index stands at the end: without it, there is nothing to go by
            path.write_bytes(path.read_bytes()[:-2000])
            with pytest.raises(AudioError, match="index"):
                read_audio(path)
            return
    else:
        soundfile.write(path, noisy(), SAMPLE_RATE, **OPUS if ending == "opus" else {})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10 + 7])
    waveform, found = read(path)
    assert 0.8 < len(waveform) / SAMPLE_RATE < 3.5
    assert [type(each) for each in found] == [IncompleteAudioWarning]
    assert str(path) in str(found[0])
    blocks: list[AudioWarning] = []
    assert len(np.concatenate(list(audio_blocks(path, warn=blocks.append)))) == len(waveform)
    assert list(map(str, blocks)) == list(map(str, found))


@pytest.mark.parametrize("ending", ["flac", "ogg", "opus", "mp3", "aac", "mkv", "webm"])
def test_a_file_that_is_damaged_in_the_middle_is_read_with_a_warning(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    if ending in MEDIA:
        write_media(path, noisy(), ending)
    else:
        soundfile.write(path, noisy(), SAMPLE_RATE, **OPUS if ending == "opus" else {})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1500] = np.random.default_rng(0).bytes(1500)
    path.write_bytes(content)
    waveform, found = read(path)
    assert len(waveform) > SAMPLE_RATE
    assert [type(each) for each in found] == [IncompleteAudioWarning]


def test_without_somebody_who_takes_it_a_warning_is_a_warning_of_python(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(sweep())[:20_000])
    with pytest.warns(IncompleteAudioWarning, match=r"a\.wav: ends early"):
        read_audio(tmp_path / "a.wav")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_audio(tmp_path / "a.wav", duration=0.5)  # of which nothing is missing


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("page.m4a", b"<!DOCTYPE html><title>404</title>", "it is an HTML page"),
        ("talk.wav", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
        ("notes.mp3", b"these are words, and no sounds at all", "it is text"),
        ("a.mp4", b"\0\0\0\x18ftypmp42" + bytes(3000), "an MP4 without its index"),
        ("a.raw", bytes(range(256)) * 20, "--rate, --channels and --encoding"),
        ("a.wav", np.random.default_rng(0).bytes(20_000), "ffmpeg -i a.wav"),
        ("list.mp3", b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.mp3\n", "it is text"),
    ],
)
def test_what_nobody_reads_is_named_with_the_reason_and_a_way_out(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError) as caught:
        read_audio(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: not readable as audio (")
    assert reason in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="to root nothing is forbidden")
def test_a_file_without_permission_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(sweep()))
    (tmp_path / "a.wav").chmod(0)
    with pytest.raises(AudioError, match=r"a\.wav: not readable \(Permission denied\)"):
        read_audio(tmp_path / "a.wav")


def test_a_file_that_unpacks_to_days_is_stopped_by_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.flac"
    soundfile.write(path, np.zeros(600 * 8000, np.int16), 8000)
    monkeypatch.setattr(decoder_module, "_ALWAYS_HOURS", 0.05)
    monkeypatch.setattr(decoder_module, "_MIN_BYTES_PER_SECOND", 1e6)
    with pytest.raises(AudioError, match=r"bomb\.flac: unpacks to more than 0\.05\d* hours from [\d,]+ bytes"):
        for _ in audio_blocks(path):
            pass


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe, content = tmp_path / "pipe.wav", wav(sweep())
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    waveform, found = read(pipe)
    writer.join()
    assert (len(waveform), found) == (2 * SAMPLE_RATE, [])


@pytest.mark.parametrize(
    ("encoding", "tolerance"),
    [
        ("s16le", 1e-4),
        ("s16be", 1e-4),
        ("s24le", 1e-4),
        ("s32be", 1e-4),
        ("f32le", 1e-4),
        ("u8", 0.01),
        ("mulaw", 0.03),
    ],
)
def test_raw_samples_are_read_as_they_are_said_to_be(tmp_path: Path, encoding: str, tolerance: float) -> None:
    raw = RawFormat(8000, 2, encoding)  # type: ignore[arg-type]
    samples = 0.4 * np.sin(np.arange(8000) / 20)
    path = tmp_path / "a.raw"
    endian = "BIG" if raw.is_big_endian else "LITTLE"
    soundfile.write(path, np.stack([samples] * 2, axis=1), 8000, raw.subtype, endian, "RAW")
    by_file = read_audio(path, raw=raw)
    assert len(by_file) == SAMPLE_RATE
    assert raw.samples(path.read_bytes()).shape == (8000, 2)
    assert to_mono(raw.samples(path.read_bytes())) == pytest.approx(samples, abs=tolerance)


@pytest.mark.parametrize("wrong", [{"rate": 3}, {"channels": 0}, {"encoding": "s17le"}])
def test_raw_formats_that_no_recording_has_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(AudioError, match=str(next(iter(wrong.values())))):
        RawFormat(**wrong)  # type: ignore[arg-type]
