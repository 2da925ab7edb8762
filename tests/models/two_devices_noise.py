"""One process of `test_two_devices_noise`: what noise is on one or on two replicas."""

from __future__ import annotations

import contextlib
import sys

import keras
import numpy as np
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.devices import strategy_of
from tfreg.builders import build_classifier, build_tagger
from tfreg.heads import Bottleneck
from tfreg.layers import (
    DropConnect,
    Dropout,
    EmbeddingNoise,
    MultiSampleDropout,
    WeightNoise,
    WordDropout,
)
from tfreg.objectives import FreeLB

SENTENCES = [["the", "good", "movie"], ["a"] * 11, ["bad", "dog"], ["x"]] * 4
TAGS = [["O", "B-X", "I-X"], ["O"] * 11, ["B-X", "O"], ["B-X"]] * 4


def fitted(strategy, before=lambda model: None, **fields):
    """A tagger's weights after two epochs of plain gradient steps."""
    with strategy.scope() if strategy else contextlib.nullcontext():
        keras.utils.set_random_seed(1)
        model = build_tagger(
            tiny(num_layers=1),
            ("O", "B-X", "I-X"),
            tokenizer=tokenizer(),
            sequence_length=32,
            batch_size=6,
            **fields,
        )
        before(model)
        model.compile(optimizer=keras.optimizers.SGD(0.1))
    model.fit(SENTENCES, TAGS, epochs=2, verbose=0)
    return {v.path: np.array(v) for v in model.trainable_weights}


def said_nothing(model):
    """The divergence alone trains, free of samples: the last layer is fixed at zero."""
    model.logits.kernel.assign(keras.ops.zeros(model.logits.kernel.shape))
    model.logits.trainable = False


def masks(strategy):
    """What each replica makes of the same input, by what is random in it."""
    with strategy.scope() if strategy else contextlib.nullcontext():
        layers = {
            "words": WordDropout(0.5, 4, seed=1),
            "noise": EmbeddingNoise(1.0, seed=1),
            "dropout": Dropout(0.5, seed=1),
            "samples": MultiSampleDropout(0.5, samples=2, seed=1),
            "connect": DropConnect(0.5, seed=1),
            "weights": WeightNoise(0.5, seed=1),
        }
        keras.utils.set_random_seed(1)
        fields = {"tokenizer": tokenizer(), "sequence_length": 32}
        models = {
            "head": {"dropout": 0.5},
            "hidden": {"dropout": 0.0, "backbone_dropout": 0.5},
            "attention": {"dropout": 0.0, "attention_dropout": 0.5},
        }
        built = {
            name: build_classifier(tiny(), ("a", "b"), **given, **fields)
            for name, given in models.items()
        }
        objective = {"objective": FreeLB(), **fields}
        seeds = build_classifier(tiny(), ("a", "b"), **objective).noise
    ids = tf.fill([4, 30], 9)
    x = {"token_ids": ids, "padding_mask": tf.ones_like(ids), "segment_ids": 0 * ids}

    # Ones have no deviation for noise on weights.
    varied = tf.random.stateless_uniform([4, 50], (1, 2), 0.5)

    def draw():
        drawn = {
            name: layer(ids if name == "words" else varied, training=True)
            for name, layer in layers.items()
        }
        drawn["objective"] = keras.random.uniform((4, 50), seed=seeds)
        return drawn | {
            name: (
                model.backbone(x, training=True)["pooled_output"]
                if name != "head"
                else model.head_dropout(tf.ones([4, 50]), training=True)
            )
            for name, model in built.items()
        }

    found = strategy.run(draw) if strategy else draw()
    parts = strategy.experimental_local_results if strategy else lambda x: (x,)
    return {
        f"{name}/{replica}": np.array(value)
        for name, values in found.items()
        for replica, value in enumerate(parts(values))
    }


def main(devices: int, out: str) -> None:
    """Fit on that many logical CPUs and write what came of it."""
    strategy = strategy_of(devices)
    runs = {
        "mixout": fitted(strategy, dropout=0.0, mixout=0.5, noisy_tune=0.3),
        "bottleneck": fitted(
            strategy, said_nothing, dropout=0.0, head=Bottleneck(6, 1.0)
        ),
        "masks": masks(strategy),
    }
    found = {f"{run}/{p}": v for run, values in runs.items() for p, v in values.items()}
    np.savez(out, **found)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
