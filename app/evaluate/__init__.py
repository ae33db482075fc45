"""Measuring a model on speech whose text is known."""
