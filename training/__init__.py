"""How a model learns: recipes, the training loop, evaluation and export."""
