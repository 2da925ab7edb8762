"""The passes that objectives make of a training batch, through a task model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.functional.divergences import (
    normal_divergence,
    sigmoid_divergence,
    softmax_divergence,
)
from tfreg.models.samples import are_samples, as_rows
from tfreg.objectives.mean_over_real import MeanOverReal, weigh
from tfreg.objectives.objective import Objective

EMBEDDINGS = "embeddings_dropout"  # KerasHub's last layer before the blocks
_DIVERGENCES = {
    "classify": softmax_divergence,
    "multilabel": sigmoid_divergence,
    "regress": normal_divergence,
    "tag": softmax_divergence,
}


class ModelPasses:
    """`tfreg.objectives.passes.Passes` of a task model, for one batch.

    Args:
        model: a compiled task model.
        x, y, sample_weight: the batch.
        logits: of the pass the step began with. Where a head samples several masks,
            they have one more axis, their first; losses are then means over it.
    """

    def __init__(
        self, model: Any, x: Any, y: Any, logits: Any, sample_weight: Any
    ) -> None:
        self.task = model.task
        self.dtype = model.backbone.compute_dtype
        self.logits = logits
        self.plain = not any(each.base and each.passes for each in model.objectives)
        self.seed = model.noise
        self._model = model
        self._loss = model.position_loss
        self._x, self._y, self._sample_weight = x, y, sample_weight
        self._states: list[Any] | None = None  # of the masks that are repeated
        if any(each.repeats_logits for each in model.objectives):
            self.logits = self._repeated()

    @property
    def real(self) -> Any:
        first = 1 if are_samples(self._model, self.logits) else 0
        return ops.reshape(self._loss.real(self._y), ops.shape(self.logits)[first:-1])

    @property
    def pieces(self) -> Any:
        return ops.expand_dims(ops.cast(self._x["padding_mask"], "float32"), -1)

    @property
    def delta_shape(self) -> tuple[Any, ...]:
        width = self._embeddings.output.shape[-1]
        return (*ops.shape(self._x["padding_mask"]), width)

    @property
    def weights(self) -> list[Any]:
        return [ops.copy(variable) for variable in self._model.trainable_variables]

    def losses(self, logits: Any, partner: Any = None) -> Any:
        y = self._y if partner is None else ops.take(self._y, partner, axis=0)
        y, rows, _ = as_rows(self._model, y, ops.cast(logits, "float32"), None)
        values = self._loss.call(y, rows)
        if are_samples(self._model, logits):
            values = ops.reshape(values, ops.shape(logits)[:-1])
        return self.weigh(values, partner)

    def weigh(self, values: Any, partner: Any = None) -> Any:
        if len(values.shape) > len(self.real.shape):
            values = ops.mean(values, axis=0)  # over the masks of the head
        weight = self._sample_weight
        if weight is not None and partner is not None:
            weight = ops.take(weight, partner, axis=0)
        return weigh(values, weight)

    def mean(self, values: Any) -> Any:
        return self._loss.mean(values, self._y)

    def loss(self, logits: Any) -> Any:
        return self.mean(self.losses(logits))

    def difference(self, first: Any, second: Any) -> Any:
        return self.mean(self.weigh(_DIVERGENCES[self.task](first, second)))

    def again(self) -> Any:
        return self._model(self._x, training=True)

    def moved(self, delta: Any) -> Any:
        def move(embeddings: Any) -> Any:
            return embeddings + ops.cast(delta, embeddings.dtype)

        with _compat.rerouted(self._embeddings, after=move):
            return self._repeated()

    def loss_at(self, weights: Sequence[Any]) -> Any:
        moved = zip(self._model.trainable_variables, weights)
        return self._repeated(moved, self.loss)  # a loss may have weights of its own

    def mixed(self, partner: Any, share: Any) -> Any:
        share = ops.expand_dims(share, -1)

        def mix(features: Any) -> Any:
            own = ops.cast(features, "float32")
            both = share * own + (1.0 - share) * ops.take(own, partner, axis=0)
            return ops.cast(both, features.dtype)

        with _compat.rerouted(self._model.head_dropout, before=mix):
            return self.again()

    def slopes(
        self, function: Callable[..., Any], *tensors: Any
    ) -> tuple[Any, list[Any]]:
        def value_and_scaled(*tensors: Any) -> tuple[Any, Any]:
            value = function(*tensors)
            return value, self._model.optimizer.scale_loss(value)

        return _compat.inner_gradients(value_and_scaled, tensors)

    @property
    def _embeddings(self) -> Any:
        return self._model.backbone.get_layer(EMBEDDINGS)

    def _repeated(
        self,
        values: Iterable[tuple[Any, Any]] = (),
        read: Callable[[Any], Any] = lambda logits: logits,
    ) -> Any:
        """What is read from a pass's logits, under the masks of all others like it.

        Args:
            values: of variables, for this pass.
            read: by default the logits themselves.
        """
        random = _compat.random_states(self._model)
        first = self._states is None
        if self._states is None:
            self._states = [ops.copy(state) for state in random]
        known = [*zip(random, self._states), *values]
        with keras.StatelessScope(known) as scope:
            result = read(self._model(self._x, training=True))
        if first:  # the next step draws others
            for state in random:
                state.assign(scope.get_current_value(state))
        return result


def check_served(
    objectives: Sequence[Objective], task: str, head: Any, backbone: Any
) -> None:
    """Refuse objectives that a task, a head or a backbone cannot serve.

    Raises:
        InputError: saying which, and why.
    """
    for each in objectives:
        each.check(task, backbone.compute_dtype)
        if head.scores_paths and not each.serves_paths:
            raise InputError(
                f"`objective`: {type(each).__name__} is about the prediction for each "
                f"word; a {type(head).__name__} head predicts whole sentences"
            )
        names = [layer.name for layer in backbone.layers]
        if each.moves_embeddings and EMBEDDINGS not in names:
            raise InputError(
                f"`objective`: {type(each).__name__} moves embeddings, and "
                f"{type(backbone).__name__} has no layer {EMBEDDINGS!r} after them"
            )


def check_masks(model: Any) -> None:
    """Refuse objectives that compare dropout masks where there is no dropout.

    Raises:
        InputError: saying which.
    """
    for each in model.objectives:
        if each.compares_masks and not _is_random(model):
            raise InputError(
                f"`objective`: {type(each).__name__} has nothing to act on: no layer "
                "that trains is random (`dropout`, `backbone_dropout`, "
                "`attention_dropout` and all noise are 0, or frozen)"
            )


def _is_random(model: Any) -> bool:
    found = [dropout for _, dropout in _compat.dropouts([model])]
    rates = [_compat.dropout_rate(one) or getattr(one, "stddev", 0) for one in found]
    others = (
        hasattr(layer, "seed_generator")
        for layer in _compat.nested_layers(model)
        if not isinstance(layer, keras.layers.Dropout)
    )
    return any(rates) or any(others)


def position_loss(model: Any, loss_weights: Any) -> Any:
    """The loss of single positions, as the model's objectives train with it.

    Args:
        model: a task model that is being compiled.
        loss_weights: Keras's argument of `compile`.

    Raises:
        InputError: what `compile` was given does not go with objectives.
    """
    loss = model.loss
    if not model.objectives:
        return loss
    if loss_weights is not None:
        raise InputError("`loss_weights` does not go with `objective`: there is one")
    if not isinstance(loss, MeanOverReal):
        raise InputError(
            "`objective` needs a loss that says over how many targets it is a mean, as "
            f"those of tfreg.objectives; got {loss!r}"
        )
    for each in model.objectives:
        loss = each.replaced(loss, model.task)
        if each.differentiates and not _compat.on_tensorflow():
            raise InputError(
                f"`objective`: {type(each).__name__} needs Keras's TensorFlow backend; "
                f"this is {keras.backend.backend()!r}"
            )
    return loss
