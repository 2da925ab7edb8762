"""The spectral norm of kernels as a penalty."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import check_integer, check_number
from tfreg.functional.matrices import matrix_form, spectral_norm_squared


@keras.saving.register_keras_serializable("tfreg")
class Spectral(keras.regularizers.Regularizer):
    """The square of a kernel's largest singular value.

    Ω(W) = α·σ_max(W)², on the matrix a kernel is multiplied as, in float32. σ_max by
    power iteration from the same start each time: never above the true value, and
    near it when the largest singular value stands out.

    Args:
        alpha: strength, above 0; defaults to 0.01. Half the paper's λ.
        iterations: products with W and Wᵀ, at least 1; defaults to 10.

    Raises:
        InputError: a strength that is not above 0, or less than one iteration.

    Example:
        >>> round(float(Spectral(0.5)(keras.ops.diag([3.0, 1.0]))), 4)
        4.5

    Yoshida & Miyato (2017), "Spectral Norm Regularization for Improving the
    Generalizability of Deep Learning", equation 3. Departure: the paper keeps the
    vector between steps and iterates once; ours is the same number in every graph, on
    every replica and after loading.
    """

    def __init__(self, alpha: float = 0.01, iterations: int = 10) -> None:
        self.alpha = check_number("alpha", alpha, low=0, open_low=True)
        self.iterations = check_integer("iterations", iterations, low=1)

    def __call__(self, x: Any) -> Any:
        return self.alpha * spectral_norm_squared(matrix_form(x), self.iterations)

    def get_config(self) -> dict[str, Any]:
        return {"alpha": self.alpha, "iterations": self.iterations}
