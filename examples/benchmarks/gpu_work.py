"""What the GPU benchmark trains, and how many operations that is.

Standard library only: the driver and both environments import it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A BERT encoder with random weights, and a classifier with two labels on it."""

    layers: int
    hidden: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    labels: int = 2


@dataclass(frozen=True)
class Case:
    """Batches of ids of one size."""

    batch: int
    length: int

    def __str__(self) -> str:
        return f"{self.batch} x {self.length}"


SHAPES = {
    "base": Shape(12, 768, 12, 3072, 30522, 512),
    "tiny": Shape(2, 64, 2, 128, 1000, 64),
}
CASES = {
    "base": [Case(32, 128), Case(128, 128), Case(32, 512)],
    "tiny": [Case(4, 16), Case(8, 32)],
}
PRODUCTS = {
    "base": [
        *((size, size, size) for size in (4096, 8192, 16384)),
        *((16384, 768, 768), (16384, 768, 3072), (16384, 3072, 768)),
    ],
    "tiny": [(128, 128, 128), (256, 64, 128)],
}
"""(m, k, n) of the matrix products whose fastest rate is the ceiling."""


def step_operations(shape: Shape, case: Case) -> int:
    """Floating-point operations of one training step, counted by the model's formula.

    6·N·B·S + 12·L·B·S²·H + 6·B·(H² + H·C): two operations for each multiplication and
    addition, once forward and twice backward. N = L·(4H² + 2HF) are the weights of the
    blocks' matrices; L layers, width H, feed-forward width F, batch B, length S, C
    labels; the second term is attention's two products, the third the pooler and the
    head. Embeddings, norms, dropout and the optimiser are not counted, nor is anything
    that is computed twice.

    >>> step_operations(Shape(1, 2, 1, 3, 9, 9, labels=5), Case(7, 11))
    33852
    """
    width = shape.hidden
    blocks = shape.layers * (4 * width**2 + 2 * width * shape.intermediate)
    attention = 12 * shape.layers * case.batch * case.length**2 * width
    head = 6 * case.batch * (width**2 + width * shape.labels)
    return 6 * blocks * case.batch * case.length + attention + head
