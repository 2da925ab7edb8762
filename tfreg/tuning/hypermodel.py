"""A recipe's search space for a KerasTuner of one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras_tuner

from tfreg import _compat
from tfreg._checks import InputError, fail
from tfreg.data.corpus import Corpus
from tfreg.models.encoder import load_encoder
from tfreg.precision import pick_precision
from tfreg.recipe import Recipe, check_fields
from tfreg.runs.fit import build
from tfreg.tuning.judging import judge
from tfreg.tuning.space import default_space, read_space, recipe_of


class FineTuneHyperModel(keras_tuner.HyperModel):
    """Builds and fits the models of a search space; any KerasTuner can drive it.

    `tfreg.search` does more: baselines, seeds and folds, and going on after a kill.

    Args:
        corpus: with a train and a dev split, which `fit` takes where the tuner's
            `search` is given no data.
        preset: what the builders take; it is read once.
        space: as for `tfreg.search`.
        recipe: what all trials share; defaults to the plain strong recipe.
        **fields: single fields of `Recipe`, over those of ``recipe``.

    Raises:
        InputError: an argument that is impossible.

    Example:
        >>> model = FineTuneHyperModel(corpus, "minilm")  # doctest: +SKIP
        >>> tuner = keras_tuner.BayesianOptimization(  # doctest: +SKIP
        ...     model, objective=model.objective, max_trials=10
        ... )
        >>> tuner.search()  # doctest: +SKIP
        >>> recipe = model.recipe(tuner.get_best_hyperparameters()[0])  # doctest: +SKIP
    """

    def __init__(
        self,
        corpus: Corpus,
        preset: Any = "minilm",
        space: Any = None,
        recipe: Recipe | None = None,
        **fields: Any,
    ) -> None:
        super().__init__()
        if not isinstance(corpus, Corpus):
            raise fail("corpus", "a Corpus (see tfreg.load_corpus)", corpus)
        if corpus.dev is None:
            raise InputError("the corpus has no dev split to judge by")
        check_fields(fields)
        self.corpus = corpus
        self.shared = replace(recipe or Recipe(), **fields)
        if self.shared.precision == "auto":
            self.shared = replace(self.shared, precision=pick_precision(preset)[0])
        space = default_space(corpus.task) if space is None else space
        self.space = read_space(space, self.shared)
        self._preset, _ = load_encoder(
            preset, None, self.shared, corpus.task, corpus.labels
        )

    @property
    def objective(self) -> keras_tuner.Objective:
        """The dev score that `fit` chooses its epoch by, free of penalties."""
        metric, mode = judge(self.corpus)
        return keras_tuner.Objective(f"val_{metric}", mode)

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """The recipe of a trial's hyperparameters."""
        return recipe_of({name: hp.get(name) for name in self.space}, self.shared)

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        """The compiled model of a trial."""
        for name, dimension in self.space.items():
            dimension.declare(hp, name)
        model = build(self.corpus, self._preset, self.recipe(hp))
        # Weights that a tuner loads are the optimiser's too, if it has them by now.
        _compat.build_optimizer(model)
        return model

    def fit(
        self, hp: keras_tuner.HyperParameters, model: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Keras's history of the trial's fit."""
        if not args and "x" not in kwargs:
            args = (model.encode(self.corpus.train),)
            kwargs.setdefault("validation_data", model.encode(self.corpus.dev))
        return model.fit(*args, **kwargs)
