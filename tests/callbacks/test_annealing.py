from __future__ import annotations

import keras
import numpy as np

from tfreg.callbacks import Annealing


class Watcher(keras.Model):
    """Adds up a share of its training step, and how often that was traced."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=(), name="scale")
        self.share = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="share"
        )
        self.seen = self.add_weight(shape=(12,), trainable=False, initializer="zeros")
        self.traced = 0

    def call(self, x):
        return self.scale * x

    def train_step(self, data):
        self.traced += 1
        place = keras.ops.one_hot(self.optimizer.iterations, 12)
        self.seen.assign_add(place * self.share)
        return super().train_step(data)


def fitted(**fit):
    model = Watcher()
    model.compile("sgd", "mse", jit_compile=False)
    x = np.ones((16, 1), "float32")
    annealing = Annealing(model.share, 4, 3)
    model.fit(x, x, batch_size=4, epochs=3, verbose=0, callbacks=[annealing], **fit)
    return model


def test_it_rises_with_every_step_and_nothing_is_traced_again():
    model = fitted()
    np.testing.assert_allclose(model.seen, np.arange(1, 13) / 12, rtol=1e-6)
    assert model.traced <= 2 and float(model.share) == 1.0


def test_a_resumed_fit_goes_on_where_it_stopped():
    expected = [9 / 12, 10 / 12, 11 / 12, 1.0] + [0.0] * 8
    np.testing.assert_allclose(fitted(initial_epoch=2).seen, expected, rtol=1e-6)
