"""One process of `test_two_devices_recipes`: fits of ten steps, written down."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import keras
import numpy as np

from tests.backbones import tiny, tokenizer
from tests.models.devices import strategy_of
from tfreg.adapt import LoRA
from tfreg.builders import build_classifier, build_regressor
from tfreg.optimizers import AdamW
from tfreg.regularizers import L2, L2SP

TEXTS = ["the good movie", "a a a a a a a", "bad dog", "x", "good", "the a the a"] * 4
NUMBERS = [1.0, 0.2, -1.5, 0.0, 2.0, 0.4] * 4
NAMES = ["a", "b", "b", "a", "b", "a"] * 4
ADAPTED = {"adapter": LoRA(rank=2, penalty=L2(0.1))}
FITS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "regressor": (NUMBERS, {"backbone_regularizer": L2SP(0.1)}, "float32"),
    "lora": (NAMES, ADAPTED, "float32"),
    "bfloat16": (NAMES, {"kernel_regularizer": L2(0.1)}, "mixed_bfloat16"),
    "float16": (NAMES, {"kernel_regularizer": L2(0.1)}, "mixed_float16"),
}


def main(devices: int, out: str) -> None:
    """Fit on that many logical CPUs and write the trained weights."""
    strategy = strategy_of(devices)
    weights = {}
    for name, (y, fields, dtype) in FITS.items():
        number = name == "regressor"
        with strategy.scope() if strategy else contextlib.nullcontext():
            keras.utils.set_random_seed(1)
            model = (build_regressor if number else build_classifier)(
                tiny(num_layers=1, dtype=dtype),
                *(() if number else (("a", "b"),)),
                tokenizer=tokenizer(),
                sequence_length=32,
                batch_size=5,
                dropout=0.0,
                precision=dtype.removeprefix("mixed_"),
                **fields,
            )
            # An epsilon that keeps steps where gradients are rounding alone small.
            model.compile(optimizer=AdamW(3e-3, epsilon=1e-3))
        model.fit(TEXTS, y, epochs=2, verbose=0)
        found = {v.path: np.array(v) for v in model.trainable_weights}
        weights.update({f"{name}/{path}": value for path, value in found.items()})
        if name == "float16":
            weights["float16/scale"] = np.array(model.optimizer.dynamic_scale)
    np.savez(out, **weights)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
