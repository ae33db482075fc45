"""Spoken commands and short speech, recognised offline on an ordinary CPU."""
