"""Batch transcription: many recordings to many transcripts, each exactly once, whatever is wrong with some of them."""
