"""Language models: what is likely to be said."""
