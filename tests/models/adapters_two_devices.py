"""One process of `test_adapters_on_two_devices`: fit, write the weights."""

from __future__ import annotations

import contextlib
import sys

import keras
import numpy as np

from tests.backbones import tiny, tokenizer
from tests.models.devices import strategy_of
from tfreg.adapt import LoRA
from tfreg.builders import build_classifier
from tfreg.optimizers import AdamW, ChildTuning
from tfreg.regularizers import L2

TEXTS = ["the good movie", "a bad bad movie abc", "good", "bad dog"] * 4
NAMES = ["pos", "neg", "pos", "neg"] * 4


def main(devices: int, out: str) -> None:
    """Fit on that many logical CPUs and write the trained weights."""
    strategy = strategy_of(devices)
    fields = {"sequence_length": 16, "batch_size": 4, "dropout": 0.0}
    forms = {
        "lora": {"adapter": LoRA(2, penalty=L2(0.05))},
        "child": {"gradual_unfreezing": 2, "child_tuning": ChildTuning(0.5)},
        "fisher": {"child_tuning": ChildTuning(0.2, fisher=True)},
    }
    weights = {}
    for name, own in forms.items():
        with strategy.scope() if strategy else contextlib.nullcontext():
            keras.utils.set_random_seed(1)
            model = build_classifier(
                tiny(), ("neg", "pos"), tokenizer=tokenizer(), **fields, **own
            )
            if name == "lora":
                model.compile(keras.optimizers.SGD(0.1))
            else:  # not clipped, and with an epsilon that small differences do not move
                tuning = model.optimizer.child_tuning
                multipliers = dict(model.optimizer.multipliers)
                model.compile(
                    AdamW(
                        1e-2, epsilon=0.1, multipliers=multipliers, child_tuning=tuning
                    )
                )
        model.fit(TEXTS, NAMES, epochs=3, verbose=0)
        weights |= {f"{name}/{v.path}": np.array(v) for v in model.trainable_weights}
    np.savez(out, **weights)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
