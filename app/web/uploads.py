"""Recordings that somebody gave the page, which keeps them for less than a minute."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from oyez.data.audio import AudioError, Waveform, read_audio

UPLOADS_CHECKED, UPLOADS_KEPT = 15, 40  # seconds: a file that was given is deleted within a minute


def read_upload(path: str) -> Waveform:
    """Read a recording, or tell in the page why it cannot be read."""
    if not Path(path).exists():
        raise gr.Error("Recordings are deleted within a minute after they come: give it again.", duration=None)
    try:
        return read_audio(path)
    except AudioError as error:
        raise gr.Error(str(error).replace(path, Path(path).name), duration=None) from error
