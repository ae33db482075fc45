"""The commands that work on whole models."""
