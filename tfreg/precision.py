"""What ``precision="auto"`` picks: by measuring matrix products on this device."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from typing import Any

import keras
import keras_hub
from keras import ops

from tfreg.presets import POLICIES

ENOUGH = 1.2  # times as fast as float32; for less its digits are worth more
_WIDTHS = (768, 3072)  # of the largest products in BERT-base
# Tokens: enough that the product counts, and not the cast of the kernel before it or
# (where it is fast) the call.
_TOKENS = {"cpu": 512, "gpu": 32768, "tpu": 32768}
_ROUNDS, _BUDGET = 5, 0.2  # at most so many, none begun after so many seconds


def pick_precision(preset: Any) -> tuple[str, str]:
    """A precision for a preset, and why in a few words.

    A backbone is built already, in a precision of its own.
    """
    if isinstance(preset, keras_hub.models.Backbone):
        names = {policy: name for name, policy in POLICIES.items()}
        picked = names.get(preset.dtype_policy.name, "float32")
        return picked, "in which the backbone was built"
    seconds = measure()
    device = _device().upper()
    times = ", ".join(f"{s * 1e3:.3g} ms in {name}" for name, s in seconds.items())
    return choose(seconds), f"as a matrix product on this {device} takes {times}"


def choose(seconds: Mapping[str, float]) -> str:
    """The precision to compute in, from the seconds that a product takes in each.

    bfloat16 where it is at least 1.2 times as fast as float32; else float16 where
    that was measured and is; else float32.

    Example:
        >>> choose({"float32": 0.03, "bfloat16": 0.01})
        'bfloat16'
        >>> choose({"float32": 0.03, "bfloat16": 0.03, "float16": 0.01})
        'float16'
    """
    for name in ("bfloat16", "float16"):
        if name in seconds and seconds["float32"] >= ENOUGH * seconds[name]:
            return name
    return "float32"


@functools.cache
def measure() -> dict[str, float]:
    """Seconds of a matrix product of BERT-base in each precision, once a process.

    As a layer of mixed precision computes it: from a float32 kernel, cast each time.
    float16 is tried on GPUs only: elsewhere it is emulated. In turn, and the best of
    some rounds, so that what else the machine does counts little.
    """
    began = time.perf_counter()
    device = _device()
    names = [name for name in POLICIES if name != "float16" or device == "gpu"]
    inputs = {name: ops.ones((_TOKENS[device], _WIDTHS[0]), name) for name in names}
    kernel = ops.ones(_WIDTHS, "float32")
    for name in names:  # the first call of a kind sets things up
        _seconds(inputs[name], kernel)
    best = dict.fromkeys(names, float("inf"))
    for number in range(_ROUNDS):
        if number and time.perf_counter() - began > _BUDGET:
            break
        for name in names:
            best[name] = min(best[name], _seconds(inputs[name], kernel))
    return best


def _seconds(inputs: Any, kernel: Any) -> float:
    """Seconds of one product, until its result is there."""
    began = time.perf_counter()
    product = ops.matmul(inputs, ops.cast(kernel, inputs.dtype))
    ops.convert_to_numpy(ops.cast(product[0, 0], "float32"))
    return time.perf_counter() - began


def _device() -> str:
    """Kind of the device that Keras computes on: "cpu", "gpu" or "tpu"."""
    return keras.distribution.list_devices()[0].partition(":")[0]
