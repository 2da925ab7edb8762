"""One process of `test_workers`: Keras's own `fit` on several workers.

Writes the name of what it raised, or that it raised nothing.
"""

from __future__ import annotations

import sys

import keras
import numpy as np
import tensorflow as tf


def main(out: str) -> None:
    """Fit, and write what came of it; another error than the known one is shown."""
    with tf.distribute.MultiWorkerMirroredStrategy().scope():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
    raised = "nothing"
    try:
        model.fit(np.ones((4, 2)), np.ones((4, 1)), batch_size=2, verbose=0)
    except ValueError as error:
        raised = type(error).__name__
    np.savez(out, raised=raised)


if __name__ == "__main__":
    main(sys.argv[2])
