"""Language models: estimated, trained and weighted."""
