"""Texts or pairs of texts to one number."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import InputError
from tfreg.metrics.correlation import Pearson
from tfreg.models.agreement import as_recipe
from tfreg.models.text_classifier import PooledTask
from tfreg.objectives import SquaredError


@keras.saving.register_keras_serializable("tfreg")
class TextRegressor(PooledTask):
    """A number for a text or a pair of texts, from any KerasHub text encoder.

    As `TextClassifier`, with one output and the squared error. Usually made by
    `build_regressor`.

    Args:
        backbone: a KerasHub backbone, which from then on belongs to this model.
        preprocessor: a `TextPreprocessor` of the same task, labels and sequence
            length; None for a model that takes ids.
        recipe: settings, see `Recipe`; label smoothing is refused.
        architecture: what the backbone's config does not hold, see `describe`.

    Shapes:
        output: (batch, 1), float32.

    Raises:
        InputError: impossible recipe.

    Example:
        >>> model = TextRegressor(backbone)
        >>> model.compile()
    """

    monitor = ("pearson", "max")

    def __init__(
        self,
        backbone: Any,
        preprocessor: Any = None,
        *,
        recipe: Any = None,
        architecture: Any = None,
        name: str | None = None,
    ) -> None:
        recipe = as_recipe(recipe)
        if recipe.label_smoothing:
            raise InputError("`label_smoothing` has no meaning for a regressor")
        super().__init__(
            backbone,
            preprocessor,
            task="regress",
            labels=(),
            units=1,
            recipe=recipe,
            architecture=architecture,
            name=name,
        )

    def default_loss(self) -> Any:
        return SquaredError()

    def default_metrics(self) -> list[Any]:
        return [keras.metrics.MeanSquaredError(name="mse"), Pearson()]
