"""The corpora that models learn from: one module a corpus."""
