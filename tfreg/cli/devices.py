"""The devices that a command computes on."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any


def add_strategy(parser: Any) -> None:
    """Add the devices."""
    parser.add_argument(
        "--strategy",
        choices=("auto", "cpu", "mirrored", "multiworker", "tpu"),
        help="the devices, which share each batch: all GPUs of this machine (mirrored),"
        " the processes in TF_CONFIG (multiworker), a TPU, or one CPU; auto: what is "
        "there, and said (default: auto, said if it is more than one device)",
    )


def scope(kind: str | None) -> Any:
    """The scope of `picked_strategy`; of none, no scope."""
    picked = picked_strategy(kind)
    return nullcontext() if picked is None else picked.scope()


def picked_strategy(kind: str | None) -> Any:
    """A strategy; says which, if it was asked for or is no single device.

    None where none was asked for and Keras runs on another backend than TensorFlow.

    Raises:
        InputError: what was asked for is not there.
    """
    from tfreg import _compat
    from tfreg.distribute import pick

    if kind is None and not _compat.on_tensorflow():
        return None
    picked, said = pick(kind or "auto")
    if kind is not None or picked.num_replicas_in_sync > 1:
        print(f"strategy: {said}", file=sys.stderr)
    return picked
