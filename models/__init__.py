"""What a model is: features, acoustic model, decoders, checkpoints and the Recognizer that joins them."""

from oyez.models.checkpoint import CheckpointError, shipped_models
from oyez.models.recognizer import Recognizer, Transcript, Word
from oyez.models.streaming import StreamingRecognizer

__all__ = ["CheckpointError", "Recognizer", "StreamingRecognizer", "Transcript", "Word", "shipped_models"]
