"""Texts or pairs of texts to one number."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import InputError
from tfreg.layers import TargetScale
from tfreg.metrics.correlation import Pearson
from tfreg.models.agreement import as_recipe
from tfreg.models.feeding import Feed
from tfreg.models.text_classifier import PooledTask
from tfreg.objectives import SquaredError

_TARGETS = 10_000  # of a data set that may be large: enough for a mean


@keras.saving.register_keras_serializable("tfreg")
class TextRegressor(PooledTask):
    """A number for a text or a pair of texts, from any KerasHub text encoder.

    As `TextClassifier`, with one output and the squared error. What the head says is
    in standard deviations from the mean of the targets that the first `fit` sees
    (`tfreg.layers.TargetScale`): targets may have any scale. Usually made by
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
        self.target_scale = TargetScale(name="target_scale")
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

    def answer(self, features: Any, inputs: dict[str, Any]) -> Any:
        return self.target_scale(super().answer(features, inputs))

    def see_targets(self, data: Feed) -> None:
        self.target_scale.learn(data.targets(_TARGETS))

    def default_loss(self) -> Any:
        return SquaredError()

    def default_metrics(self) -> list[Any]:
        return [keras.metrics.MeanSquaredError(name="mse"), Pearson()]
