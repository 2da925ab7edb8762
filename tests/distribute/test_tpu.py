"""What a TPU asks of a step: it compiles by XLA at every padded length, without texts.

No TPU is at hand: this is the step's graph, compiled for the CPU.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tfreg.builders import build_classifier, build_tagger
from tfreg.data.examples import Examples
from tfreg.data.ladder import LADDER
from tfreg.models import feeding
from tfreg.recipe import Recipe

LENGTHS = list(LADDER)
# What is compiled stays in the process, in a thousand pieces of memory for each length:
# four cases of all lengths would have more than Linux lets a process map (65,530).
EVERY_SECOND = LENGTHS[1::2]
FIELDS = {"sequence_length": LADDER[-1], "batch_size": 2, "dropout": 0.1, "l2sp": 0.1}
# Its kernels stand still, so L2SP has none to hold.
LORA = {"adapter": {"class_name": "LoRA"}, "l2sp": 0.0}
SLOW = pytest.mark.slow


def of_every_length(kind, lengths):
    """Two rows for each rung of the ladder, as long as it."""
    rows = [["a"] * (length - 2) for length in lengths for _ in range(2)]
    if kind == "words":
        return Examples(kind, rows, [["O", *["B-X"] * (len(row) - 1)] for row in rows])
    return Examples(kind, [" ".join(row) for row in rows], ["a", "b"] * len(lengths))


@pytest.mark.parametrize(
    ("kind", "fields", "lengths"),
    [
        ("words", {}, LENGTHS[:12:6]),
        pytest.param("words", {"head": "crf", "ema": 0.9}, LENGTHS, marks=SLOW),
        pytest.param(
            "text", {"gradient_accumulation_steps": 2}, EVERY_SECOND, marks=SLOW
        ),
        pytest.param("text", {"objective.rdrop": 1.0}, EVERY_SECOND, marks=SLOW),
        pytest.param("text", LORA, EVERY_SECOND, marks=SLOW),
    ],
)
def test_every_length_compiles(kind, fields, lengths):
    recipe = Recipe.from_options({**FIELDS, **fields})
    build = build_tagger if kind == "words" else build_classifier
    labels = ("O", "B-X", "I-X") if kind == "words" else ("a", "b")
    model = build(
        tiny(max_sequence_length=LADDER[-1]),
        labels,
        tokenizer=tokenizer(),
        recipe=recipe,
    )
    model.compile(jit_compile=True)
    batches = feeding.feed(model, of_every_length(kind, lengths)).batches
    batches.ladder = lengths
    dataset = batches.dataset()
    for spec in tf.nest.flatten(dataset.element_spec):
        assert spec.dtype != tf.string
    seen = set()
    for batch in dataset:
        seen.add(batch[0]["token_ids"].shape)
        assert np.isfinite(model.train_on_batch(*batch, return_dict=True)["loss"])
    assert {shape[1] for shape in seen} == set(lengths)
