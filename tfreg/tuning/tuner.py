"""KerasTuner's search loop over recipes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from keras_tuner.engine.base_tuner import BaseTuner

from tfreg import _compat
from tfreg.recipe import Recipe
from tfreg.tuning.heartbeat import Watch, heartbeat
from tfreg.tuning.oracles import EPOCHS, number
from tfreg.tuning.rounds import Rounds
from tfreg.tuning.space import recipe_of


class RecipeTuner(BaseTuner):
    """Runs the trials an oracle asks for, each over all its rounds.

    Args:
        oracle: of `make_oracle`.
        rounds: what judges a recipe.
        recipe: what all trials share.
        folder: for KerasTuner's own files, which nothing is read from again.
        role: ``"alone"``, ``"chief"``, which gives the trials to others, or
            ``"worker"``, which runs them.
        said: told of each trial that ends.
    """

    def __init__(
        self,
        oracle: Any,
        rounds: Rounds,
        recipe: Recipe,
        folder: Path,
        role: str,
        said: Any,
    ) -> None:
        self.rounds = rounds
        self.recipe = recipe
        self.role = role
        self.said = said
        super().__init__(
            oracle,
            directory=str(folder),
            project_name="keras_tuner",
            overwrite=role != "worker",  # whose files are its chief's
        )

    def search(self, *args: Any, **kwargs: Any) -> None:
        """Run trials, or give them out to those who do."""
        signs = self.rounds.folder / "alive"
        if self.role == "chief":
            _compat.serve(self.oracle, Watch(self.oracle, signs))
            return
        alive = heartbeat(signs, self.tuner_id)
        with alive if self.role == "worker" else nullcontext():
            super().search(*args, **kwargs)

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        """The mean score of a trial."""
        values = trial.hyperparameters.values
        found = self.rounds.run(
            number(trial), trial_recipe(values, self.recipe), values=own(values)
        )
        scores = [one["scores"][self.rounds.metric] for one in found]
        self.said(number(trial), own(values), scores)
        return {self.rounds.metric: fmean(scores)}

    def on_trial_end(self, trial: Any) -> None:
        if trial.message:  # it failed; KerasTuner kept the whole traceback
            self.said(number(trial), own(trial.hyperparameters.values), [])
            trial.message = trial.message.strip().splitlines()[-1]
        super().on_trial_end(trial)


def own(values: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's values without those that Hyperband adds for itself."""
    return {k: v for k, v in values.items() if not k.startswith("tuner/")}


def trial_recipe(values: Mapping[str, Any], recipe: Recipe) -> Recipe:
    """The recipe of a trial.

    Hyperband gives the best of a round more epochs in the next. They begin anew: the
    schedule of a short fit has ended at a rate of 0, where a long one's is still high.
    """
    found = recipe_of(own(values), recipe)
    return replace(found, epochs=int(values[EPOCHS])) if EPOCHS in values else found
