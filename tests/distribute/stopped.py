"""One process of `test_workers`: fits under a strategy, stopped and gone on with.

The words: devices (0: workers), a file for what is found, and, for a fit that loses a
worker, the number of the one that dies; -1: go on after one has died.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS
from tests.models.devices import strategy_of
from tfreg.builders import build_classifier
from tfreg.callbacks import ExactCheckpoint


class StopAt(keras.callbacks.Callback):
    """Stops a fit, or its process, after so many updates."""

    def __init__(self, updates: int, how: Any) -> None:
        super().__init__()
        self.left, self.how = updates, how

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if not self.left:
            self.how()


def interrupt() -> None:
    """As Ctrl-C does."""
    raise KeyboardInterrupt


def fitted(strategy: Any, *callbacks: Any) -> dict[str, Any]:
    """Weights, slots and history of a fit with all that is random."""
    with strategy.scope():
        keras.utils.set_random_seed(1)
        model = build_classifier(
            tiny(dropout=0.1),
            ("neg", "pos"),
            tokenizer=tokenizer(),
            sequence_length=32,
            batch_size=3,  # 16 rows: the last batch is smaller than the replicas
            epochs=2,
            learning_rate=1e-3,
            word_dropout=0.1,
            ema=0.9,
        )
    history = model.fit(
        TEXTS,
        NAMES,
        validation_data=(TEXTS[:7], NAMES[:7]),
        callbacks=list(callbacks),
        verbose=0,
    ).history
    found = {f"history/{name}": values for name, values in history.items()}
    for place, variable in enumerate([*model.weights, *model.optimizer.variables]):
        found[f"variable/{place}"] = np.array(variable)
    return found


def main(devices: int, out: Path, dies: int | None) -> None:
    """A fit, and the same stopped within an epoch and gone on with."""
    strategy = strategy_of(devices)
    folder = out.parent / "checkpoints"
    if dies is not None and dies >= 0:
        mine = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
        how = (lambda: os.kill(os.getpid(), signal.SIGKILL)) if mine == dies else str
        fitted(strategy, ExactCheckpoint(folder, 2), StopAt(9, how))
        return
    whole = fitted(strategy)
    if dies is None:
        try:
            fitted(strategy, ExactCheckpoint(folder, 2), StopAt(9, interrupt))
        except KeyboardInterrupt:
            pass
    entries = sorted(path.name for path in folder.iterdir())
    again = fitted(strategy, ExactCheckpoint(folder, 2))
    np.savez(
        out,
        entries=entries,
        **{f"whole/{name}": value for name, value in whole.items()},
        **{f"again/{name}": value for name, value in again.items()},
    )


if __name__ == "__main__":
    number = int(sys.argv[3]) if len(sys.argv) > 3 else None
    main(int(sys.argv[1]), Path(sys.argv[2]), number)
