"""The devices that a command computes on."""

from __future__ import annotations

import sys
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
    """The scope of `picked_strategy`."""
    return picked_strategy(kind).scope()


def picked_strategy(kind: str | None) -> Any:
    """A strategy; says which, if it was asked for or is no single device.

    Raises:
        InputError: what was asked for is not there.
    """
    from tfreg.distribute import pick

    picked, said = pick(kind or "auto")
    if kind is not None or picked.num_replicas_in_sync > 1:
        print(f"strategy: {said}", file=sys.stderr)
    return picked
