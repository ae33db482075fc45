"""Confidence that is a probability."""
