"""The web page's tab for commands: a commands file is edited, checked, spoken to, and tried with a recording or a text.

Nothing is done but recognising: the actions of a file are for `oyez listen`.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Callable
from typing import Any

import gradio as gr

from oyez.app.web.uploads import read_upload
from oyez.models.grammar.compiler import Compiled, compile_commands
from oyez.models.grammar.document import Document
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.interpreter import CommandsInterpreter
from oyez.models.grammar.reading import parse_commands
from oyez.models.grammar.review import review
from oyez.models.grammar.samples import MANY, count_sentences, draw_samples
from oyez.models.grammar.search import Grammar
from oyez.models.grammar.spoken import SpokenError
from oyez.models.grammar.understanding import LONGEST_TEXT, Understanding
from oyez.models.recognizer import Recognizer

LONGEST_FILE = 50_000  # characters; a larger one is for the command line
_SAMPLES = 8
_SHOWN = 5  # meanings of a typed text
EXAMPLE = """\
language: en
intents:
  Go:
    data:
      - sentences: ["go {direction}"]
  Count:
    data:
      - sentences: ["{0..9:digit}"]
  Answer:
    data:
      - sentences: ["yes", "no"]
lists:
  direction:
    values:
      - left
      - right
      - in: forward
        out: ahead
"""


@functools.lru_cache(maxsize=8)
def _compiled(text: str) -> tuple[Compiled, Document, Grammar]:
    if len(text) > LONGEST_FILE:
        raise CommandsError(f"{len(text):,} characters, of at most {LONGEST_FILE:,} here")
    file, document = parse_commands(text)
    compiled = compile_commands(file, document)
    return compiled, document, compiled.grammar()


def check(text: str) -> str:
    """Return, as Markdown, what is wrong with a commands file, or what may be, and some of its sentences."""
    try:
        compiled, document, grammar = _compiled(text)
    except CommandsError as error:
        return f"**This file cannot be used.** {html.escape(str(error))}"
    sentences = count_sentences(compiled.file)
    number = "more than a million million million" if sentences == MANY else f"{sentences:,}"
    lines = [f"{len(compiled.file.intents)} intents, {number} sentences, {grammar.states:,} states."]
    lines += [f"- line {finding.line}: {html.escape(finding.message)}" for finding in review(compiled, document)]
    lines += ["", "| intent | for example |", "|---|---|"]
    for sample in draw_samples(compiled.file, _SAMPLES):
        lines.append(f"| {_cell(sample.intent)} | {_cell(sample.text)} |")
    return "\n".join(lines)


def say(text: str, said: str) -> str:
    """Return, as Markdown, what a text would mean."""
    if not said.strip():
        return ""
    try:
        compiled, _, _ = _compiled(text)
        understanding = Understanding(compiled)
        meanings = understanding.meanings(said[:LONGEST_TEXT])
        if not meanings:
            nearest = understanding.nearest(said[:LONGEST_TEXT])
            return "None of the sentences." + (f" Nearest is *{html.escape(nearest.text)}*." if nearest else "")
    except (CommandsError, SpokenError) as error:
        return html.escape(str(error))
    return "\n\n".join(
        f"**{html.escape(each.intent or 'wake phrase')}** "
        f"{_slots(compiled.file.slots(each.intent, each.block, each.slots))}"
        for each in meanings[:_SHOWN]
    )


def interpreter_of(recognizer: Recognizer, text: str, alternatives: int = 0) -> CommandsInterpreter:
    """Return the interpreter of the text of a commands file. Raises CommandsError."""
    compiled, _, grammar = _compiled(text)
    return CommandsInterpreter(recognizer.config, compiled.file, grammar, compiled.tags, alternatives=alternatives)


def with_file(recognizer: Recognizer, text: str) -> Recognizer:
    """Return a recognizer for the text of a commands file. Raises CommandsError."""
    return recognizer.with_interpreter(interpreter_of(recognizer, text))


def hear(recognizer: Recognizer, text: str, path: str | None) -> str:
    """Return, as Markdown, what is heard in a recording with a commands file."""
    if path is None:
        return ""
    try:
        interpreter = interpreter_of(recognizer, text, alternatives=3)
    except CommandsError as error:
        return html.escape(str(error))
    transcript = recognizer.with_interpreter(interpreter).transcribe(read_upload(path))
    unknown = interpreter.unknown_words()
    warning = [f"⚠ {html.escape(recognizer.name)} does not know: {', '.join(unknown[:10])}"] if unknown else []
    if (command := transcript.command) is not None:
        lines = [f"### {html.escape(command.intent)} {_slots(command.slots)}", f"*{html.escape(command.text)}*"]
        lines += [f"confidence {command.confidence:.0%}"]
        lines += [
            f"less likely: {html.escape(other.intent)} {_slots(other.slots)} ({other.confidence:.1%})"
            for other in command.alternatives
        ]
        return "\n\n".join(lines + warning)
    if (rejection := transcript.rejection) is not None:
        lines = [f"### No command: {rejection.message}"]
        if transcript.text:
            lines.append(f"recognised: *{html.escape(transcript.text)}*")
        if rejection.nearest is not None:
            lines.append(
                f"nearest: {html.escape(rejection.nearest.text)}, confidence {rejection.nearest.confidence:.0%} "
                f"(of {interpreter.threshold:.0%} that it takes)"
            )
        return "\n\n".join(lines + warning)
    return ""


def commands_tab(chosen: gr.Dropdown, recognizer_of: Callable[[str], Recognizer]) -> None:
    """Build the tab, inside the page's Blocks; `chosen` holds the model's name and `recognizer_of` loads it."""

    def hear_with(model: str, text: str, path: str | None) -> str:
        return hear(recognizer_of(model), text, path)

    with gr.Tab("Commands"), gr.Row():
        with gr.Column():
            file = gr.Code(
                EXAMPLE, language="yaml", label="Commands file", lines=18, max_lines=30, elem_id="commands-file"
            )
            live = gr.Checkbox(label="Hear these commands on the Microphone tab", elem_id="commands-live")
            checked = gr.Markdown(check(EXAMPLE), elem_id="commands-checked")
        with gr.Column():
            recording = gr.Audio(sources=["upload"], type="filepath", label="Try a recording")
            heard = gr.Markdown(elem_id="commands-heard")
            typed = gr.Textbox(label="Or type one", placeholder="go left", elem_id="commands-typed", submit_btn=True)
            meant = gr.Markdown(elem_id="commands-meant")
    file.blur(check, file, checked, show_progress="hidden")
    for change in (live.change, file.blur):
        change(None, [live, file], None, js="(on, text) => window.oyez.follow(on ? text : '')")
    inputs: list[Any] = [chosen, file, recording]
    recording.change(hear_with, inputs, heard)
    chosen.change(hear_with, inputs, heard, show_progress="hidden")
    typed.submit(say, [file, typed], meant, show_progress="hidden")


def _slots(slots: Any) -> str:
    return " ".join(f"`{name}={str(value).replace('`', '')}`" for name, value in slots.items())


def _cell(text: str) -> str:
    return html.escape(text).replace("|", "\\|")
