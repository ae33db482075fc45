"""The commands that train, fine-tune and export models."""
