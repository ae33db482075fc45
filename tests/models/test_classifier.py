"""Utterance classifiers: every way of pooling sees the utterance and never the padding, and a Recognizer runs them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from oyez.data.alphabet import decode
from oyez.models.classifier import acoustic_model, average, classes_of
from oyez.models.confidence import WordConfidence
from oyez.models.config import AcousticConfig, ModelConfig
from oyez.models.interpreter import WordClass
from oyez.models.network import Model, load_checkpoint, save_checkpoint
from oyez.models.recognizer import Recognizer
from oyez.models.runtime.torch import TorchRuntime

FEATURES = 6
VOCABULARY = ("yes", "no", "stop")
POOLINGS = ["last", "mean", "attention", "features"]


def network(pooling, **changes):
    torch.manual_seed(2)
    config = AcousticConfig(channels=5, width=7, layers=2, pooling=pooling, **changes)
    return acoustic_model(config, FEATURES, VOCABULARY).eval()


@pytest.fixture
def features():
    return torch.randn(3, 20, FEATURES, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_an_utterance_gives_one_distribution_the_same_alone_and_in_any_batch(pooling, bidirectional, features):
    lengths = torch.tensor([20, 11, 1])
    classifier = network(pooling, bidirectional=bidirectional)
    log_probs, steps = classifier(features, lengths)
    assert log_probs.shape == (3, 1, len(VOCABULARY) + 1)
    assert steps.tolist() == [1, 1, 1]
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(3, 1))
    for row, length in enumerate(lengths.tolist()):
        alone, _ = classifier(features[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone[0], log_probs[row], atol=1e-5, rtol=1e-5)
    filled = features.clone()
    filled[1, 11:], filled[2, 1:] = 50.0, -50.0
    torch.testing.assert_close(classifier(filled, lengths)[0], log_probs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
def test_the_order_of_the_frames_matters_where_there_is_memory(pooling, features):
    lengths = torch.tensor([20, 20, 20])
    classifier = network(pooling)
    assert not torch.allclose(classifier(features.flip(1), lengths)[0], classifier(features, lengths)[0], atol=1e-4)


def test_averaged_features_know_nothing_of_order(features):
    lengths = torch.tensor([20, 20, 20])
    classifier = network("features")
    torch.testing.assert_close(classifier(features.flip(1), lengths)[0], classifier(features, lengths)[0])


def test_last_takes_the_end_of_each_direction(features):
    classifier, lengths = network("last"), torch.tensor([20, 9, 4])
    sequences, steps = classifier.encode(features, lengths)
    pooled = classifier._pooled(sequences, steps)
    for row, length in enumerate(steps.tolist()):
        expected = torch.cat([sequences[row, length - 1, :7], sequences[row, 0, 7:]])
        torch.testing.assert_close(pooled[row], expected)


def test_average_is_that_of_the_length(features):
    averaged = average(features, torch.tensor([20, 5, 1]))
    torch.testing.assert_close(averaged[1], features[1, :5].mean(0))
    torch.testing.assert_close(averaged[2], features[2, 0])


@pytest.fixture
def model():
    torch.manual_seed(8)
    model = Model(
        ModelConfig(
            name="words",
            acoustic=AcousticConfig(channels=6, width=6, layers=1, pooling="attention"),
            vocabulary=VOCABULARY,
            confidence=WordConfidence(score=2.0, intercept=0.5),
        )
    )
    return model.eval()


def always(model, index):
    """Make a model choose one class whatever it hears."""
    model.acoustic.output.weight.data.zero_()
    model.acoustic.output.bias.data.fill_(0.0)[index] = 9.0
    return model


def test_a_saved_classifier_is_loaded_and_recognised_as_one(model, tmp_path, chirp):
    save_checkpoint(tmp_path / "words", model, "", torch.float32)
    loaded = load_checkpoint(tmp_path / "words")
    assert loaded.config == model.config
    recognizer = Recognizer.load(tmp_path / "words")
    assert isinstance(recognizer.interpreter, WordClass)
    waveforms = [chirp(0.7, 0.5), chirp(0.3, 0.2)]
    assert recognizer.transcribe(waveforms) == Recognizer(TorchRuntime(model)).transcribe(waveforms)


def test_a_word_is_heard_over_the_whole_recording(model, chirp):
    [transcript] = Recognizer(TorchRuntime(always(model, 3))).transcribe([chirp(0.5, 0.5)])
    [word] = transcript.words
    assert (transcript.text, word.text, word.start, word.end) == ("stop", "stop", 0.0, 0.5)
    assert 0.5 < word.confidence == transcript.confidence < 1


def test_nothing_is_heard_where_nothing_is_likeliest_or_there_is_no_sound(model, chirp):
    recognizer = Recognizer(TorchRuntime(always(model, 0)))
    [transcript, empty] = recognizer.transcribe([chirp(0.5, 0.5), chirp(0.0, 0.0)])
    assert (transcript.text, transcript.words, empty.text) == ("", (), "")
    assert transcript.confidence > 0.9


def test_a_long_recording_is_heard_piece_by_piece(model, noise, energy_is_speech):
    import numpy as np

    silence = np.zeros(16000 * 11, np.float32)
    recording = np.concatenate([silence, noise(1.0, 0.5), silence])
    [transcript] = Recognizer(TorchRuntime(always(model, 1))).transcribe([recording])
    assert transcript.text == "yes"
    assert 10 < transcript.words[0].start < 11.1


def test_decoding_gives_the_class_as_labels(model):
    log_probs = np.array([[-3.0, -4.0, -0.1, -5.0]], np.float32)
    assert decode(Recognizer(TorchRuntime(model)).decoder.decode(log_probs)) == classes_of(VOCABULARY)[2] == "no"


def test_a_classifier_needs_a_vocabulary():
    with pytest.raises(ValidationError, match="vocabulary"):
        ModelConfig(acoustic=AcousticConfig(pooling="mean"))
