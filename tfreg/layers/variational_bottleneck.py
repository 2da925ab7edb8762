"""A vector squeezed through a Gaussian, so that little of the text gets past."""

from __future__ import annotations

import threading
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError, check_choice, check_integer, check_number
from tfreg.functional.gaussians import kl_divergence, normal

_LEAST = 1e-6  # keeps the logarithm of a deviation finite


@keras.saving.register_keras_serializable("tfreg")
class VariationalBottleneck(keras.layers.Layer):
    """A sample of a Gaussian about what the input says; at inference its mean.

    Of an input h of width d, with a = relu(W₂·relu(W₁·h)) of widths (3d+K)/4 and
    (d+K)/2: μ = A·a, σ = softplus(B·a) + 10⁻⁶, z = μ + σ·ε with ε~N(0, I) in
    training, z = μ at inference. The training loss gets

    β·c·1/N·Σ_i KL(N(μ_i, diag σ_i²) ‖ N(m, diag s²)),

    summed over the K dimensions, the mean over the N texts, or real words of texts,
    of a batch on all replicas (a tagger's `fit` on texts weighs words alike in all
    batches: see `docs/tagging.md`); sample weights do not enter. c, a weight, is 1;
    `fit` lets it rise from 0 to 1.

    Args:
        dim: K, at least 1; defaults to 128. The paper's are 144 to 384.
        beta: β, at least 0; defaults to 1e-5. The paper's are 1e-6 to 1e-4.
        learn_prior: whether m and s are learned, as in the paper, from 0 and 1 on,
            or stay these (the default).
        kernel_regularizer: a Keras regulariser for its kernels; defaults to None.
        seed: of ε; None draws one.
        **kwargs: as for `keras.layers.Layer`.

    Shapes:
        input: (..., d), floating; output: (..., K), in the layer's dtype.

    Raises:
        InputError: a dimension below 1, or a β below 0.

    Example:
        >>> layer = VariationalBottleneck(dim=4)
        >>> layer(keras.ops.ones((2, 8)), training=True).shape
        TensorShape([2, 4])
        >>> bool(layer.penalty() > 0)
        True

    Mahabadi, Belinkov & Henderson (2021), "Variational Information Bottleneck for
    Effective Low-Resource Fine-Tuning", section 3. Departures: the prior is fixed by
    default, and one sample is drawn where they average the logits of five.
    """

    def __init__(
        self,
        dim: int = 128,
        beta: float = 1e-5,
        learn_prior: bool = False,
        kernel_regularizer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dim = check_integer("dim", dim, low=1)
        self.beta = check_number("beta", beta, low=0)
        self.learn_prior = check_choice("learn_prior", learn_prior, (True, False))
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed
        self.seed_generator = _compat.ReplicaSeeds(seed)
        self._said = threading.local()  # replicas are traced in threads of their own

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        inner = (width + self.dim) // 2
        outer = (width + inner) // 2
        self.outer = self._dense(outer, "outer", width, "relu")
        self.inner = self._dense(inner, "inner", outer, "relu")
        self.mean = self._dense(self.dim, "mean", inner)
        self.deviation = self._dense(self.dim, "deviation", inner)
        self.share = self.add_weight((), "ones", trainable=False, name="share")
        if self.learn_prior:
            self.prior_mean = self.add_weight((self.dim,), "zeros", name="prior_mean")
            one = keras.initializers.Constant(0.5413248546129181)  # softplus gives 1
            self.prior_deviation = self.add_weight(
                (self.dim,), one, name="prior_deviation"
            )

    def _dense(
        self, units: int, name: str, width: int, activation: str | None = None
    ) -> Any:
        layer = keras.layers.Dense(
            units,
            activation=activation,
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build((None, width))
        return layer

    def call(self, inputs: Any, training: bool = False) -> Any:
        hidden = self.inner(self.outer(inputs))
        mean = self.mean(hidden)
        if not training:
            return mean
        deviation = ops.softplus(ops.cast(self.deviation(hidden), "float32")) + _LEAST
        prior: tuple[Any, ...] = ()
        if self.learn_prior:
            prior = (self.prior_mean, ops.softplus(self.prior_deviation) + _LEAST)
        self._said.divergence = kl_divergence(mean, deviation, *prior)
        noise = normal(mean, self.seed_generator.next())
        return ops.cast(
            ops.cast(mean, "float32") + deviation * noise, self.compute_dtype
        )

    def penalty(self, real: Any = None) -> Any:
        """β·c times the mean divergence of the last pass in training, once.

        Args:
            real: which of its positions count, in any shape of as many elements, on
                all replicas together; None counts all.

        Raises:
            InputError: there was no such pass.
        """
        divergence = vars(self._said).pop("divergence", None)
        if divergence is None:
            raise InputError("the bottleneck has a penalty after a training pass only")
        divergence = ops.reshape(divergence, (-1,))
        if real is None:
            real = ops.ones_like(divergence)
        real = ops.reshape(ops.cast(real, "float32"), (-1,))
        count = ops.maximum(_compat.global_sum(ops.sum(real)), 1.0)
        return self.beta * self.share * ops.sum(divergence * real) / count

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "beta": self.beta,
            "learn_prior": self.learn_prior,
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "seed": self.seed,
        }
