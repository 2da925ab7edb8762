from __future__ import annotations

import keras
import numpy as np

from tfreg.callbacks import EpochClock
from tfreg.data.batches import Batches
from tfreg.data.encoded import Encoded


class Watcher(keras.Model):
    """Learns nothing, and remembers the rows of each step."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=(), name="scale")
        self.seen = []

    def call(self, x):
        return self.scale * keras.ops.cast(x["token_ids"][:, :1], "float32")

    def train_step(self, data):
        self.seen.append(data[0]["token_ids"].numpy()[:, 0].tolist())
        return super().train_step(data)


def batches():
    pieces = tuple(np.full(3 + i % 5, i, "int32") for i in range(20))
    numbers = np.arange(20)
    targets = np.zeros(20, "float32")
    return Batches(Encoded(pieces, numbers, numbers, 20, targets=targets), 4, seed=1)


def fitted(**options):
    data, model = batches(), Watcher()
    model.compile("sgd", "mse", run_eagerly=True)
    clock = EpochClock(data)
    model.fit(data.dataset(), callbacks=[clock], verbose=0, shuffle=False, **options)
    return model.seen


def expected(epochs):
    return [rows.tolist() for epoch in epochs for rows in batches().order(epoch)]


def test_each_epoch_has_its_own_order():
    found = fitted(epochs=3)
    assert found == expected(range(3))
    assert found[:5] != found[5:10]


def test_a_resumed_fit_goes_on_where_it_stopped():
    assert fitted(epochs=3, initial_epoch=2) == expected([2])


def test_validation_between_epochs_does_not_disturb_it():
    other = batches()
    assert fitted(epochs=2, validation_data=other.dataset()) == expected(range(2))
