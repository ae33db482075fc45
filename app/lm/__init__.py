"""The commands that train, estimate, weight and try language models."""
