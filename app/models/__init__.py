"""The shipped models: a list of them, and texts that the language model writes."""
