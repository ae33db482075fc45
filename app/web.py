"""The web page: speak and read along, or give it a recording."""

from __future__ import annotations

import functools
import html
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from matplotlib.figure import Figure

from app import figures
from app.commands_tab import commands_tab
from data.audio import AudioError, read_audio
from models.checkpoint import CheckpointError, shipped_models
from models.recognizer import Recognizer
from models.streaming import Event, Final, Partial, SpeechStarted, StreamingRecognizer

CHUNK_SECONDS = 0.2  # of sound that the browser sends at a time
LISTENERS = 8  # live streams at once; each holds its place until it is stopped
KEPT_SECONDS = 60  # Gradio writes each chunk to its temporary folder; they are deleted after this time
LOOPBACK = ("127.0.0.1", "localhost", "::1")  # addresses that only this computer reaches
CSS = Path(__file__).with_name("web.css")

Chunk = tuple[int, np.ndarray[Any, Any]]  # sample rate and samples, as Gradio gives them


@dataclass
class Conversation:
    """One visitor's live stream and what was heard in it."""

    stream: StreamingRecognizer
    finals: list[Final] = field(default_factory=list)
    partial: str = ""
    speaking: bool = False

    def hear(self, chunk: Chunk) -> None:
        """Take a chunk of sound."""
        self._note(self.stream.accept(chunk[1]))

    def stop(self) -> None:
        """Take what was still being said as said."""
        self._note(self.stream.flush())

    def _note(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Final):
                if event.transcript.text:
                    self.finals.append(event)
                self.partial, self.speaking = "", False
            elif isinstance(event, Partial):
                self.partial = event.text
            elif isinstance(event, SpeechStarted):
                self.speaking = True

    def as_html(self) -> str:
        """Show the finals, newest first, and above them what is being said."""
        now = html.escape(self.partial) or ("…" if self.speaking else "")
        rows = "".join(_final_row(final) for final in reversed(self.finals[-50:]))
        return f'<div class="now" aria-live="polite">{now or _hint("Listening. Say a command.")}</div><ol>{rows}</ol>'


def _final_row(final: Final) -> str:
    transcript = final.transcript
    sure = "sure" if transcript.confidence >= 0.8 else "unsure"
    return (
        f'<li><span class="time">{final.start:.1f} s</span><span class="text">{html.escape(transcript.text)}</span>'
        f'<span class="confidence {sure}" title="how sure it is">{transcript.confidence:.0%}</span></li>'
    )


def _hint(text: str) -> str:
    return f'<span class="hint">{html.escape(text)}</span>'


IDLE = f'<div class="now">{_hint("Press Record and say a command.")}</div>'
LISTENING = f'<div class="now">{_hint("Listening. Say a command.")}</div>'

# a recognizer holds no state of a visitor, so that all of them share it
recognizer_of = functools.lru_cache(maxsize=4)(Recognizer.load)


def hear(model: str, chunk: Chunk | None, conversation: Conversation | None) -> tuple[Conversation | None, str]:
    """Take a chunk of the live stream; return the conversation and how it looks now."""
    if chunk is None:
        return conversation, conversation.as_html() if conversation else IDLE
    if conversation is None or conversation.stream.rate != chunk[0]:
        conversation = Conversation(recognizer_of(model).stream(chunk[0]))
    conversation.hear(chunk)
    return conversation, conversation.as_html()


def stop(conversation: Conversation | None) -> tuple[None, str]:
    """End the live stream; what was said stays on the page."""
    if conversation is None:
        return None, IDLE
    conversation.stop()
    return None, conversation.as_html().replace("Listening. Say a command.", "Press Record to go on.")


def transcribe(model: str, path: str | None) -> tuple[Any, str, list[list[object]], Figure | None]:
    """Transcribe a recording; return whether to show results, its text, its words with their times, its picture."""
    if path is None:
        return gr.update(visible=False), "", [], None
    if not Path(path).exists():
        raise gr.Error(f"Recordings are deleted {KEPT_SECONDS} s after they come: give it again.", duration=None)
    try:
        waveform = read_audio(path)
    except AudioError as error:
        raise gr.Error(str(error).replace(path, Path(path).name), duration=None) from error
    recognizer = recognizer_of(model)
    [transcript] = recognizer.transcribe([waveform])
    words: list[list[object]] = [[w.text, w.start, w.end, f"{w.confidence:.0%}"] for w in transcript.words]
    text = transcript.text or "(nothing that the model knows)"
    return gr.update(visible=True), text, words, figures.heard(recognizer, waveform, transcript)


def choose(model: str) -> str:
    """Load the chosen model, so that a wrong choice is told at once; return what it knows."""
    try:
        words = recognizer_of(model).model.config.vocabulary
    except CheckpointError as error:
        raise gr.Error(str(error), duration=None) from error
    return f"It knows {len(words)} words: {', '.join(words)}." if words else "It writes any word."


def page(model: str, any_folder: bool) -> gr.Blocks:
    """Build the page with a model chosen; `any_folder` lets the visitor name a model folder of this computer."""
    choices = list(dict.fromkeys([*shipped_models(), model]))
    # Gradio's analytics would tell its makers of each start
    with gr.Blocks(title="Oyez", delete_cache=(KEPT_SECONDS, KEPT_SECONDS), analytics_enabled=False) as blocks:
        gr.Markdown("# Oyez\nSpoken commands, recognised on this computer. Nothing you say leaves it.")
        chosen = gr.Dropdown(
            choices, value=model, label="Model", allow_custom_value=any_folder,
            info="A shipped one, or type the folder of your own." if any_folder else None,
        )  # fmt: skip
        vocabulary = gr.Markdown(choose(model), elem_classes="vocabulary")
        chosen.change(choose, chosen, vocabulary, show_progress="hidden")
        with gr.Tab("Microphone"):
            _microphone_tab(chosen)
        with gr.Tab("Recording"):
            _recording_tab(chosen)
        commands_tab(chosen, recognizer_of)
    return blocks


def _microphone_tab(chosen: gr.Dropdown) -> None:
    conversation = gr.State(None)
    microphone = gr.Audio(sources=["microphone"], streaming=True, type="numpy", show_label=False, buttons=[])
    heard = gr.HTML(IDLE, elem_id="heard")
    both = [conversation, heard]
    microphone.stream(
        hear, [chosen, microphone, conversation], both,
        stream_every=CHUNK_SECONDS, time_limit=None, concurrency_limit=LISTENERS, show_progress="hidden",
    )  # fmt: skip
    microphone.start_recording(lambda: (None, LISTENING), None, both, show_progress="hidden")
    microphone.stop_recording(stop, conversation, both, show_progress="hidden")
    chosen.change(lambda: (None, IDLE), None, both, show_progress="hidden")


def _recording_tab(chosen: gr.Dropdown) -> None:
    recording = gr.Audio(sources=["upload", "microphone"], type="filepath", show_label=False, buttons=["download"])
    with gr.Column(visible=False) as results:
        text = gr.Textbox(label="Text", buttons=["copy"], interactive=False, elem_id="text")
        words = gr.Dataframe(headers=["word", "from (s)", "to (s)", "confidence"], label="Words", interactive=False)
        picture = gr.Plot(show_label=False)
    for change in (recording.change, chosen.change):
        change(transcribe, [chosen, recording], [results, text, words, picture])


def serve(model: str, host: str, port: int | None) -> None:
    """Run the page until it is interrupted.

    Raises:
        CheckpointError: the model is missing or damaged.
        OSError: the address cannot be had.
    """
    recognizer_of(model)
    if port is not None:
        with socket.create_server((host, port)):  # Gradio itself would speak of its own parameters
            pass
    blocks = page(model, any_folder=host in LOOPBACK)
    blocks.queue(default_concurrency_limit=LISTENERS)
    blocks.launch(server_name=host, server_port=port, css_paths=CSS, theme=_theme(), footer_links=[])


def _theme() -> gr.themes.Base:
    # only fonts of the visitor's own system: Gradio's themes fetch theirs from the internet
    return gr.themes.Default(
        primary_hue="amber",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
