"""The TensorFlow strategy for what is there."""

from __future__ import annotations

import os
import sys
from typing import Any

import keras
import tensorflow as tf

from tfreg import _compat
from tfreg._checks import InputError, check_choice
from tfreg.distribute.cluster import Cluster, read_cluster

KINDS = ("auto", "cpu", "mirrored", "multiworker", "tpu")


def strategy(kind: str = "auto", *, tpu: str | None = None) -> Any:
    """A strategy for what is there; says on standard error what it picked.

    Build and compile the model in its scope; `fit`, `evaluate` and `predict` then use
    all devices. The batch size stays that of the whole batch, which the replicas
    share; so does the learning rate, and with both the model a fit ends with.

    Args:
        kind: "mirrored" (all GPUs of this machine, or all logical CPUs without one),
            "multiworker" (the processes that `TF_CONFIG` names, each with all its
            GPUs), "tpu", "cpu" (one, also where there are GPUs), or "auto" (default):
            several workers if `TF_CONFIG` names them, else a TPU if there is one, else
            all GPUs if there are several, else no strategy: the one device there is.
        tpu: name or address of the TPU; by default the environment knows it.

    Returns:
        A `tf.distribute.Strategy`.

    Raises:
        InputError: what was asked for is not there; `TF_CONFIG` cannot be read, or has
            parameter servers, with which Keras 3 does not train; Keras runs on another
            backend, or has a `keras.distribution`, which does nothing on TensorFlow.

    Example:
        >>> from tfreg import build_classifier
        >>> with strategy("cpu").scope():
        ...     built = build_classifier(
        ...         backbone, ["bad", "good"], tokenizer=tokenizer, sequence_length=64
        ...     )
    """
    picked, said = pick(kind, tpu=tpu)
    print(f"strategy: {said}", file=sys.stderr)
    return picked


def pick(kind: str = "auto", *, tpu: str | None = None) -> tuple[Any, str]:
    """As `strategy`: what it picks, and what it says of that."""
    check_choice("strategy", kind, KINDS)
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"strategies are TensorFlow's; Keras runs on {keras.backend.backend()}"
        )
    if (reason := _compat.misfit(None)) is not None:
        raise InputError(reason)
    cluster = read_cluster() if kind in ("auto", "multiworker") else Cluster()
    gpus = len(tf.config.list_physical_devices("GPU"))
    devices = {0: "the CPU", 1: "one GPU"}.get(gpus, f"{gpus} GPUs")
    if kind == "multiworker" or (kind == "auto" and len(cluster.workers) > 1):
        if not cluster.workers:
            raise InputError(
                "strategy 'multiworker' needs the environment variable TF_CONFIG, "
                '{"cluster": {"worker": ["host:port", ...]}, '
                '"task": {"type": "worker", "index": 0}}'
            )
        said = f"multiworker, {cluster.described}, on {devices}"
        return tf.distribute.MultiWorkerMirroredStrategy(), said
    if kind == "tpu" or (kind == "auto" and _has_tpu()):
        made = _tpu_strategy(tpu)
        return made, f"tpu, {made.num_replicas_in_sync} cores"
    if kind == "mirrored" or (kind == "auto" and gpus > 1):
        which = "GPU" if gpus else "CPU"
        count = len(tf.config.list_logical_devices(which))
        names = [f"{which}:{number}" for number in range(count)]
        return tf.distribute.MirroredStrategy(names), f"mirrored, on {', '.join(names)}"
    if kind == "cpu" and gpus:
        return tf.distribute.OneDeviceStrategy("/cpu:0"), "one CPU"
    return tf.distribute.get_strategy(), f"none needed, on {devices}"


def is_chief() -> bool:
    """Whether this process writes what a fit leaves: one of several workers, or alone.

    For code that runs in the scope of a strategy, or without one. Saving a model is
    for all workers, each to a place of its own: some weights are read together.

    Example:
        >>> is_chief()
        True
    """
    return _compat.is_chief()


def _has_tpu() -> bool:
    names = ("TPU_NAME", "COLAB_TPU_ADDR", "TPU_WORKER_ID")
    return any(name in os.environ for name in names)


def _tpu_strategy(name: str | None) -> Any:
    try:
        # "local": TPU VMs, also Colab's, have the cores in this very machine.
        place = name if name is not None or "TPU_NAME" in os.environ else "local"
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=place)
        if place != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        made = tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"strategy 'tpu': no TPU answers: {reason}") from error
    return made
