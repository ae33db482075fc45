"""What a model learns from: audio files, corpora, manifests, augmentation and batches."""
