"""Transcription of recordings and archives."""
