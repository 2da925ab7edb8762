"""Blocks stand still, bit for bit, until their epoch; and nothing is traced anew."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS, inputs_of
from tfreg._checks import DataWarning, InputError
from tfreg.adapt import LoRA
from tfreg.builders import build_classifier
from tfreg.callbacks import GradualUnfreezing
from tfreg.optimizers import AdamW

FIELDS = {"sequence_length": 16, "batch_size": 8, "learning_rate": 1e-2, "dropout": 0.0}
HEAD = ("logits", "pooled_dense")


def classifier(kind="bert", **fields):
    return build_classifier(tiny(kind), ("neg", "pos"), **{**FIELDS, **fields})


def batch(model):
    random = np.random.default_rng(0)
    x = {
        "token_ids": random.integers(5, 40, (16, 8)).astype("int32"),
        "padding_mask": np.ones((16, 8), "int32"),
        "segment_ids": np.zeros((16, 8), "int32"),
    }
    return inputs_of(model, x), random.integers(0, 2, 16)


def group(path):
    """0 the head, 1 the top block, 2 the one below, 3 the embeddings."""
    if path.startswith(HEAD):
        return 0
    if "layer_" in path.partition("/")[0] and path.partition("/")[0][-1] in "01":
        return 2 - int(path.partition("/")[0][-1])
    return 3


class Watch(keras.callbacks.Callback):
    """Which groups moved in each epoch; and how often the step was traced."""

    def __init__(self, model):
        super().__init__()
        self.moved, self.traces = [], []
        self.step = model.train_step
        model.train_step = self.counted

    def counted(self, *args):
        self.traces.append(len(self.moved))
        return self.step(*args)

    def on_epoch_begin(self, epoch, logs=None):
        self.before = {v.path: v.numpy() for v in self.model.trainable_variables}

    def on_epoch_end(self, epoch, logs=None):
        moved = {
            group(v.path)
            for v in self.model.trainable_variables
            if (v.numpy() != self.before[v.path]).any()
        }
        self.moved.append(moved)


def watched(model, epochs, callbacks=(), **kwargs):
    watch = Watch(model)
    x, y = batch(model)
    model.fit(x, y, epochs=epochs, callbacks=[*callbacks, watch], verbose=0, **kwargs)
    assert set(watch.traces) <= {0}  # traced in the first epoch only
    return watch.moved


@pytest.mark.parametrize("kind", ["bert", "deberta"])
def test_from_the_head_down_an_epoch_each(kind):
    model = classifier(kind, gradual_unfreezing=1)
    moved = watched(model, 4)
    assert moved == [{0}, {0, 1}, {0, 1, 2}, {0, 1, 2, 3}]


def test_two_blocks_an_epoch_and_the_next_fit_begins_again():
    model = classifier(gradual_unfreezing=2)
    assert watched(model, 3) == [{0}, {0, 1, 2}, {0, 1, 2, 3}]
    optimizer = model.optimizer
    factors = [float(v.numpy()) for v in optimizer.variables if "multiplier" in v.path]
    assert factors and set(factors) == {1.0}
    assert watched(model, 1) == [{0}]


def test_a_fit_that_goes_on_goes_on(tmp_path):
    going = classifier(gradual_unfreezing=1)
    x, y = batch(going)
    going.fit(x, y, epochs=2, verbose=0)
    going.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for model in (going, loaded):
        assert watched(model, 4, initial_epoch=2) == [{0, 1, 2}, {0, 1, 2, 3}]
    for one, other in zip(going.weights, loaded.weights):
        np.testing.assert_allclose(one, other, atol=1e-7, err_msg=one.path)


def test_a_fit_that_is_broken_off_leaves_no_rate_of_0():
    class Break(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    model = classifier()
    with pytest.raises(KeyboardInterrupt):
        watched(model, 4, [GradualUnfreezing(), Break()])
    assert watched(model, 1) == [{0, 1, 2, 3}]


def test_too_few_epochs_are_said():
    model = classifier(gradual_unfreezing=1)  # two blocks, and the embeddings
    with pytest.warns(DataWarning, match="the lowest 2 of 3 blocks.* 2 epochs"):
        watched(model, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        watched(model, 4)


def test_what_is_frozen_for_good_does_not_count():
    model = classifier(gradual_unfreezing=1, freeze=1)
    assert watched(model, 3) == [{0}, {0, 1}, {0, 1}]
    lora = classifier(gradual_unfreezing=1, adapter=LoRA(rank=2))
    assert watched(lora, 3) == [{0}, {0, 1}, {0, 1, 2}]


def test_as_a_callback_of_the_user_s_own():
    model = classifier()
    assert watched(model, 2, [GradualUnfreezing()]) == [{0}, {0, 1}]
    other = classifier(gradual_unfreezing=2)
    assert watched(other, 2, [GradualUnfreezing(1)]) == [{0}, {0, 1}]
    late = classifier()
    late.fit(*batch(late), epochs=1, verbose=0)
    with pytest.raises(InputError, match="trained without a rate for .*anew"):
        watched(late, 2, [GradualUnfreezing()])
    late.compile()
    assert watched(late, 2, [GradualUnfreezing()]) == [{0}, {0, 1}]


def test_other_groups_train_as_they_would_alone():
    """While the head trains alone it takes the steps of a frozen encoder's head."""
    one = classifier(gradual_unfreezing=1, global_clipnorm=None)
    other = classifier(freeze="backbone", global_clipnorm=None)
    for mine, theirs in zip(one.weights, other.weights):
        theirs.assign(mine)
    x, y = batch(one)
    pooler = [v.numpy() for v in one.backbone.pooled_dense.weights]
    for model in (one, other):
        model.compile(
            AdamW(
                0.01,
                multipliers={
                    "pooled_dense/*": 0.0,
                    **dict(model.optimizer.multipliers),
                },
            )
        )
        model.fit(x, y, epochs=1, verbose=0, batch_size=16)
    for variable, before in zip(one.backbone.pooled_dense.weights, pooler):
        np.testing.assert_array_equal(variable, before)
    np.testing.assert_allclose(one.logits.kernel, other.logits.kernel, atol=1e-6)


@pytest.mark.parametrize("how", [{"jit_compile": True}, {"steps_per_execution": 2}])
def test_however_it_is_run(how):
    model = classifier(gradual_unfreezing=1)
    model.compile(**how)
    x, y = batch(model)
    watch = Watch(model)
    model.fit(x, y, epochs=2, callbacks=[watch], verbose=0)
    assert watch.moved == [{0}, {0, 1}]


def test_mixed_precision_with_loss_scaling():
    backbone = tiny(dtype="mixed_float16")
    model = build_classifier(
        backbone, ("a", "b"), **FIELDS, precision="float16", gradual_unfreezing=1
    )
    inner = model.default_optimizer()
    model.compile(keras.optimizers.LossScaleOptimizer(inner, 2.0))
    assert watched(model, 2) == [{0}, {0, 1}]


def test_text_and_dev_scores():
    model = build_classifier(
        tiny(), ("neg", "pos"), tokenizer=tokenizer(), **FIELDS, gradual_unfreezing=1
    )
    dev = (TEXTS, NAMES)
    history = model.fit(TEXTS, NAMES, validation_data=dev, epochs=2, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()


def test_what_cannot_be():
    with pytest.raises(InputError, match="`blocks_per_epoch` must be an integer of"):
        GradualUnfreezing(0)
    with pytest.raises(InputError, match="`gradual_unfreezing`: AlbertBackbone shares"):
        classifier("albert", gradual_unfreezing=1)
    albert = classifier("albert")
    with pytest.raises(InputError, match="`gradual_unfreezing`: AlbertBackbone shares"):
        watched(albert, 1, [GradualUnfreezing()])
    model = classifier()
    model.compile(keras.optimizers.SGD(0.1))
    with pytest.raises(InputError, match="needs tfreg.optimizers.AdamW.*with SGD"):
        watched(model, 1, [GradualUnfreezing()])
    model.compile(AdamW(multipliers={"*/query/*": 0.5}))
    with pytest.raises(InputError, match=r"goes by .\*/query/\*., not by its block"):
        watched(model, 1, [GradualUnfreezing()])
