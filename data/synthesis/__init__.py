"""Synthetic speech to train on: one module an engine."""
