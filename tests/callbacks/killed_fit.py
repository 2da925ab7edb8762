"""A fit in a process of its own that is killed, or that goes on after it was.

The server imports once and forks for every fit, each of which reads a line of JSON:
where it keeps its checkpoints, where its result goes, and when it dies.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS
from tfreg import _compat
from tfreg.builders import build_classifier
from tfreg.callbacks import ExactCheckpoint, exact_checkpoint, sealed
from tfreg.data.augment import Swap

EVERY = 3
RECIPE: dict[str, Any] = {
    "dropout": 0.3,
    "word_dropout": 0.1,
    "attention_dropout": 0.1,
    "augment": Swap(0.2),
    "gradient_accumulation_steps": 2,
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "ema": 0.9,
    "epochs": 3,
    "batch_size": 1,
    "patience": 3,
    "sequence_length": 32,
}


def die() -> None:
    """As the kernel would have it: nothing is tidied."""
    os.kill(os.getpid(), signal.SIGKILL)


class Clock(keras.callbacks.Callback):
    """Counts all that happens in a fit, draws numbers, and dies at one of it."""

    def __init__(self, when: list[Any] | None) -> None:
        super().__init__()
        self.when = when
        self.seen: dict[str, int] = {}

    def tick(self, kind: str) -> None:
        for name in (kind, "anything"):
            self.seen[name] = self.seen.get(name, 0) + 1
            if self.when == [name, self.seen[name]]:
                die()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.tick("epoch begin")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.tick("epoch end")

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.tick("batch begin")
        # From the generators that are nobody's own.
        random.random(), np.random.random(), keras.random.uniform(())

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.tick("batch end")

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.tick("test batch end")

    def on_train_end(self, logs: Any = None) -> None:
        self.tick("train end")


def watch_writing(clock: Clock) -> None:
    """Have the clock tick while a checkpoint is written."""
    save, replace, write = sealed._save, os.replace, sealed.write_sealed

    def slow_save(path: Path, arrays: Any) -> None:
        if path.stem == "changing":
            save(path, dict(list(arrays.items())[: len(arrays) // 2]))
            clock.tick("half written")
        save(path, arrays)

    def slow_replace(*paths: Any) -> None:
        clock.tick("before the name")
        replace(*paths)
        clock.tick("after the name")

    def written(*given: Any) -> None:
        write(*given)
        clock.tick("written")

    sealed._save, sealed.os.replace = slow_save, slow_replace
    exact_checkpoint.write_sealed = written


def fit(folder: str, result: str, when: list[Any] | None) -> None:
    """Fit with a clock; what it ends with goes to a file."""
    keras.utils.set_random_seed(1)
    tf.config.experimental.enable_op_determinism()
    model = build_classifier(
        tiny(dropout=0.1), ("neg", "pos"), tokenizer=tokenizer(), **RECIPE
    )
    clock = Clock(when)
    watch_writing(clock)
    history = model.fit(
        TEXTS,
        NAMES,
        validation_data=(TEXTS[:6], NAMES[:6]),
        callbacks=[clock, ExactCheckpoint(folder, EVERY)],
        verbose=0,
    )
    variables = [*model.weights, *model.optimizer.variables, *model.variables]
    arrays = {f"{n} {v.path}": np.asarray(v.value) for n, v in enumerate(variables)}
    arrays |= {f"random {n}": a for n, a in _compat.global_random_states().items()}
    text = json.dumps([history.history, history.epoch])
    with open(f"{result}.partial", "wb") as file:
        np.savez(file, history=np.array(text), **arrays)
    Path(f"{result}.seen").write_text(json.dumps(clock.seen))
    os.replace(f"{result}.partial", result)


def main() -> None:
    """Serve fits, one at a time; answer with the status of each process."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                fit(**json.loads(line))
            except BaseException as error:
                print(f"killed_fit: {error!r}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
