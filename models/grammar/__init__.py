"""Commands files: what may be said, written down, and how it is recognised."""
