"""Rates by depth, decay to the anchor and averages, in whole fits."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS
from tests.models.devices import run_on
from tests.models.optimizing_on_devices import fitted
from tfreg import load_model
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_tagger
from tfreg.optimizers import AdamW, ChildTuning, WarmupDecay
from tfreg.regularizers import L2SP, ProximalL1

LAYERS = ("token_embedding", "transformer_layer_0", "transformer_layer_1", "logits")


def build(kind="bert", layers=2, eager=True, **fields):
    """A model without dropout, always the same one; eager, which is soon begun."""
    keras.utils.set_random_seed(1)
    fields = {
        "tokenizer": tokenizer(),
        "sequence_length": 32,
        "batch_size": 4,
        "dropout": 0.0,
        "epochs": 3,
        "learning_rate": 1e-2,
        **fields,
    }
    precision = fields.get("precision", "float32")
    policy = precision if precision == "float32" else f"mixed_{precision}"
    backbone = tiny(kind, num_layers=layers, dtype=policy)
    model = build_classifier(backbone, ("neg", "pos"), **fields)
    model.run_eagerly = eager
    return model


def weights(model):
    return {v.path: np.array(v) for v in model.weights if "seed" not in v.path}


def state(model):
    own = {
        f"{i} {v.path}": np.array(v) for i, v in enumerate(model.optimizer.variables)
    }
    return {**weights(model), **own}


def assert_same(one, other, atol=0.0):
    one, other = state(one), state(other)
    assert one.keys() == other.keys()
    for path in one:
        np.testing.assert_allclose(one[path], other[path], atol=atol, err_msg=path)


class Seen(keras.callbacks.Callback):
    """Writes down weights, and the rate, after each step."""

    def on_train_begin(self, logs=None):
        self.weights, self.rates = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(weights(self.model))
        self.rates.append(float(self.model.optimizer.learning_rate))


# --- Rates by depth -----------------------------------------------------------------


def first_step(**fields):
    """How far each layer goes in Adam's first step, which is the rate itself."""
    steps = fields.pop("steps", 1)
    model = build(
        **{"schedule": "constant", "warmup": 0, "weight_decay": 0.0, **fields}
    )
    before = weights(model)
    x = {name: np.full((4, 8), 7, "int32") for name in model.input}
    x["padding_mask"], x["segment_ids"] = np.ones((4, 8), "int32"), x["token_ids"] * 0
    for _ in range(steps):
        model.train_on_batch(x, np.array([0, 1, 1, 1]))
    return {
        layer: max(
            np.abs(value - before[path]).max()
            for path, value in weights(model).items()
            if path.startswith(layer)
        )
        for layer in LAYERS
    }


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"gradient_accumulation_steps": 2},
        {"precision": "float16"},
        {"precision": "bfloat16"},
    ],
)
def test_each_layer_goes_its_share_of_the_way(fields):
    found = first_step(layer_decay=0.5, **fields)
    expected = dict(zip(LAYERS, (0.00125, 0.0025, 0.005, 0.01)))
    assert found == pytest.approx(expected, rel=1e-3)


def test_decay_has_the_same_share():
    model = build(layer_decay=0.5, weight_decay=0.5)
    path = "transformer_layer_0/self_attention_layer/query/kernel"
    (kernel,) = (v for v in model.trainable_variables if v.path == path)
    model.optimizer.build(model.trainable_variables)
    before = np.array(kernel)
    zeros = [keras.ops.zeros(v.shape) for v in model.trainable_variables]
    model.optimizer.apply(zeros, model.trainable_variables)
    # Until a fit begins the schedule stands at its peak.
    expected = before * (1 - 0.01 * 0.25 * 0.5)
    np.testing.assert_allclose(kernel, expected, rtol=1e-6)


def test_off_is_plain():
    runs = []
    for fields in ({}, {"layer_decay": 1.0, "anchor_decay": 0.0, "ema": None}):
        model = build(**fields, epochs=1, layers=1, batch_size=8)
        model.fit(TEXTS, NAMES, verbose=0)
        runs.append(model)
    assert_same(*runs)
    # Iterations and two moments a weight: nothing else is kept.
    count = 1 + 2 * len(runs[0].trainable_variables)
    assert len(runs[0].optimizer.variables) == count


def test_rates_follow_the_schedule_and_callbacks():
    """The ratio of two layers' steps is that of their factors, whatever the rate."""
    path, kernel = "transformer_layer_1/feedforward_output_dense/bias", "logits/bias"
    for rate, callbacks in (
        (WarmupDecay(1e-3, 0.5, "linear"), []),
        (1e-3, [keras.callbacks.LearningRateScheduler(lambda e: 1e-3 * 0.1**e)]),
    ):
        model = build(layer_decay=0.5, epochs=2, batch_size=8)
        multipliers = model.optimizer.get_config()["multipliers"]
        # With β = 0 a step is the sign of the gradient: rate·factor long.
        model.compile(
            AdamW(
                rate, 0.0, beta_1=0.0, beta_2=0.0, epsilon=0, multipliers=multipliers
            ),
            run_eagerly=True,
        )
        seen = Seen()
        start = weights(model)
        model.fit(TEXTS, NAMES, verbose=0, callbacks=[*callbacks, seen])
        steps = [start, *seen.weights]
        lengths = {
            p: [np.abs(b[p] - a[p]).max() for a, b in zip(steps, steps[1:])]
            for p in (path, kernel)
        }
        assert len(set(np.round(lengths[kernel], 7))) > 1  # the rate did change
        np.testing.assert_allclose(
            lengths[path], 0.5 * np.array(lengths[kernel]), rtol=0.05, atol=1e-7
        )


def test_callbacks_set_a_constant_rate_and_no_other():
    path, kernel = "transformer_layer_1/feedforward_output_dense/bias", "logits/bias"
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-3 * 0.1**epoch)
    constant = {"schedule": "constant", "warmup": 0, "weight_decay": 0.0}
    model = build(layer_decay=0.5, epochs=2, batch_size=8, **constant)
    seen = Seen()
    start = weights(model)
    model.fit(TEXTS, NAMES, verbose=0, callbacks=[scheduler, seen])
    steps = [start, *seen.weights]
    first, last = (
        {p: np.abs(b[p] - a[p]).max() for p in (path, kernel)}
        for a, b in ((steps[0], steps[1]), (steps[-2], steps[-1]))
    )
    # Adam's first step is the rate times the layer's share; later ones at most about.
    assert first[kernel] == pytest.approx(1e-3, rel=1e-3)
    assert first[path] == pytest.approx(0.5e-3, rel=1e-2)
    assert 0 < last[kernel] < 2e-4
    for callback in (scheduler, keras.callbacks.ReduceLROnPlateau()):
        with pytest.raises(InputError, match="WarmupDecay.*`schedule='constant'` and"):
            build().fit(TEXTS, NAMES, verbose=0, callbacks=[callback])


@pytest.mark.parametrize(
    "fields",
    [
        {"global_clipnorm": 0.5},
        {"layer_decay": 0.5},
        {"anchor_decay": 0.1},
        {"child_tuning": ChildTuning(0.3)},
        {"ema": 0.9},
        {"swa": 0.5},
    ],
)
def test_an_optimiser_that_does_not_what_the_recipe_says_is_refused(fields):
    model = build(**fields)
    (name,) = fields
    scaled = keras.optimizers.LossScaleOptimizer(AdamW())
    for optimizer in (keras.optimizers.Adam(), AdamW(), scaled):
        model.compile(optimizer)
        with pytest.raises(InputError, match=f"`fit`: the recipe has `{name}`="):
            model.fit(TEXTS, NAMES, verbose=0)
    model.compile(model.default_optimizer(), run_eagerly=True)
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)


def test_an_optimiser_without_decay_is_refused_where_the_recipe_has_its_own():
    model = build(weight_decay=0.1)
    model.compile(keras.optimizers.Adam())
    with pytest.raises(InputError, match="`fit`: the recipe has `weight_decay`=0.1"):
        model.fit(TEXTS, NAMES, verbose=0)
    for fields in ({}, {"weight_decay": 0.0, "global_clipnorm": None}):
        plain = build(**fields)
        plain.compile(keras.optimizers.Adam())
        plain.fit(TEXTS, NAMES, epochs=1, verbose=0)


@pytest.mark.parametrize(
    "given", [{"multipliers": {"classifier/*": 10.0}}, {"no_decay": ["LayerNorm"]}]
)
def test_patterns_of_an_optimiser_that_match_nothing_are_refused(given):
    (name,) = given
    (pattern,) = map(re.escape, given[name])
    model = build()
    message = f"no weight matches '{pattern}' of its `{name}`"
    with pytest.raises(InputError, match=message):
        model.compile(AdamW(**given))
    model.compile(AdamW(multipliers={"logits/*": 10.0}, no_decay=["*/embeddings"]))


def test_amsgrad_with_a_proximal_penalty_is_refused():
    model = build(kernel_regularizer=ProximalL1(0.1))
    with pytest.raises(InputError, match="which `amsgrad` replaces; leave it out"):
        model.compile(AdamW(amsgrad=True))


def test_rates_by_depth_of_blocks_that_are_frozen_are_nobody_s_task():
    model = build(layer_decay=0.5, freeze=2)
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)


def test_stopped_saved_and_loaded_it_goes_on_as_if_not(tmp_path):
    fields = {"layer_decay": 0.7, "anchor_decay": 0.5, "ema": 0.9, "layers": 1}
    fields.update(schedule="constant", warmup=0, batch_size=8)
    going = build(**fields)
    going.fit(TEXTS, NAMES, epochs=1, verbose=0)
    going.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    loaded.run_eagerly = True
    assert loaded.recipe.to_json() == going.recipe.to_json()
    assert_same(going, loaded)
    loaded.fit(TEXTS, NAMES, epochs=3, initial_epoch=1, verbose=0)
    whole = build(**fields)
    whole.fit(TEXTS, NAMES, epochs=3, verbose=0)
    assert_same(whole, loaded, atol=1e-6)


def test_shared_blocks_and_a_frozen_encoder_are_refused():
    with pytest.raises(InputError, match="`layer_decay`: AlbertBackbone has no blocks"):
        build("albert", layer_decay=0.9, tokenizer=None)
    for field, value in (("layer_decay", 0.9), ("anchor_decay", 0.1)):
        with pytest.raises(InputError, match=f"`{field}` has nothing to act on"):
            build(freeze="backbone", **{field: value})


# --- Decay to the anchor ------------------------------------------------------------


def test_anchored_kernels_go_back_to_where_they_were():
    model = build(anchor_decay=5.0, weight_decay=0.3)
    start = weights(model)
    kernels = [v for v in model.backbone.trainable_variables if "/kernel" in v.path]
    for variable in model.trainable_variables:
        variable.assign(variable + 1.0)
    away = weights(model)
    zeros = [keras.ops.zeros(v.shape) for v in model.trainable_variables]
    model.optimizer.apply(zeros, model.trainable_variables)
    pulled = {v.path for v in kernels}
    for variable in model.trainable_variables:
        path, now = variable.path, np.array(variable)
        if path in pulled:  # to 0.95 of the way, η·α being 0.05
            expected = start[path] + 0.95 * (away[path] - start[path])
        elif path.split("/")[-1] in ("bias", "gamma", "beta"):
            expected = away[path]
        else:
            expected = away[path] * (1 - 0.01 * 0.3)
        np.testing.assert_allclose(now, expected, rtol=1e-5, err_msg=path)
    # The pooler is one; the head has no pretrained value.
    assert "pooled_dense/kernel" in pulled and len(kernels) == 13


def test_the_stronger_the_pull_the_closer_to_the_start():
    moved = []
    for alpha in (0.0, 30.0):
        model = build(anchor_decay=alpha, precision="float16", layers=1, batch_size=8)
        start = weights(model)
        model.fit(TEXTS, NAMES, verbose=0)
        moved.append(
            sum(
                np.square(np.array(v) - start[v.path]).sum()
                for v in model.backbone.trainable_variables
                if v.path.endswith("/kernel")
            )
        )
    assert np.isfinite(moved).all() and 0 < moved[1] < 0.7 * moved[0]


def test_anchors_are_saved_and_a_new_model_has_its_own(tmp_path):
    model = build(anchor_decay=1.0, epochs=1, batch_size=8)
    start = weights(model)
    model.fit(TEXTS, NAMES, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    path = "transformer_layer_0/self_attention_layer/query/kernel"
    np.testing.assert_array_equal(loaded.anchors[path], start[path])
    assert np.abs(weights(loaded)[path] - start[path]).max() > 1e-4
    keras.utils.set_random_seed(1)
    new = build_classifier(
        tmp_path / "model.keras", ("a", "b"), sequence_length=32, anchor_decay=1.0
    )
    np.testing.assert_array_equal(new.anchors[path], weights(loaded)[path])


def test_with_the_penalty_one_anchor_serves_both():
    model = build(anchor_decay=1.0, backbone_regularizer=L2SP(0.1))
    assert len(model.anchors) == len(model.anchors.weights) == 13
    model.fit(TEXTS[:4], NAMES[:4], epochs=1, verbose=0)


def test_an_optimiser_without_anchors_is_refused(monkeypatch):
    with pytest.raises(InputError, match="build_classifier.*anchor_decay=..."):
        build().compile(AdamW(anchor_decay=0.1))
    # The penalty's anchors are there, but were not asked for by the recipe.
    with pytest.raises(InputError, match="holds no anchors for `anchor_decay`"):
        build(backbone_regularizer=L2SP(0.1)).compile(AdamW(anchor_decay=0.1))
    model = build(anchor_decay=0.1)
    model.compile(AdamW(anchor_decay=0.2))
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="needs Keras's TensorFlow backend"):
        model.compile(AdamW(anchor_decay=0.2))


# --- Averages -----------------------------------------------------------------------


def mean_of(seen, share=None, momentum=None):
    last = seen if share is None else seen[-round(share * len(seen)) :]
    weigh = [1.0 if momentum is None else momentum**age for age in range(len(last))]
    return {
        path: sum(m * w[path].astype("float64") for m, w in zip(weigh[::-1], last))
        / sum(weigh)
        for path in seen[0]
    }


@pytest.mark.parametrize(
    "field, value, precision",
    [("ema", 0.8, "float16"), ("swa", 0.5, "bfloat16"), ("swa", 1.0, "float32")],
)
def test_the_fitted_model_is_the_mean(field, value, precision, tmp_path):
    eager = field == "ema" or value < 1
    model = build(**{field: value}, precision=precision, layers=1, eager=eager)
    seen = Seen()
    model.fit(TEXTS, NAMES, callbacks=[seen], verbose=0)
    momentum, share = (value, None) if field == "ema" else (None, value)
    expected = mean_of(seen.weights, share, momentum)
    for variable in model.trainable_variables:
        np.testing.assert_allclose(
            variable, expected[variable.path], rtol=1e-4, atol=1e-6
        )
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert_same(model, loaded)


def test_the_best_epoch_s_mean_is_restored():
    """With dev labels that are wrong, the first epoch is the best."""
    wrong = ["neg" if name == "pos" else "pos" for name in NAMES]
    model = build(ema=0.5, patience=9, learning_rate=1e-3, layers=1)
    model.monitor = ("loss", "min")
    model.score_names.add("loss")
    seen = Seen()
    history = model.fit(
        TEXTS, NAMES, validation_data=(TEXTS, wrong), callbacks=[seen], verbose=0
    ).history
    best = int(np.argmin(history["val_loss"]))
    assert best == 0
    expected = mean_of(seen.weights[:4], momentum=0.5)
    for variable in model.trainable_variables:
        np.testing.assert_allclose(
            variable, expected[variable.path], rtol=1e-4, atol=1e-6
        )
    found = model.evaluate(TEXTS, wrong, verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(history["val_loss"][best], abs=1e-5)


def test_several_steps_in_a_call():
    runs = []
    for steps in (1, 3):
        fields = {"ema": 0.8, "layer_decay": 0.5, "steps_per_execution": steps}
        model = build(epochs=2, layers=1, eager=False, **fields)
        model.fit(TEXTS, NAMES, verbose=0)
        runs.append(model)
    assert_same(*runs, atol=1e-6)


def test_under_xla():
    x = {name: np.full((4, 8), 7, "int32") for name in build().input}
    x["padding_mask"], x["segment_ids"] = np.ones((4, 8), "int32"), x["token_ids"] * 0
    fields = {"layer_decay": 0.5, "anchor_decay": 1.0, "ema": 0.5, "layers": 1}
    runs = []
    for jit_compile in (False, True):
        model = build(**fields)
        model.compile(jit_compile=jit_compile, run_eagerly=not jit_compile)
        for _ in range(3):
            model.train_on_batch(x, np.array([0, 1, 1, 1]))
        runs.append(model)
    # Adam divides gradients of rounding size by themselves.
    for (path, one), other in zip(weights(runs[0]).items(), weights(runs[1]).values()):
        assert np.median(np.abs(one - other)) < 1e-5, path


def test_keras_s_average_is_refused():
    for optimizer in (
        AdamW(use_ema=True),
        keras.optimizers.SGD(0.1, use_ema=True),
        keras.optimizers.LossScaleOptimizer(AdamW(use_ema=True)),
    ):
        with pytest.raises(
            InputError, match=r"build_classifier\(preset, ..., ema=...\)"
        ):
            build().compile(optimizer)


def test_an_optimiser_of_ones_own_averages_too():
    model = build(epochs=1, layers=1)
    model.compile(AdamW(1e-2, ema=0.9), run_eagerly=True)
    seen = Seen()
    model.fit(TEXTS, NAMES, callbacks=[seen], verbose=0)
    expected = mean_of(seen.weights, momentum=0.9)["logits/kernel"]
    np.testing.assert_allclose(model.logits.kernel, expected, rtol=1e-4, atol=1e-6)


def test_taggers_and_slanted_rates():
    keras.utils.set_random_seed(1)
    model = build_tagger(
        tiny(num_layers=1),
        ("O", "B-X", "I-X"),
        tokenizer=tokenizer(),
        sequence_length=32,
        batch_size=5,
        epochs=2,
        learning_rate=0.32,
        schedule="slanted",
        warmup=0.25,
        layer_decay=1e-3,
        swa=1.0,
    )
    model.run_eagerly = True
    seen = Seen()
    model.fit(SENTENCES, TAGS, callbacks=[seen], verbose=0)
    # Ten rows (windows), four steps; after a step the rate is that of the next one.
    assert seen.rates == pytest.approx(
        [0.32, 0.01 + 0.31 * 2 / 3, 0.01 + 0.31 / 3, 0.01]
    )
    expected = mean_of(seen.weights)["logits/kernel"]
    np.testing.assert_allclose(model.logits.kernel, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow  # in CI two devices are in test_two_devices*.py
def test_two_devices_equal_one(tmp_path):
    one, two = fitted(None), run_on(2, "optimizing_on_devices", tmp_path)
    assert set(one) == set(two) and len(one) > 35
    for path in one:
        np.testing.assert_allclose(one[path], two[path], atol=1e-6, err_msg=path)
