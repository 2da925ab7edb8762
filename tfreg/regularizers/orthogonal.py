"""Soft orthogonality of kernels."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import check_number
from tfreg.functional.matrices import matrix_form, orthogonality


@keras.saving.register_keras_serializable("tfreg")
class Orthogonal(keras.regularizers.Regularizer):
    """Distance of WᵀW from the identity.

    Ω(W) = α·‖WᵀW − I‖_F², on the matrix a kernel is multiplied as (rank 3 kernels of
    attention too), a plain sum, in float32. (Keras's `OrthogonalRegularizer` is another
    thing: the mean absolute cosine between rows or columns, of matrices only.)

    Args:
        alpha: strength, above 0; defaults to 1e-4.

    Raises:
        InputError: a strength that is not above 0.

    Example:
        >>> float(Orthogonal(0.5)(2.0 * keras.ops.eye(2)))
        9.0

    Brock et al. (2017), "Neural Photo Editing with Introspective Adversarial
    Networks", section 3.3, with the square of the distance as in Bansal et al. (2018),
    equation 1.
    """

    def __init__(self, alpha: float = 1e-4) -> None:
        self.alpha = check_number("alpha", alpha, low=0, open_low=True)

    def __call__(self, x: Any) -> Any:
        return self.alpha * orthogonality(matrix_form(x))

    def get_config(self) -> dict[str, float]:
        return {"alpha": self.alpha}
