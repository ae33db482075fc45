"""The commands that train a model by a recipe, fine-tune one on recordings, and adapt one to a commands file."""
