"""Batches accumulated are one batch: the same weights, scores, rates and steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS
from tfreg import _compat, load_model
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.objectives import CrossEntropy
from tfreg.optimizers import AdamW, WarmupDecay
from tfreg.regularizers import L2, L2SP

MANY = [["pos"], ["neg", "pos"], [], ["neg"]] * 4
NUMBERS = [0.5, -1.0, 2.0, 0.0] * 4
WEIGHTS = np.linspace(0.1, 3.0, 16)
# 16 rows in batches of 3, four to an update: 12 rows, then the 4 that are left.
BATCH, STEPS = 3, 4


def build(task, batch_size, steps, precision="float32", layers=2, **fields):
    """A model that clips, decays, warms up and is penalised; always the same one."""
    keras.utils.set_random_seed(1)
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    fields = {
        "batch_size": batch_size,
        "gradient_accumulation_steps": steps,
        "precision": precision,
        "tokenizer": tokenizer(),
        "sequence_length": 32,
        "dropout": 0.0,
        "epochs": 2,
        "kernel_regularizer": L2(0.1),
        "backbone_regularizer": L2SP(0.5),
        **fields,
    }
    backbone = tiny(num_layers=layers, dtype=policy)
    if task == "tag":
        return build_tagger(backbone, ("O", "B-X", "I-X"), **fields)
    if task == "regress":
        return build_regressor(backbone, **fields)
    many = task == "multilabel"
    return build_classifier(backbone, ("neg", "pos"), multi_label=many, **fields)


def compiled(*args, eager=True, **fields):
    model = build(*args, **fields)
    # With its usual ε AdamW makes whole steps of a gradient that is rounding alone.
    optimizer = AdamW(WarmupDecay(0.01, 0.4), epsilon=1e-3, global_clipnorm=0.5)
    model.compile(optimizer=optimizer, run_eagerly=eager)
    return model


def state(model):
    """Everything a fit changes, the optimiser's state too, but for random states."""
    weights = {v.path: np.array(v) for v in model.weights if "seed" not in v.path}
    own = {
        f"{i} {v.path}": np.array(v) for i, v in enumerate(model.optimizer.variables)
    }
    return {**weights, **own}


def assert_same(one, other, atol=1e-6):
    one, other = state(one), state(other)
    assert one.keys() == other.keys()
    for path in one:
        np.testing.assert_allclose(one[path], other[path], atol=atol, err_msg=path)


class Rates(keras.callbacks.Callback):
    """Writes down the learning rate after each step."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(float(self.model.optimizer.learning_rate))


DATA = {
    "classify": (TEXTS, NAMES, {"sample_weight": WEIGHTS, "class_weight": {"pos": 3}}),
    "multilabel": (TEXTS, MANY, {"sample_weight": WEIGHTS}),
    "regress": (TEXTS, NUMBERS, {"sample_weight": WEIGHTS}),
    # Sentences of 40 words and of 2: a mean of the batches' means would be far off.
    "tag": (SENTENCES * 2, TAGS * 2, {"class_weight": {"O": 0.25}}),
}


@pytest.mark.parametrize(
    "task, eager",
    [
        ("classify", True),
        pytest.param("multilabel", True, marks=pytest.mark.slow),
        pytest.param("regress", True, marks=pytest.mark.slow),
        pytest.param("tag", True, marks=pytest.mark.slow),
        ("tag", False),
    ],
)
def test_batches_accumulated_are_one_batch(task, eager):
    x, y, weights = DATA[task]
    runs, rates = [], []
    for size, steps in ((BATCH, STEPS), (BATCH * STEPS, 1)):
        model = compiled(task, size, steps, eager=eager)
        rates.append(Rates())
        model.fit(x, y, verbose=0, callbacks=[rates[-1]], **weights)
        runs.append(model)
    accumulated, whole = runs
    assert_same(accumulated, whole)
    assert rates[0].seen == rates[1].seen and len(rates[0].seen) >= 4
    for score, values in whole.history.history.items():
        found = accumulated.history.history[score]
        np.testing.assert_allclose(found, values, atol=1e-6, err_msg=score)
    start = compiled(task, 1, 1)
    moved = [np.abs(np.array(v) - np.array(w)).max() for v, w in
             zip(whole.trainable_variables, start.trainable_variables)]  # fmt: skip
    assert np.median(moved) > 1e-4


def test_what_is_left_of_an_epoch_is_an_update_of_its_own():
    model = compiled("classify", BATCH, STEPS)
    model.fit(TEXTS, NAMES, epochs=3, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 3 * 2
    schedule = model.optimizer.get_config()["learning_rate"]["config"]
    assert (schedule["first_step"], schedule["total_steps"]) == (0, 6)
    model.fit(TEXTS, NAMES, epochs=1, batch_size=8, verbose=0)  # 32 an update: all
    assert int(model.optimizer.iterations.numpy()) == 3 * 2 + 1


def test_a_batch_without_anything_real_still_has_its_penalties():
    x = {name: np.ones((4, 8), "int32") for name in tiny().input}
    x["word_positions"] = np.ones((4, 2), "int32")
    y = np.full((4, 2), -1)
    runs = []
    for steps in (1, 3):
        model = compiled("tag", 4, steps)
        model.backbone.pooled_dense.trainable = False
        for weight in model.trainable_variables:
            weight.assign(weight + 0.1)  # away from the anchors
        before = np.array(model.logits.kernel)
        model.train_on_batch(x, y)
        assert np.abs(np.array(model.logits.kernel) - before).max() > 1e-4
        runs.append(model)
    assert_same(*runs)


@pytest.mark.parametrize("steps", [2, 4, 9])
def test_a_batch_given_to_train_on_batch_is_an_update(steps, ids):
    x, y = ids
    runs = [compiled("classify", 32, steps) for steps in (1, steps)]
    logs = [model.train_on_batch(x, y, return_dict=True) for model in runs]
    assert logs[1] == pytest.approx(logs[0], abs=1e-6)
    assert_same(*runs)


@pytest.mark.parametrize(
    "precision, atol",
    [("bfloat16", 2e-3), pytest.param("float16", 3e-4, marks=pytest.mark.slow)],
)
def test_half_precision(precision, atol):
    runs = [
        compiled("tag", size, steps, precision=precision)
        for size, steps in ((BATCH, STEPS), (BATCH * STEPS, 1))
    ]
    for model in runs:
        model.fit(SENTENCES, TAGS, epochs=1, verbose=0)
    if precision == "float16":
        scaled = runs[0].optimizer
        assert type(scaled).__name__ == "LossScaleOptimizer"
        assert float(scaled.dynamic_scale.numpy()) == 2**15
        assert int(scaled.iterations.numpy()) > 0
    assert_same(*runs, atol=atol)


def test_a_float16_overflow_in_one_part_skips_the_update(ids):
    x, y = ids
    model = compiled("classify", 1, 4, precision="float16")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.dynamic_scale.assign(2.0**100)
    before = state(model)
    model.train_on_batch(x, y)
    for path, value in state(model).items():
        if path.endswith("dynamic_scale"):
            assert value == 2.0**99
        else:
            np.testing.assert_array_equal(value, before[path], err_msg=path)


def test_saved_and_loaded_between_epochs_it_goes_on_as_if_not(tmp_path):
    going = compiled("classify", BATCH, STEPS, epochs=4)
    going.fit(TEXTS, NAMES, epochs=2, verbose=0)
    going.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert loaded.recipe.gradient_accumulation_steps == STEPS
    for model in (going, loaded):
        model.fit(TEXTS, NAMES, epochs=4, initial_epoch=2, verbose=0)
    assert_same(going, loaded, atol=1e-7)


def own_data(task, size):
    if task == "tag":
        columns = (tf.ragged.constant(SENTENCES), tf.ragged.constant(TAGS))
    else:
        columns = (TEXTS, NAMES)
    return tf.data.Dataset.from_tensor_slices(columns).batch(size)


@pytest.mark.parametrize(
    "task", ["classify", pytest.param("tag", marks=pytest.mark.slow)]
)
def test_a_data_set_of_ones_own_is_accumulated_over_its_batches(task):
    runs = []
    for size, steps in ((BATCH, 2), (BATCH * 2, 1)):
        model = compiled(task, 32, steps)
        weight = {"B-X": 2.0} if task == "tag" else {"neg": 0.5}
        model.fit(own_data(task, size), class_weight=weight, verbose=0)
        runs.append(model)
    assert_same(*runs)


def test_arrays_of_ids(ids):
    x, y = ids
    runs = []
    for size, steps in ((1, 3), (3, 1)):
        model = compiled("classify", size, steps, tokenizer=None)
        model.fit(x, y, verbose=0)
        runs.append(model)
    assert int(runs[0].optimizer.iterations.numpy()) == 2 * 2
    assert_same(*runs)


def test_every_part_has_masks_of_its_own(ids):
    x, y = ids
    model = compiled("classify", 1, 4, dropout=0.5)
    drawn = model.head_dropout.seed_generator.state
    before = np.array(drawn)
    model.train_on_batch(x, y)
    assert list(np.array(drawn) - before) == [0, 4]


@pytest.mark.slow
def test_under_xla(ids):
    x, y = ids
    runs = []
    for steps in (1, 3):
        model = build("classify", 4, steps, layers=1)
        model.compile(optimizer=keras.optimizers.SGD(0.1, name="x"), jit_compile=True)
        model.train_on_batch(x, y)
        runs.append(model)
    assert_same(*runs)


@pytest.mark.parametrize("unroll", [False, True])
def test_gradients_in_turn(unroll):
    table = keras.Variable(np.zeros((3, 1), "float32"))
    factor = keras.Variable(2.0)
    unreached = keras.Variable(5.0)

    def part(number):
        rows = tf.gather(table.value, [number, number])  # a sparse gradient
        value = tf.reduce_sum(rows) + factor * tf.cast(number + 1, "float32")
        return value, 10.0 * value

    def step():
        variables = [table, factor, unreached]
        return _compat.gradients_in_turn(part, 3, variables, unroll)

    value, (of_table, of_factor, of_unreached) = tf.function(step)()
    assert float(value) == 2.0 * (1 + 2 + 3)
    np.testing.assert_array_equal(of_table, [[20.0]] * 3)
    assert float(of_factor) == 10.0 * (1 + 2 + 3)
    assert of_unreached is None


def test_the_other_ways_to_accumulate_are_refused(monkeypatch):
    model = build("classify", 8, 2)
    keras_s = keras.optimizers.Adam(gradient_accumulation_steps=2)
    scaled = keras.optimizers.LossScaleOptimizer(keras_s)
    message = r"build_classifier\(preset, ..., gradient_accumulation_steps=...\)"
    for optimizer in (keras_s, scaled):
        with pytest.raises(InputError, match=f"weighs every batch alike.*{message}"):
            model.compile(optimizer=optimizer)
    with pytest.raises(InputError, match=message):
        model.compile(gradient_accumulation_steps=2)
    for loss in ("mse", keras.losses.SparseCategoricalCrossentropy(from_logits=True)):
        with pytest.raises(InputError, match="needs a loss that says over how many"):
            model.compile(loss=loss)
    model.compile(loss=CrossEntropy(0.1))
    build("classify", 8, 1).compile(loss="mse")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="needs Keras's TensorFlow backend.*'jax'"):
        model.compile()
