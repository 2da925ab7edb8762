"""One process of `test_optimizing`: a fit with all that the optimiser can do."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import keras
import numpy as np

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS
from tests.models.devices import strategy_of
from tfreg.builders import build_classifier
from tfreg.optimizers import AdamW, WarmupDecay


def fitted(strategy: Any) -> dict[str, Any]:
    """The scores of a fit, and its weights, shown and raw."""
    with strategy.scope() if strategy else contextlib.nullcontext():
        keras.utils.set_random_seed(1)
        model = build_classifier(
            tiny(num_layers=1),
            ("neg", "pos"),
            tokenizer=tokenizer(),
            sequence_length=32,
            batch_size=4,
            dropout=0.0,
            epochs=3,
            layer_decay=0.5,
            anchor_decay=5.0,
            ema=0.7,
        )
        # A large ε keeps Adam from blowing up the rounding of gradients that are zero.
        model.compile(
            AdamW(
                WarmupDecay(0.05, schedule="slanted"),
                epsilon=0.1,
                multipliers=model.optimizer.get_config()["multipliers"],
                anchor_decay=5.0,
                ema=0.7,
                global_clipnorm=0.02,
            )
        )
    scores = model.fit(TEXTS, NAMES, validation_data=(TEXTS, NAMES), verbose=0).history
    found = {f"score/{name}": values for name, values in scores.items()}
    found.update({f"shown/{v.path}": np.array(v) for v in model.trainable_variables})
    model.optimizer.averages.show(False)
    found.update({f"raw/{v.path}": np.array(v) for v in model.trainable_variables})
    return found


def main(devices: int, out: str) -> None:
    """Fit on that many logical CPUs and write what came of it."""
    found = fitted(strategy_of(devices))
    np.savez(out, **found)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
