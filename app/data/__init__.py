"""The commands that make training speech of other speech."""
