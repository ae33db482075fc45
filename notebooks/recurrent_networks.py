# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown]
# # Recurrent networks, step by step
#
# The steps of docs/recurrent-networks.md, to run and to change. Open it as a notebook with
# [jupytext](https://jupytext.readthedocs.io), or run it as a script: `python notebooks/recurrent_networks.py`.
# With `OYEZ_SMALL=1` in the environment every part is small enough for seconds. The parts on speech need Speech
# Commands: `oyez data download speech-commands`, or its folder's parent in `OYEZ_DATA`.

# %%
import os
from pathlib import Path

import torch

from oyez.data.audio import read_audio
from oyez.models.language.character import load_language_model
from oyez.models.recognizer import Recognizer
from oyez.models.recurrent import recurrent_layer
from oyez.training.intents import IntentTraining, train_intent_classifier
from studies import activations, arrangements, cells, direction, gradients, memory, speech

SMALL = os.environ.get("OYEZ_SMALL", "") == "1"
SPEECH = Path(os.environ.get("OYEZ_DATA", "speech"))
REPOSITORY = Path(__file__).parents[1] if "__file__" in globals() else Path.cwd()
torch.set_num_threads(1)
torch.manual_seed(1)

# %% [markdown]
# ## Memory is a state that is handed on
# The output at a step depends on what was read before it: change the first input, and the last output changes.

# %%
layer = recurrent_layer("lstm", 3, 5)
sequence = torch.randn(1, 8, 3)
changed = sequence.clone()
changed[0, 0] += 1
difference = (layer(changed)[0] - layer(sequence)[0]).norm(dim=-1)[0]
print("change of the output at each step:", [round(value, 4) for value in difference.tolist()])

# %% [markdown]
# ## Gradients through time

# %%
print(gradients.study(gradients.SMALL if SMALL else gradients.Settings()).tables[0].markdown())

# %% [markdown]
# ## How long each cell remembers

# %%
print(memory.study(memory.SMALL if SMALL else memory.Settings()).tables[0].markdown())

# %% [markdown]
# ## Generation: one to many

# %%
language_model = load_language_model("books")
for temperature in (0.0, 0.5, 1.0):
    letters = language_model.generate("turn on", temperature, generator=torch.Generator().manual_seed(1), longest=60)
    print(f"{temperature}: turn on{''.join(letters)}")

# %% [markdown]
# ## A sentence into an intent: many to one

# %%
sentences = ["turn on the light", "switch on the lamp", "turn off the light", "switch off the lamp"]
classifier = train_intent_classifier(
    sentences, ["on", "on", "off", "off"], training=IntentTraining(steps=50 if SMALL else 300, held_out=0.5)
)
for sentence in ("please turn on the lamp", "the cat sleeps"):
    print(sentence, classifier.classify(sentence))

# %% [markdown]
# ## Inside a trained LSTM

# %%
seen = activations.look_inside(Recognizer.load("commands"), read_audio(REPOSITORY / "tests/audio/right.flac"))
picture = activations.picture(seen)
print(seen.text, [round(float(layer.forwards.forget_gate.mean()), 2) for layer in seen.layers])

# %% [markdown]
# ## Cells, directions and arrangements on spoken words

# %%
if (SPEECH / "SpeechCommands").is_dir():
    settings = speech.SMALL if SMALL else speech.Settings()
    for study in (cells, direction, arrangements):
        for table in study.study(SPEECH, settings).tables:
            print(table.markdown())
else:
    print(f"no Speech Commands in {SPEECH}: left out")
