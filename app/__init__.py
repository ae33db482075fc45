"""What a person runs: the `oyez` command, the web page, batch transcription."""
