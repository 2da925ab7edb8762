"""tfreg on Keras's JAX backend, as a worker of gpu.py."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import jax
import keras
import keras_hub
from gpu_worker import Job, batch, serve
from tasks import SETTINGS

import tfreg

PACKAGES = "tfreg", "keras", "keras-hub", "jax", "jaxlib", "numpy"


class Tfreg:
    """`build_classifier` on a random encoder, and the step that its `fit` compiles."""

    def __init__(self, job: Job) -> None:
        if keras.backend.backend() != "jax":
            raise SystemExit("gpu: tfreg's worker needs KERAS_BACKEND=jax")
        self.job = job

    def device(self) -> tuple[str, bool]:
        """The first device that JAX sees."""
        found = jax.devices()[0]
        return found.device_kind, found.platform != "cpu"

    def load(self) -> None:
        """The plain recipe in bfloat16, on a constant learning rate."""
        shape = self.job.shape
        random.seed(0)  # Keras draws its seeds from here
        backbone = keras_hub.models.BertBackbone(
            vocabulary_size=shape.vocabulary,
            num_layers=shape.layers,
            num_heads=shape.heads,
            hidden_dim=shape.hidden,
            intermediate_dim=shape.intermediate,
            max_sequence_length=shape.positions,
            dropout=SETTINGS["dropout"],
            dtype="mixed_bfloat16",
        )
        self.model = tfreg.build_classifier(
            backbone,
            [str(label) for label in range(shape.labels)],
            precision="bfloat16",
            sequence_length=self.job.case.length,
            dropout=SETTINGS["dropout"],
            learning_rate=SETTINGS["learning_rate"],
            weight_decay=SETTINGS["weight_decay"],
            global_clipnorm=SETTINGS["global_clipnorm"],
        )
        ids, mask, labels = batch(self.job)
        x = {"token_ids": ids, "padding_mask": mask, "segment_ids": 0 * ids}
        self.batch = jax.device_put((x, labels.astype("int32"), None))
        self.state: Any = None

    def train(self, steps: int) -> float:
        """The training function of `fit`, its metrics too, without its host's work."""
        model = self.model
        if self.state is None:
            model.train_on_batch(*self.batch[:2])  # builds metrics and the function
            self.state = [
                [variable.value for variable in variables]
                for variables in (
                    model.trainable_variables,
                    model.non_trainable_variables,
                    model.optimizer.variables,
                )
            ]
        model.reset_metrics()
        state = (*self.state, [variable.value for variable in model.metrics_variables])
        for _ in range(steps):
            logs, state = model.train_function(state, itertools.repeat(self.batch))
        self.state = state[:3]
        jax.block_until_ready(state)
        return float(logs["loss"])

    def product(self, m: int, k: int, n: int) -> Callable[[int], None]:
        """Products of random numbers: of zeros they can be faster."""
        left, right = jax.random.split(jax.random.key(0))
        a = jax.random.normal(left, (m, k), "bfloat16")
        b = jax.random.normal(right, (k, n), "bfloat16")
        multiply = jax.jit(jax.numpy.matmul)

        def run(times: int) -> None:
            for _ in range(times):
                c = multiply(a, b)
            c.block_until_ready()

        return run

    def peak_memory(self) -> int | None:
        """As JAX's allocator counts it."""
        return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


if __name__ == "__main__":
    serve(Tfreg, PACKAGES)
