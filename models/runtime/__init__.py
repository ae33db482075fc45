"""Runtimes: what computes log-probabilities of waveforms, by torch or by ONNX."""
