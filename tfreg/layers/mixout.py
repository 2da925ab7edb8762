"""Weights mixed with what they were."""

from __future__ import annotations

from typing import Any

import keras

from tfreg.layers.dropout import Dropout


@keras.saving.register_keras_serializable("tfreg")
class Mixout(Dropout):
    """A weight some of whose elements are put back to their pretrained values.

    w̃ = [(1−M)⊙u + M⊙w − p·u]/(1−p) = u + M⊙(w−u)/(1−p) in training, u the anchor,
    M~Bernoulli(1−p) for each element; its mean is w, and it is w at inference. At
    p = 0 it is w, at p = 1 it is u. The recipe's ``mixout`` puts it on every kernel of
    the backbone that trains; the model keeps the anchors.

    Args:
        rate: p, in [0, 1]; the paper's are 0.1 to 0.9.
        **kwargs: as for `Dropout`.

    Shapes:
        weight, anchor and output: any, the same. In half precision little is left of
        w − u: give float32.

    Example:
        >>> layer = Mixout(0.5, seed=0)
        >>> mixed = layer(keras.ops.ones(99), keras.ops.zeros(99), training=True)
        >>> sorted(set(keras.ops.convert_to_numpy(mixed).tolist()))
        [0.0, 2.0]

    Lee, Cho & Kang (2020), "Mixout: Effective Regularization to Finetune Large-scale
    Pretrained Language Models", section 3. Departure: beside dropout, not in its place;
    ``backbone_dropout=0`` and ``attention_dropout=0`` are theirs.
    """

    def call(  # type: ignore[override]  # of two tensors
        self, weight: Any, anchor: Any, training: bool = False
    ) -> Any:
        if not training or not self.rate:
            return weight
        return anchor + super().call(weight - anchor, training=True)

    def key(self) -> Any:
        """Of all replicas: the weights of a pass are one."""
        return self.seed_generator.next()

    def compute_output_shape(self, weight_shape: Any, anchor_shape: Any) -> Any:
        return weight_shape
