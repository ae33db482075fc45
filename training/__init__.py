"""How a model learns: recipes, the training loop, fine-tuning, language models, curation, evaluation, calibration."""
