"""The fits that judge a recipe: one a seed, or one a fold."""

from __future__ import annotations

import shutil
import time
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfreg import _compat
from tfreg._checks import DataWarning, InputError
from tfreg.callbacks import ExactCheckpoint
from tfreg.callbacks.sealed import read_sealed
from tfreg.data.corpus import Corpus
from tfreg.data.examples import Examples
from tfreg.presets import Preset
from tfreg.recipe import Recipe
from tfreg.runs import score
from tfreg.runs.fit import build
from tfreg.tuning.journal import Journal
from tfreg.tuning.standard_error import leaving_out

APART = 10.0
"""Seconds between the checkpoints of a fit: of a frozen encoder's head many epochs may
take less time than to write one down."""


class Rounds:
    """Fits of any recipe to the same rows; texts are tokenised once for all of them.

    Args:
        corpus: with a dev split, unless there are folds.
        preset: the encoder, which is read once, or what it is read from.
        seeds: fits of a recipe, with its seed and those after it, at least 1.
        folds: None, or into how many parts the training rows are cut: each is left out
            of one fit and scored by it, in place of the dev rows.
        metric: the score that judges.
        folder: where what is done is written down.
        writer: a name of who writes, where several do.
        strategy: whose devices share the batches of each fit; None: one device.

    Raises:
        InputError: no dev split; fewer rows than folds.
    """

    def __init__(
        self,
        corpus: Corpus,
        preset: Preset,
        seeds: int,
        folds: int | None,
        metric: str,
        folder: Path,
        writer: str,
        strategy: Any = None,
    ) -> None:
        self.corpus = corpus
        self.preset = preset
        self.metric = metric
        self.folder = folder
        self.strategy = strategy
        self.splits = _folds(corpus, folds) if folds else [_split(corpus)] * seeds
        self.count = len(self.splits)
        self._by_fold = bool(folds)
        self._journal = Journal(folder / f"rounds-{writer}.jsonl")
        self._encoded: dict[tuple[int, int], tuple[Any, Any]] = {}

    def run(self, name: str, recipe: Recipe, **about: Any) -> list[dict[str, Any]]:
        """All rounds of a trial; those that were done before are not done again.

        Raises:
            InputError: the recipe cannot be built, or its fit diverged.

        Warns:
            DataWarning: a fit's checkpoint was damaged, and it began anew.
        """
        found = [one for one in self.done() if one["trial"] == name]
        for number in range(len(found), self.count):
            found.append(self._fit(name, recipe, number, about))
        return found

    def done(self) -> list[dict[str, Any]]:
        """What all writers have finished."""
        files = sorted(self.folder.glob("rounds-*.jsonl"))
        return [event for file in files for event in Journal(file).events()]

    def _fit(
        self, name: str, recipe: Recipe, number: int, about: dict[str, Any]
    ) -> dict[str, Any]:
        """One round, of which nothing stays in memory."""
        scope = nullcontext() if self.strategy is None else self.strategy.scope()
        with _compat.graphs_let_go(), scope:
            result = self._fit_and_score(name, recipe, number, about)
        keras.utils.clear_session()  # which collects garbage
        return result

    def _fit_and_score(
        self, name: str, recipe: Recipe, number: int, about: dict[str, Any]
    ) -> dict[str, Any]:
        started = time.perf_counter()
        place = self.folder / "running" / name / str(number)
        _drop_damaged(place)
        seed = recipe.seed + (0 if self._by_fold else number)
        model = build(self.corpus, self.preset, replace(recipe, seed=seed))
        train, dev = self._encode(model, number)
        checkpoint = ExactCheckpoint(place, seconds=APART, keep=1)
        history = model.fit(
            train,
            validation_data=dev,
            verbose=0,
            callbacks=[checkpoint, *self._logs(name, number, about)],
        )
        rows = self.splits[number][1]
        outcome = score(model, rows, dev, feature_cache=None)
        result = {
            "trial": name,
            "round": number,
            "scores": outcome.scores(),
            # Folds differ in their rows as in the rest: their scores say it all.
            "left_out": [] if self._by_fold else leaving_out(outcome, self.metric),
            "epochs": len(history.epoch),
            "seconds": round(checkpoint.spent + time.perf_counter() - started, 2),
            "at": round(time.time(), 2),
            **about,
        }
        self._journal.add(result)
        over = place.parent if number + 1 == self.count else place
        if over.exists():  # a short fit wrote nothing
            shutil.rmtree(over)
        return result

    def _encode(self, model: Any, number: int) -> tuple[Any, Any]:
        key = (model.recipe.sequence_length, number if self._by_fold else 0)
        if key not in self._encoded:
            train, dev = self.splits[number]
            self._encoded[key] = model.encode(train), model.encode(dev)
        return self._encoded[key]

    def _logs(self, name: str, number: int, about: dict[str, Any]) -> list[Any]:
        """What writes TensorBoard's files, with the trial's values as its HParams."""
        from tensorboard.plugins.hparams import api

        folder = str(self.folder / "tensorboard" / f"{name}-{number}")
        return [
            keras.callbacks.TensorBoard(folder, write_graph=False),
            api.KerasCallback(folder, about["values"], trial_id=f"{name}-{number}"),
        ]


def _drop_damaged(place: Path) -> None:
    """Have a fit begin anew where nothing is whole: of each, one entry is kept."""
    try:
        read_sealed(place)
    except InputError:
        shutil.rmtree(place)
        warnings.warn(
            f"{place}: all that was there is damaged; the fit begins anew",
            DataWarning,
            stacklevel=2,
        )


def _split(corpus: Corpus) -> tuple[Examples, Examples]:
    if corpus.dev is None:
        raise InputError("the corpus has no dev split to judge by; give `folds`")
    return corpus.train, corpus.dev


def _folds(corpus: Corpus, folds: int) -> list[tuple[Examples, Examples]]:
    rows = len(corpus.train)
    if rows < folds:
        raise InputError(
            f"`folds` must be at most the {rows} training rows; got {folds}"
        )
    order = np.random.default_rng(0).permutation(rows)
    return [
        (
            corpus.train.take(sorted(order[np.arange(rows) % folds != fold].tolist())),
            corpus.train.take(sorted(order[np.arange(rows) % folds == fold].tolist())),
        )
        for fold in range(folds)
    ]
