"""What an objective sees of a training step, and the passes it may make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Passes(Protocol):
    """A batch in a training step, and forward passes of it.

    *Positions* are what a model answers for: texts (batch,), or words (batch, words).
    Each pass is in training mode. Those of `moved` and `loss_at` all run under the same
    dropout masks; those of `again` and `mixed` under masks of their own.
    """

    task: str
    dtype: str  # what the encoder computes in
    logits: Any  # (positions, C), float32: of the pass without any change
    plain: bool  # whether the base loss is that of `logits`
    seed: Any  # a keras.random.SeedGenerator

    @property
    def real(self) -> Any:
        """1 for each position that counts and 0 for the others, float32."""

    @property
    def pieces(self) -> Any:
        """1 for each real piece and 0 for padding, (batch, pieces, 1), float32."""

    @property
    def delta_shape(self) -> tuple[Any, ...]:
        """Of what `moved` takes: (batch, pieces, width)."""

    @property
    def weights(self) -> list[Any]:
        """The values of all weights that train."""

    def losses(self, logits: Any, partner: Any = None) -> Any:
        """The loss of each position, times its weight.

        Args:
            logits: (positions, C).
            partner: a row number for each row, whose targets and weights are taken;
                without it, each row's own.
        """

    def weigh(self, values: Any) -> Any:
        """A number for each position, times the weight of the position."""

    def mean(self, values: Any) -> Any:
        """The sum over the real positions, over their number on all replicas."""

    def loss(self, logits: Any) -> Any:
        """The base loss of some logits: mean(losses(logits))."""

    def difference(self, first: Any, second: Any) -> Any:
        """The weighted mean of KL(p‖q) + KL(q‖p); see `tfreg.functional.divergences`.

        Of softmaxes (classifier, tagger), of the yes and no of each label
        (multi-label), or of normal distributions of variance 1 (regressor).
        """

    def again(self) -> Any:
        """Logits of another pass."""

    def moved(self, delta: Any) -> Any:
        """Logits of a pass in which ``delta`` is added to the embeddings.

        The embeddings are what enters the first block: summed, normalised, dropped
        out. What is added at padding changes nothing.
        """

    def loss_at(self, weights: Sequence[Any]) -> Any:
        """The base loss of a pass at other values of the weights that train."""

    def mixed(self, partner: Any, share: Any) -> Any:
        """Logits of a pass that mixes what the head sees.

        h̃ = share·h + (1 − share)·h[partner], of the vectors before the head's dropout.

        Args:
            partner: a row number for each row.
            share: of each position's own vector, in [0, 1].
        """

    def slopes(
        self, function: Callable[..., Any], *tensors: Any
    ) -> tuple[Any, list[Any]]:
        """A scalar function's value at some tensors, and its gradients there.

        The gradients are float32, up to one common factor above 0 (under float16
        they are those of the scaled loss), of this replica's share alone, and
        themselves constant: nothing is differentiated through them.
        """
