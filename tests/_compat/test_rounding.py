from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tfreg._compat import prediction
from tfreg._compat.rounding import RoundedBatch, round_kernels
from tfreg.adapt import Adapter, BitFit, LoRA
from tfreg.builders import build_classifier, build_tagger
from tfreg.heads import CRF, Bottleneck, Projection

TEXTS = ["the good movie", "bad", "the bad movie the bad movie", "good good"] * 3


def built(build=build_classifier, kind="bert", precision="bfloat16", **settings):
    policy = precision if precision == "float32" else f"mixed_{precision}"
    fixed = {"tokenizer": tokenizer(), "sequence_length": 32, "precision": precision}
    backbone = tiny(kind, dtype=policy)
    model = build(backbone, ("O", "B-X", "I-X"), **fixed, **settings)
    return model, [t.split() for t in TEXTS] if build is build_tagger else TEXTS


def in_each_batch(monkeypatch):
    """From here on kernels are rounded by the layers, in each batch."""
    monkeypatch.setattr(prediction, "round_kernels", lambda model: [])


def same(found, expected):
    return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def rounds_of(function):
    """The shapes of the weights that a traced function casts."""
    return Counter(
        tuple(op.inputs[0].shape)
        for op in function.graph.get_operations()
        if op.type == "Cast" and op.inputs[0].op.type == "ReadVariableOp"
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"precision": "float16"},
        {"kind": "roberta"},
        {"head": Projection(4, layer_mix=True)},
        {"build": build_tagger},
        {"build": build_tagger, "head": CRF()},
        {"adapter": LoRA(2)},
        {"adapter": Adapter(4)},
        {"adapter": BitFit()},
        {"freeze": 1},
        {"head": Bottleneck(4)},
        {"dropconnect": 0.1},
        {"mixout": 0.1},
    ],
)
def test_answers_do_not_change(settings, monkeypatch):
    """Rounded once or in each batch, to the last bit."""
    model, texts = built(**settings)
    assert round_kernels(model)
    found = model.predict(texts, verbose=0)
    in_each_batch(monkeypatch)
    assert same(found, model.predict(texts, verbose=0))


def test_no_kernel_is_rounded_in_a_batch():
    model, _ = built()
    kernels = round_kernels(model)
    ids = {name: np.ones((2, 5), "int32") for name in model.input}
    model.make_predict_function()
    once, each = (
        rounds_of(model.predict_function.get_concrete_function([batch]))
        for batch in (RoundedBatch(ids, kernels), (ids,))
    )
    assert each - once == Counter(tuple(kernel.shape) for kernel in kernels)
    assert not once - each
    assert {kernel.dtype for kernel in kernels} == {tf.bfloat16}


def test_new_weights_are_rounded_anew(monkeypatch):
    model, texts = built()
    before = model.predict(texts, verbose=0)
    kernel = model.backbone.transformer_layers[0]._feedforward_output_dense.kernel
    kernel.assign(kernel + 1.0)
    found = model.predict(texts, verbose=0)
    assert not same(found, before)
    in_each_batch(monkeypatch)
    assert same(found, model.predict(texts, verbose=0))


def test_float32_is_not_rounded():
    assert not round_kernels(built(precision="float32")[0])


@pytest.mark.parametrize("how", [{"run_eagerly": True}, {"jit_compile": True}])
def test_left_to_the_layers(how, monkeypatch):
    """Eagerly, and where XLA fuses it."""

    def refuse(model):
        raise AssertionError

    model, texts = built()
    found = model.predict(texts, verbose=0)
    model.compile(**how)
    monkeypatch.setattr(prediction, "round_kernels", refuse)
    np.testing.assert_allclose(model.predict(texts, verbose=0), found, atol=0.02)
