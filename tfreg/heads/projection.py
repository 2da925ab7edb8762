"""The head that learns a projection of the pretrained features."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import (
    check_choice,
    check_integer,
    check_number,
    fail,
)
from tfreg.heads.head import POOLINGS, Head
from tfreg.regularizers import Orthogonal
from tfreg.regularizers.combined import as_one, several


@keras.saving.register_keras_serializable("tfreg")
class Projection(Head):
    """A learned projection of the encoder's features, before dropout and logits.

    z = a(Wᵀh + b), with h the encoder's vector of a word or a text, W of shape
    (encoder's width, ``width``). In float32. The recipe's ``kernel_regularizer`` acts
    on W as on the kernel of the logits.

    Args:
        width: of z, at least 1; defaults to 256.
        activation: a, by its Keras name, or None; defaults to ``"tanh"``, as in the
            poolers of BERT.
        orthogonality: strength λ of λ·‖WᵀW − I‖²_F, which keeps the features apart (a
            plain sum of squares; WWᵀ where W is wider than long), at least 0; defaults
            to 0.
        layer_mix: read γ·Σ_l softmax(s)_l·h_l, a learned weighted sum of all blocks'
            outputs, instead of the last one's; defaults to False. Features of a frozen
            encoder are then not kept on disk.
        pooling: how the vectors of a text's pieces become one: ``"cls"`` (the first
            piece's, without the pretrained pooler), ``"mean"``, ``"max"``, or
            ``"attention"`` (a mean with learned weights, see `AttentionPooling`). None,
            the default, is ``"cls"``. Taggers read each word's first piece and take
            none.

    Raises:
        InputError: values out of range; pooling for a tagger; a mix of blocks that the
            encoder shares (ALBERT).

    Example:
        >>> from tfreg import build_classifier
        >>> model = build_classifier(
        ...     backbone,
        ...     ("bad", "good"),
        ...     freeze="backbone",
        ...     head=Projection(width=4, layer_mix=True, pooling="mean"),
        ... )
        >>> [v.path for v in model.trainable_variables if "projection" in v.path]
        ['projection/kernel', 'projection/bias']

    Layer mix: Peters et al. (2018), "Deep contextualized word representations",
    equation 1, over blocks, without the embeddings. Orthogonality: Bansal, Chen & Wang
    (2018), "Can We Gain More from Orthogonality Regularizations", equation 1.
    """

    def __init__(
        self,
        width: int = 256,
        activation: str | None = "tanh",
        orthogonality: float = 0.0,
        layer_mix: bool = False,
        pooling: str | None = None,
    ) -> None:
        self.width = check_integer("width", width, low=1)
        self.activation = _check_activation(activation)
        self.orthogonality = check_number("orthogonality", orthogonality, low=0)
        self.layer_mix = check_choice("layer_mix", layer_mix, (True, False))
        self.pooling = check_choice("pooling", pooling, (None, *POOLINGS))

    @property
    def text_pooling(self) -> str:
        """How a text's pieces become one vector."""
        return self.pooling or "cls"

    @property
    def penalty(self) -> Any:
        """The orthogonality, or None."""
        return Orthogonal(self.orthogonality) if self.orthogonality else None

    def projection(self, kernel_regularizer: Any) -> Any:
        return keras.layers.Dense(
            self.width,
            activation=self.activation,
            kernel_regularizer=as_one(
                (*several(self.penalty), *several(kernel_regularizer))
            ),
            dtype="float32",  # as the logits
            name="projection",
        )

    def get_config(self) -> dict[str, Any]:
        names = ("width", "activation", "orthogonality", "layer_mix", "pooling")
        return {name: getattr(self, name) for name in names}


def _check_activation(name: str | None) -> str | None:
    """The name of one of Keras's activations: a function has none to be saved by."""
    try:
        known = name is None or isinstance(name, str) and keras.activations.get(name)
    except ValueError:
        known = False
    if not known:
        raise fail("activation", "the name of a Keras activation, or None", name)
    return name
