"""One process of `test_on_jax`: fits that are the same on every backend, written down.

A process has one Keras backend, chosen before Keras is imported.
"""

from __future__ import annotations

import sys
from typing import Any

import keras
import numpy as np

from tests.backbones import tiny, tokenizer
from tfreg.adapt import LoRA
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.inspect import penalty_report
from tfreg.optimizers import AdamW, ChildTuning, WarmupDecay
from tfreg.regularizers import L2, L2SP

SENTENCES = [["the", "good", "movie"], ["a"] * 11, ["bad", "dog"], ["x"]] * 2
TAGS = [["O", "B-X", "I-X"], ["O"] * 11, ["B-X", "O"], ["B-X"]] * 2
SETTINGS: dict[str, Any] = {"sequence_length": 32, "dropout": 0.0, "epochs": 2}


def start(model: Any) -> None:
    """Weights, and anchors apart from them, that no backend's generator drew."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal(0.0, 0.1, weight.shape).astype("float32"))


def ids() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Eight rows of ids with padding, and their labels."""
    mask = np.array([[1] * 8, [1] * 5 + [0] * 3, [1] * 8, [1] * 2 + [0] * 6] * 2)
    pieces = np.random.default_rng(1).integers(5, 40, mask.shape)
    x = {
        "token_ids": (pieces * mask).astype("int32"),
        "padding_mask": mask.astype("int32"),
        "segment_ids": np.zeros(mask.shape, "int32"),
    }
    return x, np.array([0, 1, 1, 0] * 2, "int32")


def classifier() -> dict[str, Any]:
    """Ids, plain gradient steps, penalties; a second fit with rates of its own."""
    model = build_classifier(
        tiny(num_layers=1),
        ("a", "b"),
        kernel_regularizer=L2(0.1),
        backbone_regularizer=L2SP(0.1),
        batch_size=8,
        **SETTINGS,
    )
    start(model)
    model.compile(keras.optimizers.SGD(WarmupDecay(0.1)))
    x, y = ids()
    found = {}
    for fit in range(2):
        history = model.fit(x, y, validation_data=(x, y), verbose=0).history
        found.update({f"{fit}/{name}": value for name, value in history.items()})
    rows = penalty_report(model, (x, y))
    found["gradient_shares"] = [row.gradient_share for row in rows]
    return {**found, **weights(model), "compiled": model.jit_compile}


def tagger() -> dict[str, Any]:
    """Words of uneven number, the tokenizer, and tfreg's own optimiser with clipping.

    A large ε keeps Adam from blowing up the rounding of gradients that are zero.
    """
    model = build_tagger(
        tiny(num_layers=1),
        ("O", "B-X", "I-X"),
        tokenizer=tokenizer(),
        batch_size=4,
        **SETTINGS,
    )
    start(model)
    optimizer = AdamW(WarmupDecay(0.01), 0.1, epsilon=0.1, global_clipnorm=1.0)
    model.compile(optimizer)
    history = model.fit(SENTENCES, TAGS, verbose=0).history
    said = np.concatenate(model.predict(SENTENCES, verbose=0))
    return {**history, **weights(model), "said": said}


def regressor() -> dict[str, Any]:
    """Pairs of texts."""
    model = build_regressor(
        tiny(num_layers=1), tokenizer=tokenizer(), batch_size=8, **SETTINGS
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.01))
    texts = [" ".join(words) for words in SENTENCES]
    scores = [0.5, 1.0, 2.0, 4.0] * 2
    history = model.fit((texts, texts), scores, verbose=0).history
    del history["pearson"]  # JAX has no float64 for it
    return {**history, **weights(model)}


def adapted() -> dict[str, Any]:
    """LoRA with a penalty on its update, unfrozen block by block; merged."""
    model = build_classifier(
        tiny(),
        ("a", "b"),
        adapter=LoRA(2, penalty=L2(0.05)),
        gradual_unfreezing=1,
        batch_size=8,
        **SETTINGS,
    )
    start(model)
    factors = model.optimizer.multipliers
    model.compile(AdamW(0.01, epsilon=0.1, multipliers=dict(factors)))
    x, y = ids()
    history = model.fit(x, y, verbose=0).history
    merged = model.merge().predict(x, verbose=0)
    return {**history, **weights(model), "said": model.predict(x, verbose=0) - merged}


def child() -> dict[str, Any]:
    """A share of the gradients, the mask by hashing."""
    tuning = ChildTuning(0.5)
    model = build_classifier(
        tiny(num_layers=1), ("a", "b"), child_tuning=tuning, batch_size=8, **SETTINGS
    )
    start(model)
    own = model.optimizer.child_tuning
    model.compile(AdamW(0.01, epsilon=0.1, child_tuning=own))
    return {**model.fit(*ids(), verbose=0).history, **weights(model)}


def weights(model: Any) -> dict[str, Any]:
    """What the model is now, by path."""
    return {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}


def main(out: str) -> None:
    """Fit all of them, and write what came of it."""
    found = {}
    for fit in (classifier, tagger, regressor, adapted, child):
        found.update({f"{fit.__name__}/{name}": v for name, v in fit().items()})
    np.savez(out, backend=keras.backend.backend(), **found)


if __name__ == "__main__":
    main(sys.argv[1])
