from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.heads import CRF, Linear, Projection
from tfreg.heads.head import make_head
from tfreg.regularizers import L2


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"width": 0}, "`width` must be an integer of at least 1; got 0"),
        ({"width": 2.5}, "`width` must be an integer"),
        (
            {"activation": "tanhh"},
            "`activation` must be the name of a Keras activation",
        ),
        ({"activation": keras.activations.relu}, "`activation` must be the name"),
        ({"orthogonality": -1}, "`orthogonality` must be a number in"),
        ({"layer_mix": "yes"}, "`layer_mix` must be one of True, False"),
        ({"pooling": "sum"}, "`pooling` must be one of None, 'cls', 'mean', 'max'"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises(InputError, match=message):
        Projection(**settings)


def test_round_trip():
    head = Projection(8, None, 0.5, True, "attention")
    assert Projection.from_config(head.get_config()).get_config() == head.get_config()
    assert head.get_config()["activation"] is None


def test_heads_by_name():
    for name, kind in (
        (None, Linear),
        ("linear", Linear),
        ("crf", CRF),
        ("projection", Projection),
    ):
        assert type(make_head(name)) is kind
    head = Projection(3)
    assert make_head(head) is head
    with pytest.raises(InputError, match="`head` must be a Head, or 'linear'"):
        make_head("dense")


def test_its_penalty_and_the_recipe_s_on_one_kernel():
    kernel = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
    orthogonality = 0.5 * np.linalg.norm(kernel.T @ kernel - np.eye(2)) ** 2
    decay = 0.25 * (kernel**2).sum()
    for head, given, expected in (
        (Projection(2, orthogonality=0.5), None, orthogonality),
        (Projection(2, orthogonality=0.5), L2(0.25), orthogonality + decay),
        (Projection(2), L2(0.25), decay),
    ):
        found = head.projection(given).kernel_regularizer
        assert float(found(kernel)) == pytest.approx(expected, rel=1e-5)
    assert Projection(2).projection(None).kernel_regularizer is None
