"""The page: its tabs, and what happens to a recording."""

from __future__ import annotations

import errno
import html
import socket
from pathlib import Path

import gradio as gr

from oyez.app.web.choice import Choice
from oyez.app.web.commands import commands_tab
from oyez.app.web.figures import LONGEST_SHOWN, as_svg, inside
from oyez.app.web.live import PATH, LiveStreams
from oyez.app.web.uploads import UPLOADS_CHECKED, UPLOADS_KEPT, read_upload
from oyez.data.audio import SAMPLE_RATE
from oyez.models.checkpoint import CheckpointError
from oyez.models.recognizer import Recognizer

LOOPBACK = ("127.0.0.1", "localhost")  # addresses that only this computer reaches
SURE = 0.8  # less confidence is shown as doubt
_FOLDER = Path(__file__).parent

NOTHING_INSIDE = """<div class="empty">Speak to the microphone or give a recording, then look here:
the sound, what the network makes of it, and the letters that it answers.</div>"""


def transcribe(choice: Choice, model: str, path: str | None) -> tuple[str, str]:
    """Transcribe a recording; return its words, and the picture of what goes on inside, both as HTML."""
    if path is None:
        return "", NOTHING_INSIDE
    waveform = read_upload(path)
    try:
        recognizer = choice.recognizer(model)
    except CheckpointError as error:
        raise gr.Error(str(error), duration=None) from error
    [transcript] = recognizer.transcribe([waveform])
    words = "".join(
        f'<li class="{"sure" if word.confidence >= SURE else "unsure"}"><b>{html.escape(word.text)}</b>'
        f"<span>{word.start:.2f}–{word.end:.2f} s</span><span>{word.confidence:.0%}</span></li>"
        for word in transcript.words
    )
    text = html.escape(transcript.text) or '<span class="hint">Nothing that the model knows.</span>'
    heard = f'<div id="text" class="said">{text}</div><ol class="words">{words}</ol>'
    caption = Path(path).name
    if len(waveform) > LONGEST_SHOWN * SAMPLE_RATE:
        caption += f", its first {LONGEST_SHOWN:.0f} seconds"
    return heard, framed(as_svg(inside(recognizer, waveform, transcript)), caption)


def framed(svg: str, caption: str) -> str:
    """Put a picture into its place on the page."""
    return f'<figure><figcaption>{html.escape(caption)}</figcaption><div class="scroll">{svg}</div></figure>'


def recognizer_of(choice: Choice, model: str) -> Recognizer:
    """Return the chosen model; a wrong choice is told on the page."""
    try:
        return choice.recognizer(model)
    except CheckpointError as error:
        raise gr.Error(str(error), duration=None) from error


def vocabulary(choice: Choice, model: str) -> str:
    """Load the chosen model, so that a wrong choice is told at once; return what it knows, as HTML."""
    words = recognizer_of(choice, model).config.vocabulary
    if not words:
        return '<p class="vocabulary">It writes any English word.</p>'
    listed = html.escape(", ".join(words))
    return f'<details class="vocabulary"><summary>It knows {len(words)} words</summary>{listed}</details>'


def build_page(choice: Choice) -> gr.Blocks:
    """Build the page; the live tab speaks to app.web.live."""
    # Gradio's analytics would tell its makers of each start
    with gr.Blocks(title="Oyez", delete_cache=(UPLOADS_CHECKED, UPLOADS_KEPT), analytics_enabled=False) as blocks:
        with gr.Row(elem_id="top", equal_height=True):
            gr.HTML((_FOLDER / "top.html").read_text(), elem_id="title")
            chosen = gr.Dropdown(
                choice.names, value=choice.first, label="Model", allow_custom_value=choice.any_folder, elem_id="model",
                info="Or type the folder of your own." if choice.any_folder else None, min_width=180,
            )  # fmt: skip
        known = gr.HTML(vocabulary(choice, choice.first))
        with gr.Tab("Microphone"):
            live = f'<div data-path="{PATH}" data-model="{html.escape(choice.first)}">{_live()}</div>'
            gr.HTML(live, elem_id="live", js_on_load=(_FOLDER / "live.js").read_text())
        with gr.Tab("Recording"):
            given = gr.Audio(sources=["upload"], type="filepath", show_label=False, buttons=[], elem_id="given")
            heard = gr.HTML(elem_id="heard")
        commands_tab(chosen, lambda model: recognizer_of(choice, model))
        with gr.Tab("See inside", render_children=True):
            picture = gr.HTML(NOTHING_INSIDE, elem_id="inside", js_on_load=(_FOLDER / "inside.js").read_text())
        chosen.change(
            lambda model: vocabulary(choice, model), chosen, known, show_progress="hidden"
        ).success(None, chosen, None, js="model => window.oyez.choose(model)")  # fmt: skip
        for change in (given.change, chosen.change):
            change(lambda model, path: transcribe(choice, model, path), [chosen, given], [heard, picture])
    return blocks


def _live() -> str:
    return (_FOLDER / "live.html").read_text()


def serve(model: str, host: str, port: int | None) -> None:
    """Run the page until it is interrupted.

    Raises:
        CheckpointError: the model is missing or damaged.
        OSError: the address cannot be had.
    """
    if ":" in host:
        raise OSError(errno.EAFNOSUPPORT, "an IPv6 address cannot be served; give an IPv4 address or a name")
    choice = Choice(model, any_folder=host in LOOPBACK)
    choice.recognizer(model)  # the page itself would answer a wrong one with an error of Gradio's
    blocks = build_page(choice)
    if port is not None:
        with socket.create_server((host, port)):  # Gradio itself would speak of its own parameters
            pass
    app, _, _ = blocks.launch(
        server_name=host, server_port=port, css_paths=_FOLDER / "page.css", theme=_theme(), footer_links=[],
        prevent_thread_lock=True,
    )  # fmt: skip
    app.add_api_websocket_route(PATH, LiveStreams(choice).serve)
    blocks.block_thread()


def _theme() -> gr.themes.Base:
    # only fonts of the visitor's own system: Gradio's themes fetch theirs from the internet
    return gr.themes.Default(
        primary_hue="amber",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
