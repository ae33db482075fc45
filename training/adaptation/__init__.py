"""Fine-tuning a model for one commands file."""
