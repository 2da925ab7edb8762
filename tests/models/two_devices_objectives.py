"""One process of `test_two_devices_objectives`: fits with objectives, written down.

What is drawn is drawn alike for every row: rows lie elsewhere on two devices.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tfreg._compat
import tfreg.layers.dropout
import tfreg.objectives.mixup
from tests.backbones import tiny, tokenizer
from tests.models.devices import strategy_of
from tfreg.builders import build_classifier, build_tagger
from tfreg.objectives import (
    FGM,
    SAM,
    VAT,
    ConfidencePenalty,
    Focal,
    FreeLB,
    Mixup,
    RDrop,
)
from tfreg.regularizers import L2

SENTENCES = [["the", "good", "movie"], ["a"] * 11, ["bad", "dog"], ["x"]] * 2
TAGS = [["O", "B-X", "I-X"], ["O"] * 11, ["B-X", "O"], ["B-X"]] * 2
VISIBLE = VAT(0.5, epsilon=0.02, step_size=0.03, noise=0.01)


def draw_alike() -> None:
    """Dropout masks, noise and pairs that do not depend on which row it is."""
    dropout = tfreg.layers.dropout.dropout

    def rowwise(x: Any, rate: float, key: Any) -> Any:
        return x * dropout(tf.ones_like(x[:1]), rate, key)

    def noise(shape: Any, *_: Any, seed: Any) -> Any:
        row = tf.range(tf.reduce_prod(shape[1:]), dtype=tf.int32)
        row = tf.sin(tf.cast(row, tf.float32))
        return tf.tile(tf.reshape(row, (1, *shape[1:])), (shape[0], 1, 1))

    def uniform(shape: Any, *rest: Any, seed: Any) -> Any:
        if len(shape) > 1:
            return noise(shape, seed=seed)
        rows = tf.range(shape[0])  # each text's partner is its neighbour
        neighbours = tf.bitwise.bitwise_xor(rows, tf.ones_like(rows))
        return tf.cast(neighbours, tf.float32) / 100.0

    tfreg.layers.dropout.dropout = rowwise
    tfreg._compat.backends.of_replica = lambda key: key
    keras.random.normal, keras.random.uniform = noise, uniform
    mixup = tfreg.objectives.mixup
    mixup.beta_quantiles = lambda alpha: np.full(4096, 0.3, "float32")


def main(devices: int, out: str) -> None:
    """Fit on that many logical CPUs and write the trained weights."""
    strategy = strategy_of(devices)
    draw_alike()
    fields = {
        "tokenizer": tokenizer(),
        "sequence_length": 32,
        "batch_size": 4,
        "kernel_regularizer": L2(0.1),
    }
    texts = [" ".join(words) for words in SENTENCES]
    several = texts, [("a",), ("a", "b"), (), ("b",)] * 2
    fits: dict[str, tuple[Any, Any, Any, list, dict]] = {
        "terms": (build_tagger, SENTENCES, TAGS, [VISIBLE, FGM(0.5), RDrop(1.0)], {}),
        "freelb": (build_tagger, SENTENCES, TAGS, [FreeLB(steps=2), RDrop(1.0)], {}),
        "sam": (build_tagger, SENTENCES, TAGS, [SAM(0.05)], {"freeze": 1}),
        "smoothing": (build_classifier, *several, [], {"label_smoothing": 0.1}),
        "mixup": (build_classifier, texts, ["a", "b", "b", "a"] * 2, [Mixup(0.4)], {}),
        "focal": (
            build_classifier,
            texts,
            ["a", "b", "b", "a"] * 2,
            [Focal(2.0), ConfidencePenalty(0.2)],
            {"freeze": "backbone"},
        ),
    }
    weights = {}
    for name, (build, x, y, objective, more) in fits.items():
        labels = ("O", "B-X", "I-X") if build is build_tagger else ("a", "b")
        with strategy.scope() if strategy else contextlib.nullcontext():
            keras.utils.set_random_seed(1)
            if name == "smoothing":
                more = {**more, "multi_label": True}
            model = build(
                tiny(num_layers=1), labels, objective=objective, **fields, **more
            )
            model.compile(optimizer=keras.optimizers.SGD(0.1))
        class_weight = None if name == "smoothing" else {labels[0]: 0.5}
        history = model.fit(x, y, epochs=5, verbose=0, class_weight=class_weight)
        found = {v.path: np.array(v) for v in model.trainable_weights}
        found["loss"] = np.array(history.history["loss"])
        weights.update({f"{name}/{key}": value for key, value in found.items()})
    np.savez(out, **weights)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
