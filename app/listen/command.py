"""`oyez listen`: the microphone, or another source of sound, recognised live."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from oyez.app.console import say, say_loading, usage_error
from oyez.app.options import DEFAULT_MODEL, CommandsOption, DecodingOption, DeviceOption, ModelOption
from oyez.app.raw_samples import ChannelOption, EncodingOption, RateOption, RawChannelsOption, raw_format
from oyez.data.counting import counted


class ListenFormat(StrEnum):
    """How live results are written."""

    text = "text"
    jsonl = "jsonl"


class Vad(StrEnum):
    """What tells speech from silence."""

    auto = "auto"
    silero = "silero"
    energy = "energy"


def listen(
    model: ModelOption = DEFAULT_MODEL,
    source: Annotated[
        Path | None,
        typer.Option(help="A file, or - for standard input: of any format, or raw 16-bit 16 kHz mono samples."),
    ] = None,
    microphone: Annotated[
        str | None,
        typer.Option(help="Number or part of the name; see --list.", show_default="the system's default"),
    ] = None,
    rate: RateOption = None,
    channels: RawChannelsOption = None,
    encoding: EncodingOption = None,
    channel: ChannelOption = None,
    list_devices: Annotated[bool, typer.Option("--list", help="List the microphones and end.")] = False,
    format: Annotated[
        ListenFormat, typer.Option("--format", "-f", help="text: a line a result; jsonl: a JSON object an event.")
    ] = ListenFormat.text,
    save: Annotated[
        Path | None, typer.Option(help="Keep the sound and the text of each result in this folder.")
    ] = None,
    benchmark: Annotated[
        Path | None, typer.Option(help="Feed this file as fast as it was spoken; print latency and processor time.")
    ] = None,
    sensitivity: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="How readily a sound is taken for speech.")
    ] = 0.5,
    min_speech: Annotated[
        float, typer.Option(min=0, max=10, help="Seconds: speech shorter than this is ignored, as a click is.")
    ] = 0.064,
    end_silence: Annotated[
        float, typer.Option(min=0.032, max=10, help="Seconds: a pause as long as this ends an utterance.")
    ] = 0.5,
    vad: Annotated[
        Vad, typer.Option(help="Voice activity detector. auto: silero where it is installed, else energy.")
    ] = Vad.auto,
    decoding: DecodingOption = None,
    commands: CommandsOption = None,
    wake: Annotated[
        str | None,
        typer.Option(help="A wake phrase of three syllables or more: recognise what follows it, and nothing else."),
    ] = None,
    wake_timeout: Annotated[
        float | None,
        typer.Option(
            help="Seconds after the wake phrase within which an utterance has to begin.",
            min=0.1,
            max=600,
            show_default="the file's, or 6",
        ),
    ] = None,
    wake_threshold: Annotated[
        float | None,
        typer.Option(
            help="Confidence below which the wake phrase is not detected.",
            min=0,
            max=1,
            show_default="the file's, or the model's",
        ),
    ] = None,
    device: DeviceOption = "cpu",
) -> None:
    """Listen to the microphone until Ctrl-C, and print what is said."""
    if sum(option is not None for option in (source, microphone, benchmark)) > 1:
        usage_error("--source, --microphone and --benchmark exclude each other")
    if benchmark is not None and save is not None:
        usage_error("--benchmark keeps nothing: omit --save")
    if list_devices:
        _list_microphones()
        return
    raw = raw_format(rate, channels, encoding)
    if raw is not None and source is None:
        usage_error("--rate, --channels and --encoding belong to --source")
    chosen = None if channel is None else channel - 1
    for option, path in (("--source", source), ("--benchmark", benchmark)):
        if path is not None and str(path) != "-" and (path.is_dir() or not path.exists()):
            usage_error(f"{option} {path}: {'a folder, not a file' if path.is_dir() else 'no such file'}")
    if wake is not None or wake_timeout is not None or wake_threshold is not None or commands is not None:
        from oyez.app.commands_file import check_commands
        from oyez.models.grammar.file import Wake

        check_commands(commands, Wake(wake, wake_timeout, wake_threshold))
    say_loading()

    from oyez.app.listen.actions import with_actions
    from oyez.app.listen.keeping import Keeper, KeepingError
    from oyez.app.listen.latency import measure
    from oyez.app.listen.listening import Summary, show_jsonl
    from oyez.app.listen.listening import listen as listen_to
    from oyez.app.listen.microphone import Microphone, MicrophoneError
    from oyez.app.listen.sources import open_source
    from oyez.app.listen.view import print_line, show_live
    from oyez.app.recognizers import load_recognizer, with_commands, with_wake_phrase
    from oyez.data.audio import AudioError, read_audio
    from oyez.models.grammar.file import Wake
    from oyez.models.vad.segmentation import SegmentationConfig
    from oyez.models.vad.voice_activity import DetectorError

    summary = Summary()
    try:
        config = SegmentationConfig(
            detector=vad.value, threshold=1 - sensitivity, shortest_speech=min_speech, closing_silence=end_silence
        )
        recognizer = load_recognizer(model, device, decoding)
        settings = Wake(wake, wake_timeout, wake_threshold)
        if commands is not None:
            recognizer = with_commands(recognizer, commands, wake=settings)
        elif wake is not None:
            recognizer = with_wake_phrase(recognizer, wake, settings)
        if benchmark is not None:
            latency = measure(recognizer, read_audio(benchmark), config)
            print(json.dumps(latency.as_record()) if format == ListenFormat.jsonl else latency)
            return
        show = show_jsonl if format == ListenFormat.jsonl else show_live
        output = say if format == ListenFormat.jsonl else print_line  # stdout is for events alone
        keep = Keeper(save).keep_all if save is not None else iter
        if source is not None:
            sound = open_source(source, raw, chosen, lambda warning: say(f"warning: {warning}"))
            show(keep(with_actions(listen_to(recognizer, sound, summary, config), recognizer, output, say)))
        else:
            with Microphone(microphone, say, chosen) as opened:
                say(f"listening to {opened.name}; Ctrl-C ends")
                try:
                    show(keep(with_actions(listen_to(recognizer, opened, summary, config), recognizer, output, say)))
                finally:
                    if opened.overflows:
                        lost = counted(opened.overflows, "time")
                        say(f"warning: sound was lost {lost} on its way here: is the machine busy?")
    except (MicrophoneError, AudioError, KeepingError) as error:
        say(f"error: {error}")
        raise typer.Exit(1) from error
    except DetectorError as error:
        usage_error(error)
    except KeyboardInterrupt:
        pass
    say(str(summary))


def _list_microphones() -> None:
    from oyez.app.listen.microphone import MicrophoneError, devices

    try:
        found = devices()
    except MicrophoneError as error:
        say(f"error: {error}")
        raise typer.Exit(1) from error
    for device in found:
        print(f"{device.number}\t{device.name}\t{device.rate} Hz{' (default)' if device.is_default else ''}")
    if not found:
        say("there is no microphone")
