"""KerasTuner's oracles, whose state is the journal of what they were asked and told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras_tuner
from keras_tuner import oracles

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.tuning.dimensions import Dimension
from tfreg.tuning.journal import Journal

EPOCHS = "tuner/epochs"  # how Hyperband calls the epochs of a trial
_KINDS = {
    "random": oracles.RandomSearchOracle,
    "grid": oracles.GridSearchOracle,
    "hyperband": oracles.HyperbandOracle,
    "bayesian": oracles.BayesianOptimizationOracle,
}
TUNERS = tuple(_KINDS)


class _Journaled(keras_tuner.Oracle):
    """Writes down which trials begin and end, so that it can be brought back to there.

    And which workers are lost: what they ran is given out once more.

    KerasTuner's own files are not whole after a kill, and its grid search cannot be
    taken up from them. An oracle with the same seed that is asked and told the same is
    in the same state, whatever its kind.
    """

    journal: Journal | None = None

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> Any:
        trial = super().create_trial(tuner_id)
        if trial.status == "RUNNING":
            values = dict(trial.hyperparameters.values)
            self._note("begin", trial, tuner=tuner_id, values=values)
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial: Any) -> None:
        super().end_trial(trial)
        name, found = self.objective.name, self.trials[trial.trial_id]
        known = found.metrics.exists(name)
        score = found.metrics.get_best_value(name) if known else None
        self._note(
            "end", trial, status=trial.status, message=trial.message, score=score
        )

    @keras_tuner.synchronized
    def give_up(self, tuner_id: str) -> str | None:
        """Forget a worker; the number of the trial it ran, which others then get."""
        trial = _compat.give_up(self, tuner_id)
        if self.journal is not None:
            self.journal.add({"event": "lost", "tuner": tuner_id})
        return None if trial is None else str(int(trial))

    def _note(self, event: str, trial: Any, **more: Any) -> None:
        if self.journal is not None:
            self.journal.add({"event": event, "trial": number(trial), **more})


def number(trial: Any) -> str:
    """A trial's number, without the zeros that more trials would put before it."""
    return str(int(trial.trial_id))


def make_oracle(
    tuner: str,
    space: Mapping[str, Dimension],
    objective: tuple[str, str],
    *,
    trials: int,
    epochs: int,
    seed: int,
) -> Any:
    """An oracle that has not been asked anything yet.

    Args:
        tuner: one of `TUNERS`.
        space: what it chooses from.
        objective: the metric, and ``"max"`` or ``"min"``.
        trials: at most so many; Hyperband has as many as its epochs give.
        epochs: of a whole fit, which Hyperband divides.
        seed: of its choices.
    """
    hp = keras_tuner.HyperParameters()
    for name, dimension in space.items():
        dimension.declare(hp, name)
    kind = _KINDS[tuner]
    budget = {"max_epochs": epochs} if tuner == "hyperband" else {"max_trials": trials}
    journaled = type(kind.__name__, (_Journaled, kind), {})
    oracle = journaled(
        objective=keras_tuner.Objective(*objective),
        hyperparameters=hp,
        seed=seed + 1,  # 0 is KerasTuner's word for any seed
        max_consecutive_failed_trials=10**6,  # each is shown in the result
        **budget,
    )
    oracle.verbose = 0
    return oracle


def replay(oracle: Any, journal: Journal) -> None:
    """Bring a new oracle to where its journal ends, and go on writing there.

    Trials that had begun and not ended are given out again.

    Raises:
        InputError: the journal is damaged, or another search's.
    """
    events, begun = journal.events(), {}
    for event in events:
        if event["event"] == "stop":
            _compat.requeue(oracle)
        elif event["event"] == "lost":
            oracle.give_up(event["tuner"])
        elif event["event"] == "begin":
            trial = oracle.create_trial(event["tuner"])
            if trial.status == "STOPPED":
                raise InputError(
                    f"{journal.path}: has trial {event['trial']} already; `trials` "
                    "must be as many as when the search was called before, or more"
                )
            if trial.status != "RUNNING" or number(trial) != event["trial"]:
                raise InputError(f"{journal.path}: is of another search")
            begun[event["trial"]] = trial
            trial.hyperparameters.values = event["values"]  # what was tried counts
        else:
            trial = begun[event["trial"]]
            trial.status, trial.message = event["status"], event["message"]
            if event["score"] is not None:
                oracle.update_trial(
                    trial.trial_id, {oracle.objective.name: event["score"]}
                )
            oracle.end_trial(trial)
    if events:
        _compat.requeue(oracle)
        if events[-1]["event"] != "stop":
            journal.add({"event": "stop"})
    oracle.journal = journal
