"""A head that reads its texts through a variational bottleneck."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import check_choice, check_integer, check_number
from tfreg.heads.head import Head
from tfreg.layers import VariationalBottleneck


@keras.saving.register_keras_serializable("tfreg")
class Bottleneck(Head):
    """The recipe's ``head`` for the variational information bottleneck.

    Dropout, then a `tfreg.layers.VariationalBottleneck`, then the last layer: in
    training logits of a sample z = μ(h) + σ(h)·ε, at inference those of its mean. The
    training loss gets β·c·KL(N(μ, diag σ²) ‖ N(0, I)), summed over the dimensions, the
    mean over texts (over real words for a tagger). c is the share of the fit that is
    done, in steps: β is annealed, from 0 in the beginning to its full size in the end.

    Args:
        dim: dimensions of z, at least 1; defaults to 128. The paper's are 144 to 384.
        beta: β, at least 0; defaults to 1e-5. The paper's are 1e-6 to 1e-4.
        learn_prior: whether mean and deviation of the prior are learned, as in the
            paper; defaults to False.

    Raises:
        InputError: a dimension below 1, or a β below 0.

    Example:
        >>> from tfreg import build_classifier
        >>> head = Bottleneck(dim=4, beta=1e-5)
        >>> build_classifier(backbone, ("bad", "good"), head=head).bottleneck.dim
        4

    Mahabadi, Belinkov & Henderson (2021), "Variational Information Bottleneck for
    Effective Low-Resource Fine-Tuning", section 3. Departures: theirs is annealed by
    epochs, min(1, epoch·β), without an end; their prior is always learned; they average
    the logits of five samples (``multi_sample_dropout=5`` has five, each of a dropout
    mask of its own, and averages their losses).
    """

    def __init__(
        self, dim: int = 128, beta: float = 1e-5, learn_prior: bool = False
    ) -> None:
        self.dim = check_integer("dim", dim, low=1)
        self.beta = check_number("beta", beta, low=0)
        self.learn_prior = check_choice("learn_prior", learn_prior, (True, False))

    def bottleneck(self, kernel_regularizer: Any, seed: int) -> VariationalBottleneck:
        """The layer of a new model, in float32."""
        return VariationalBottleneck(
            **self.get_config(),
            kernel_regularizer=kernel_regularizer,
            seed=seed,
            dtype="float32",
            name="bottleneck",
        )

    def get_config(self) -> dict[str, Any]:
        return {"dim": self.dim, "beta": self.beta, "learn_prior": self.learn_prior}
