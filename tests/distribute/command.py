"""One process of `test_command`: a command of which one worker may be killed.

The words: two of `run_on_workers`, not needed; the number of the worker that is
killed after nine updates, or -1; the command's.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any
from unittest import mock

from tfreg.callbacks import ExactCheckpoint
from tfreg.cli import main

LAST = 9

if __name__ == "__main__":
    mine = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    dies = mine == int(sys.argv[3])
    on_batch_end = ExactCheckpoint.on_train_batch_end
    updates = 0

    def counted(checkpoint: ExactCheckpoint, batch: int, logs: Any = None) -> None:
        global updates
        updates += 1
        on_batch_end(checkpoint, batch, logs)
        if dies and updates == LAST:
            os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(ExactCheckpoint, "on_train_batch_end", counted):
        sys.exit(main(sys.argv[4:]))
