"""What all heads have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfreg._checks import InputError, fail

POOLINGS = ("cls", "mean", "max", "attention")


class Head:
    """What stands between an encoder and its logits, as settings of one model.

    Whatever the head, its last layers are dropout and a Dense layer, ``logits``. A
    subclass says what else there is: the model makes these layers when it is built.
    """

    layer_mix = False  # whether it reads the outputs of all blocks, mixed
    scores_paths = False  # whether it predicts a sentence's tags together
    pooling: str | None = None  # what the user said of it

    @property
    def text_pooling(self) -> str | None:
        """How a text's pieces become one vector; None: by the pooler, or as a mean."""
        return self.pooling

    def check(self, task: str, recipe: Any) -> None:
        """Refuse a task or a recipe that this head cannot serve.

        Raises:
            InputError: saying which.
        """
        if task == "tag" and self.pooling is not None:
            raise InputError(
                f"`head`: a tagger reads words one by one, `pooling={self.pooling!r}` "
                "has nothing to act on"
            )

    @property
    def penalty(self) -> Any:
        """A penalty of its own on the projection's kernel, or None."""
        return None

    def projection(self, kernel_regularizer: Any) -> Any:
        """The layer before the dropout, or None."""

    def bottleneck(self, kernel_regularizer: Any, seed: int) -> Any:
        """The layer between the dropout and the logits, or None."""

    def transitions(self, labels: Sequence[str]) -> Any:
        """The layer after the logits of words, or None."""

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Head:
        return cls(**config)


def make_head(head: Any) -> Head:
    """The head of a recipe: an object, or the name of one with its defaults.

    Example:
        >>> type(make_head("crf")).__name__
        'CRF'
    """
    from tfreg.heads import crf, linear, projection

    named = {
        None: linear.Linear,
        "linear": linear.Linear,
        "crf": crf.CRF,
        "projection": projection.Projection,
    }
    if isinstance(head, Head):
        return head
    if head in named:
        return named[head]()
    raise fail("head", "a Head, or 'linear', 'crf' or 'projection'", head)
