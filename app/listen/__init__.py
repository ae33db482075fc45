"""Live listening: where the sound comes from, what is heard, how it is shown, kept and measured."""
