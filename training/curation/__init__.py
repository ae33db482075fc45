"""Training speech made of other speech: cut words, pseudo-labels, phrases."""
