"""One process of `test_workers`: Keras's own `fit` on several workers.

Writes what it raised, or that it raised nothing.
"""

from __future__ import annotations

import sys

import keras
import numpy as np
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
with strategy.scope():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
RAISED = "nothing"
try:
    model.fit(np.ones((4, 2)), np.ones((4, 1)), batch_size=2, verbose=0)
except Exception as error:
    RAISED = type(error).__name__
np.savez(sys.argv[2], raised=RAISED)
