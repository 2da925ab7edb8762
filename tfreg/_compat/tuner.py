"""What KerasTuner's oracles keep to themselves."""

from __future__ import annotations

from typing import Any


def requeue(oracle: Any) -> None:
    """Have an oracle give out again the trials that nobody is running any more.

    KerasTuner does this only while it reads its own files, which a kill leaves broken.
    """
    oracle._retry_queue.extend(
        trial.trial_id for trial in oracle.ongoing_trials.values()
    )
    oracle.ongoing_trials.clear()
    oracle.tuner_ids.clear()
