"""Recognising utterances whose text is known, and error rates."""
