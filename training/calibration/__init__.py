"""Fitting confidences so that they are probabilities, and thresholds: misses against false accepts."""
