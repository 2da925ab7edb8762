"""One process of a search that several share: ``worker.py PRESET FOLDER``."""

from __future__ import annotations

import os
import signal
import sys

import keras

from tests.tuning.conftest import corpus_of
from tfreg.tuning import heartbeat, rounds, search


class Die(keras.callbacks.Callback):
    """Ends the process as SIGKILL does, once, in its first trial."""

    def on_epoch_end(self, epoch, logs=None):
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    preset, folder = sys.argv[1:]
    rounds.APART = 0.0
    if "TFREG_TEST_PATIENCE" in os.environ:
        heartbeat.EVERY = 0.5
        heartbeat.PATIENCE = float(os.environ["TFREG_TEST_PATIENCE"])
    if "TFREG_TEST_DIES" in os.environ:
        keep = rounds.Rounds._logs
        rounds.Rounds._logs = lambda *args: [*keep(*args), Die()]
    search(
        corpus_of("classify"), preset, {"l2": "log:1e-6:0.1"}, out=folder, trials=4,
        epochs=2, batch_size=8, sequence_length=16,
    )  # fmt: skip


if __name__ == "__main__":
    main()
