"""Objectives in training: compiled, in half precision, in parts, frozen, saved."""

from __future__ import annotations

import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS
from tests.objectives.stepping import (
    assert_same,
    assert_slope_by_differences,
    batch,
    build,
    rewound,
    step,
)
from tfreg import load_model
from tfreg._checks import DataWarning, InputError
from tfreg.builders import build_classifier, build_tagger
from tfreg.objectives import (
    FGM,
    SAM,
    VAT,
    ConfidencePenalty,
    Focal,
    FreeLB,
    Mixup,
    RDrop,
)

VISIBLE = VAT(2.0, epsilon=0.02, step_size=0.03, noise=0.01)
TERMS = [VISIBLE, FGM(0.5), RDrop(0.5), ConfidencePenalty(0.1)]
# Between them they have every objective.
COMBINED = {
    "terms": [Focal(2.0), *TERMS],
    "freelb": [FreeLB(steps=2), RDrop(0.5)],
    "mixup": [Mixup(0.4), FGM(0.5)],
    "sam": [SAM(0.05), ConfidencePenalty(0.1)],
}
SLOW = pytest.mark.slow
DROPOUT = {"dropout": 0.3, "backbone_dropout": 0.1}
combined = functools.partial(pytest.mark.parametrize("name", list(COMBINED)))()


@combined
def test_in_graphs_and_eagerly_it_is_the_same(name):
    task = "tag" if name == "terms" else "classify"
    model = build(task, COMBINED[name], **DROPOUT)
    x, y, w = batch(task)
    found = []
    for graph in (True, False):
        rewound(model)
        found.append(step(model, x, y, w, graph=graph))
    assert_same(model, *found, atol=3e-5)


@pytest.fixture
def draws(monkeypatch):
    """The same noise for all: XLA has another generator."""

    def draw(shape, *_, seed):
        numbers = np.random.default_rng(0).random([int(size) for size in shape])
        return tf.constant(numbers.astype("float32"))

    monkeypatch.setattr(keras.random, "normal", draw)
    monkeypatch.setattr(keras.random, "uniform", draw)


# In those with moves of their own (VAT, FGM, FreeLB, SAM) the move counts as constant.
@pytest.mark.parametrize("task", ["classify", "tag"])
@pytest.mark.parametrize(
    "objective", [Focal(2.0), ConfidencePenalty(0.5), Mixup(0.4)], ids=repr
)
def test_gradients_by_differences(objective, task):
    model = build(task, objective, **DROPOUT)
    assert_slope_by_differences(model, *batch(task))


def objectives_of(task, name):
    """Those of a combination that a task can have."""
    labels = (Focal, ConfidencePenalty)
    return [o for o in COMBINED[name] if task != "regress" or type(o) not in labels]


of_each_task = pytest.mark.parametrize(
    "task", ["classify", *(pytest.param(t, marks=SLOW) for t in ("tag", "regress"))]
)


@SLOW
@pytest.mark.parametrize("name", COMBINED)
@of_each_task
def test_under_xla(task, name, draws):
    x, y, w = batch(task)
    weights = []
    for jit_compile in (False, True):
        model = build(task, objectives_of(task, name), **DROPOUT)
        model.compile(keras.optimizers.SGD(0.01), jit_compile=jit_compile)
        rewound(model)
        loss = model.train_on_batch(x, y, w)[0]
        assert np.isfinite(loss)
        weights.append([np.array(v) for v in model.trainable_variables])
    for variable, one, other in zip(model.trainable_variables, *weights):
        np.testing.assert_allclose(one, other, atol=1e-5, err_msg=variable.path)


@combined
@of_each_task
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(task, name, dtype):
    x, y, w = batch(task)
    model = build(task, objectives_of(task, name), f"mixed_{dtype}", **DROPOUT)
    gentle(model)
    scaled = type(model.optimizer).__name__ == "LossScaleOptimizer"
    assert scaled == (dtype == "float16")
    before = [np.array(v) for v in model.trainable_variables]
    for _ in range(2):
        assert np.isfinite(model.train_on_batch(x, y, w)[0])
    after = [np.array(v) for v in model.trainable_variables]
    moved = [np.abs(one - other).max() for one, other in zip(before, after)]
    assert np.isfinite(moved).all() and max(moved) > 1e-3


@pytest.mark.parametrize("dtype, least", [("float16", 0.999), ("bfloat16", 0.95)])
@pytest.mark.parametrize(
    "objective",
    [FGM(1.0), SAM(0.05), VISIBLE, FreeLB(), Focal(), ConfidencePenalty(0.5), Mixup()],
)
def test_half_precision_is_close_to_float32(objective, dtype, least, draws):
    x, y, w = batch()
    found = []
    for policy in ("float32", f"mixed_{dtype}"):
        model = build("classify", objective, policy)
        gentle(model)
        loss, gradients = step(model, x, y, w)
        found.append((loss, np.concatenate([g.ravel() for g in gradients])))
    (one, a), (other, b) = found
    assert other == pytest.approx(one, rel=0.1 if dtype == "bfloat16" else 0.01)
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > least


def gentle(model):
    """Small steps, and a float16 loss that does not overflow from the start."""
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    model.optimizer.build(model.trainable_variables)
    if hasattr(model.optimizer, "dynamic_scale"):
        model.optimizer.dynamic_scale.assign(64.0)


@pytest.mark.parametrize("objective", [FGM(1.0), FreeLB(), SAM(0.05)])
def test_a_float16_overflow_moves_nothing_and_skips_the_update(objective):
    x, y, w = batch()
    model = build("classify", objective, "mixed_float16")
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    model.optimizer.build(model.trainable_variables)
    model.optimizer.dynamic_scale.assign(2.0**100)
    before = [np.array(v) for v in model.trainable_variables]
    assert np.isfinite(model.train_on_batch(x, y, w)[0])
    for variable, value in zip(model.trainable_variables, before):
        np.testing.assert_array_equal(variable, value)
    assert float(model.optimizer.dynamic_scale.numpy()) == 2.0**99


def words(objective, cache=None, compiled=None, **fields):
    """A tagger on words, with all that a recipe brings."""
    keras.utils.set_random_seed(1)
    fields = {"dropout": 0.0, "sequence_length": 32, "batch_size": 4, **fields}
    model = build_tagger(
        tiny(num_layers=2),
        ("O", "B-X", "I-X"),
        tokenizer=tokenizer(),
        objective=objective,
        **fields,
    )
    model.compile(keras.optimizers.SGD(0.05), **(compiled or {"run_eagerly": True}))
    model.fit(
        SENTENCES,
        TAGS,
        epochs=1,
        verbose=0,
        class_weight={"O": 0.25},
        feature_cache=cache,
    )
    return model


def assert_same_weights(one, other, atol=1e-6):
    ours = {v.path: np.array(v) for v in one.trainable_variables}
    theirs = {v.path: np.array(v) for v in other.trainable_variables}
    assert ours.keys() == theirs.keys()
    for path, value in ours.items():
        np.testing.assert_allclose(value, theirs[path], atol=atol, err_msg=path)


@pytest.mark.parametrize("eager", [pytest.param(True, marks=SLOW), False])
def test_a_batch_in_parts_is_the_batch(eager):
    terms = [Focal(2.0), FGM(0.5, epsilon=0.2), ConfidencePenalty(0.2)]
    compiled = {"run_eagerly": eager}
    parts = words(terms, batch_size=1, gradient_accumulation_steps=4, compiled=compiled)
    whole = words(terms, compiled=compiled)
    assert_same_weights(parts, whole, atol=2e-6)
    assert (
        np.abs(np.array(parts.logits.kernel) - words(None).logits.kernel).max() > 1e-3
    )


@pytest.mark.parametrize("name", ["terms", "freelb", "mixup"])
def test_what_is_random_trains_in_parts_too(name):
    model = words(
        COMBINED[name],
        batch_size=2,
        gradient_accumulation_steps=2,
        compiled={"run_eagerly": False},
        **DROPOUT,
    )
    assert np.isfinite(model.history.history["loss"][0])


@pytest.mark.parametrize("freeze", [1, pytest.param("backbone", marks=SLOW)])
@pytest.mark.parametrize(
    "objective",
    [[SAM(0.05), ConfidencePenalty(0.1)], [Mixup(0.4)], [Focal(1.0), RDrop(1.0)]],
)
def test_on_features_that_are_kept(objective, freeze, tmp_path):
    fields = {"freeze": freeze}
    if any(each.compares_masks for each in objective):
        fields["dropout"] = 0.3
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        kept, whole = (words(objective, cache, **fields) for cache in (tmp_path, False))
    assert len(list(tmp_path.iterdir())) == 1
    assert_same_weights(kept, whole, atol=2e-6)


@pytest.mark.parametrize("objective", [FGM(1.0), FreeLB(), VAT(1.0)])
def test_features_have_no_embeddings_to_move(objective, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        default = words(objective, freeze=1)
    name = type(objective).__name__
    message = f"features are not kept: {name} moves the embeddings, below all features"
    with pytest.warns(DataWarning, match=message):
        asked = words(objective, tmp_path, freeze=1)
    assert_same_weights(default, asked, atol=0)
    moved = [v.path for v in default.trainable_variables]
    assert moved and not any("embedding" in path for path in moved)


@combined
def test_saved_and_loaded(name, tmp_path):
    texts = {"tokenizer": tokenizer(), "sequence_length": 16, "batch_size": 8}
    model = build_classifier(
        tiny(num_layers=1),
        ("neg", "pos"),
        objective=COMBINED[name],
        dropout=0.1,
        **texts,
    )
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert loaded.recipe == model.recipe
    assert loaded.objectives == model.objectives == tuple(COMBINED[name])
    said = [m.predict(TEXTS, verbose=0) for m in (model, loaded)]
    np.testing.assert_array_equal(*said)
    if name == "sam":
        history = loaded.fit(TEXTS, NAMES, epochs=1, verbose=0).history
        assert np.isfinite(history["loss"][0])


@combined
def test_evaluate_val_loss_and_predict_stay_plain(name):
    x, y, w = batch()
    model, plain = (
        build("classify", each, compiled={"run_eagerly": True}, **DROPOUT)
        for each in (COMBINED[name], None)
    )
    expected = plain.evaluate(x, y, sample_weight=w, verbose=0)
    found = model.evaluate(x, y, sample_weight=w, verbose=0)
    assert found == pytest.approx(expected, abs=1e-7)
    np.testing.assert_array_equal(model.predict_on_batch(x), plain.predict_on_batch(x))
    logits = plain(x)
    for each in (model, plain):
        loss = each.compute_loss(x, y, logits, w, training=False)
        assert float(loss) == pytest.approx(expected[0], abs=1e-6)


def test_a_custom_objective():
    import dataclasses

    from tfreg.objectives import Objective
    from tfreg.recipe import Recipe

    @keras.saving.register_keras_serializable("tests")
    @dataclasses.dataclass(frozen=True)
    class SmallLogits(Objective):
        weight: float = 1.0

        def __call__(self, passes):
            squares = keras.ops.mean(keras.ops.square(passes.logits), axis=-1)
            return self.weight * passes.mean(passes.weigh(squares))

    x, y, w = batch()
    model = build("classify", SmallLogits(0.5))
    squares = np.square(np.asarray(model(x))).mean(axis=1)
    expected = step(build(), x, y, w)[0] + 0.5 * (squares * np.asarray(w)).mean()
    assert step(model, x, y, w)[0] == pytest.approx(expected, rel=1e-5)
    again = Recipe.from_json(model.recipe.to_json())
    assert again.objective == SmallLogits(0.5)


def test_what_is_refused_is_refused_by_the_builder():
    with pytest.raises(InputError, match="Focal and Mixup are both the base loss"):
        build_classifier("no preset is read", ("a", "b"), objective=[Focal(), Mixup()])


@pytest.mark.parametrize("head", ["linear", "crf"])
def test_sam_moves_the_transitions_too(head):
    """Against two steps by hand, with all weights really moved."""
    x, y, w = batch("tag")
    plain, sharp = (build("tag", each, head=head) for each in (None, SAM(0.3)))
    weights = plain.trainable_variables
    for variable in plain.trainable_variables + sharp.trainable_variables:
        if "transitions" in variable.path:
            draw = np.random.default_rng(len(variable.shape)).normal(
                size=variable.shape
            )
            variable.assign(draw)
    before = [np.array(v) for v in weights]
    _, gradients = step(plain, x, y, w)
    length = np.sqrt(sum(np.square(g).sum() for g in gradients))
    for variable, start, gradient in zip(weights, before, gradients):
        variable.assign(start + 0.3 * gradient / length)
    assert_same(sharp, step(sharp, x, y, w), step(plain, x, y, w), atol=1e-4)


@pytest.mark.parametrize("objective", [FGM(0.5), FreeLB(steps=2)])
def test_a_crf_head_is_attacked_as_any_other(objective):
    x, y, w = batch("tag")
    crf, plain = (build("tag", objective, head=head) for head in ("crf", "linear"))
    for variable, value in zip(plain.trainable_variables, crf.trainable_variables):
        variable.assign(value)  # the transitions come last
    # Transitions of 0 that forbid nothing are no CRF: the labels are no IOB tags.
    assert step(crf, x, y, w)[0] == pytest.approx(step(plain, x, y, w)[0], rel=1e-5)


@combined
def test_several_masks_of_the_head_are_a_mean_over_them(name):
    """Without dropout every mask is the same, and so is the mean over them."""
    if name == "terms":
        pytest.skip("R-Drop asks for dropout")
    x, y, w = batch("tag")
    objectives = [each for each in COMBINED[name] if not isinstance(each, RDrop)]
    one = build("tag", objectives)
    four = build("tag", objectives, dropout=0.5, multi_sample_dropout=4)
    four.head_dropout.rate = 0.0
    for variable, value in zip(four.trainable_variables, one.trainable_variables):
        variable.assign(value)
    assert_same(four, step(four, x, y, w), step(one, x, y, w), atol=2e-5)
