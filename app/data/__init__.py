"""Corpora that models learn from: downloaded, or read by synthetic voices."""
