"""What KerasTuner's oracles keep to themselves, and what TensorFlow keeps of trials."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tensorflow.python.framework import ops as tensorflow_ops


def requeue(oracle: Any) -> None:
    """Have an oracle give out again the trials that nobody is running any more.

    KerasTuner does this only while it reads its own files, which a kill leaves broken.
    """
    oracle._retry_queue.extend(
        trial.trial_id for trial in oracle.ongoing_trials.values()
    )
    oracle.ongoing_trials.clear()
    oracle.tuner_ids.clear()


@contextmanager
def graphs_let_go() -> Iterator[None]:
    """At the end, forget the gradients of the graphs that were traced inside.

    TensorFlow registers a function for every operation with a gradient of its own, for
    good, and each holds the whole graph it is in: a model's, long after the model is
    gone. What is traced inside must not be differentiated any more after it.
    """
    registry = tensorflow_ops.gradient_registry._registry
    before = set(registry)
    try:
        yield
    finally:
        for name in set(registry) - before:
            if name.startswith("CustomGradient-"):
                del registry[name]
