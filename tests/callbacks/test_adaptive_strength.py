"""A strength's slope is what the held-out loss does when the strength is another."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.adapting import FIELDS, STILL, adapted, build, ids
from tests.backbones import tiny, tokenizer
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.callbacks import AdaptiveStrength
from tfreg.data.examples import Examples
from tfreg.optimizers import AdamW
from tfreg.regularizers import L2, L2SP, FisherL2SP, GroupLasso, ProximalL1

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05),
    "adam": lambda: keras.optimizers.Adam(2e-3, epsilon=1e-4),
    "ours": lambda: AdamW(2e-3, weight_decay=0.1, epsilon=1e-4),
}


def held_loss_after(state, make, fields):
    """The held-out loss after one more step from a state, by plain Keras means."""
    model = build(make(), **fields)
    model.optimizer.build(model.trainable_variables)
    for own, value in zip([*model.weights, *model.optimizer.variables], state):
        own.assign(value)
    x, y = ids(model, 8, 0)
    model.train_on_batch(x, y)
    x, y = ids(model, 6, 9)
    logits = np.asarray(model(x), "float64")
    logits -= logits.max(1, keepdims=True)
    chosen = logits[np.arange(len(y)), y] - np.log(np.exp(logits).sum(1))
    return -chosen.mean()


@pytest.mark.parametrize(
    "name",
    [*(pytest.param(name, marks=pytest.mark.slow) for name in ("sgd", "adam")), "ours"],
)
def test_slopes_are_finite_differences_through_a_step(name):
    """Of the backbone's L2-SP and the head's L2, in the fourth step of a fit.

    Built anew with other numbers in its recipe: no live strength is involved.
    """
    make = OPTIMIZERS[name]

    def fields(l2sp=0.0, l2=0.0):
        return {
            "backbone_regularizer": L2SP(2.0 * np.exp(l2sp)),
            "kernel_regularizer": L2(0.5 * np.exp(l2)),
        }

    before = build(make(), **fields())
    for _ in range(3):
        before.train_on_batch(*ids(before, 8, 0))
    state = [np.array(v) for v in [*before.weights, *before.optimizer.variables]]
    found = build(make(), **fields())
    adaptive, _ = adapted(found, epochs=4, learning_rate=STILL)
    h = 0.05
    for strength in ("l2sp", "l2"):
        more, less = (
            held_loss_after(state, make, fields(**{strength: sign * h}))
            for sign in (1.0, -1.0)
        )
        expected = (more - less) / (2 * h)
        assert abs(expected) > 1e-6  # far above rounding
        assert adaptive.slopes[strength] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("fields", [{}, {"gradient_accumulation_steps": 2}])
def test_the_first_step_of_sgd_by_hand(fields):
    """−λ·η·⟨∇L_held(w'), 2(w − 0)⟩ for the head's L2; and Adam's first step down."""
    if fields:
        fields = {**fields, "batch_size": 4}
    model = build(keras.optimizers.SGD(0.05), kernel_regularizer=L2(0.5), **fields)
    start = np.array(model.logits.kernel)
    x, y = ids(model, 4, 9)
    adaptive, history = adapted(model, held_out=(x, y))
    features = np.asarray(keras.Model(model.input, model.features)(x), "float64")
    logits = features @ np.array(model.logits.kernel) + np.array(model.logits.bias)
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gradient = features.T @ (share - np.eye(2)[y]) / len(y)
    expected = -0.5 * 0.05 * (gradient * 2 * start).sum()
    assert adaptive.slopes == {"l2": pytest.approx(expected, rel=1e-3)}
    moved = 0.5 * np.exp(-0.1 * np.sign(expected))
    assert history["strength/l2"] == [pytest.approx(moved, rel=1e-5)]


def test_strengths_act_live_and_nothing_is_traced_again():
    model = build(keras.optimizers.SGD(0.05), kernel_regularizer=L2(0.5))
    traces, step = [], model.train_step
    model.train_step = lambda *data: (traces.append(1), step(*data))[1]
    adapted(model, epochs=3)
    assert len(traces) == 1
    learned = float(model.strengths.learned("l2")()) * 0.5
    assert abs(np.log(learned / 0.5)) > 0.05
    plain = build(keras.optimizers.SGD(0.05), kernel_regularizer=L2(learned))
    for own, other in zip(plain.trainable_variables, model.trainable_variables):
        own.assign(other)
    for one in (model, plain):
        one.fit(*ids(one, 8, 3), epochs=1, verbose=0)
    assert len(traces) == 1  # the next fit goes on with the same step
    for own, other in zip(plain.trainable_variables, model.trainable_variables):
        np.testing.assert_allclose(own, other, atol=1e-6, err_msg=own.path)


def test_a_model_that_was_trained_before_learns_too():
    model = build(keras.optimizers.SGD(0.05), kernel_regularizer=L2(0.5))
    model.fit(*ids(model, 8, 0), epochs=1, verbose=0)
    adapted(model, epochs=2)
    strong = build(keras.optimizers.SGD(0.05), kernel_regularizer=L2(0.5))
    strong.fit(*ids(strong, 8, 0), epochs=1, verbose=0)
    model.strengths.log_factors.assign([np.log(100.0)])
    model.logits.kernel.assign(np.ones((32, 2)))
    model.fit(*ids(model, 8, 0), epochs=1, verbose=0)
    # By −lr·2·50·w, which is far more than the data's part.
    np.testing.assert_allclose(model.logits.kernel, -4 * np.ones((32, 2)), atol=0.1)


def test_every_and_the_limit():
    model = build(kernel_regularizer=L2(0.5))
    _, history = adapted(model, epochs=5, every=2, learning_rate=9.0, limit=2.0)
    strengths = history["strength/l2"]
    assert strengths[0] == strengths[1] and strengths[2] == strengths[3]
    assert all(s in (pytest.approx(0.25), pytest.approx(1.0)) for s in strengths)


def test_nothing_of_it_is_in_val_loss():
    model = build(kernel_regularizer=L2(50.0))
    _, history = adapted(model, epochs=2, validation_data=ids(model, 8, 5))
    np.testing.assert_allclose(history["val_loss"], history["val_cross_entropy"])
    loss, *_ = model.evaluate(*ids(model, 8, 5), verbose=0)
    assert loss in [pytest.approx(v, rel=1e-4) for v in history["val_loss"]]


@pytest.mark.parametrize(
    "precision", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)]
)
def test_mixed_precision(precision):
    """Slopes are those of float32, but for the rounding of the passes."""
    found = []
    for each in ("float32", precision):
        dtype = "float32" if each == "float32" else f"mixed_{each}"
        keras.utils.set_random_seed(0)
        model = build_classifier(
            tiny(dtype=dtype), ("a", "b"), precision=each,
            kernel_regularizer=L2(0.5), backbone_regularizer=L2(0.1), **FIELDS,
        )  # fmt: skip
        optimizer = keras.optimizers.SGD(0.05)
        if each == "float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, 1024.0)
        model.compile(optimizer)
        found.append(adapted(model)[0].slopes)
    assert found[0] == pytest.approx(found[1], rel=0.1, abs=1e-5)


def test_a_share_is_never_trained_on():
    def fitted(held_out, texts, names):
        keras.utils.set_random_seed(0)
        model = build_classifier(
            tiny(), ("neg", "pos"), tokenizer=tokenizer(),
            backbone_regularizer=L2SP(0.1), **FIELDS,
        )  # fmt: skip
        adaptive = AdaptiveStrength(held_out, learning_rate=STILL)
        seen = []
        step = model.train_step
        model.train_step = lambda data: (seen.append(data[0]), step(data))[1]
        model.compile(run_eagerly=True)
        model.fit(texts, names, epochs=2, callbacks=[adaptive], verbose=0)
        rows = {tuple(row) for x in seen for row in np.asarray(x["token_ids"])[:, :3]}
        return rows, model.optimizer.iterations.numpy()

    texts = [f"{a}{b}" for a in "abcd" for b in "efgh"]
    names = ["pos", "neg"] * 8
    rows, steps = fitted(0.25, texts, names)
    assert len(rows) == 12 and steps == 2 * 2
    examples = Examples("text", texts[:8], names[:8])
    rows, _ = fitted(examples, texts[8:], names[8:])
    assert len(rows) == 8


def test_a_tagger_with_long_sentences_holds_whole_ones_out():
    model = build_tagger(
        tiny(), ("O", "B-X"), tokenizer=tokenizer(), kernel_regularizer=L2(0.1),
        **FIELDS,
    )  # fmt: skip
    words = [["the", "good"], ["bad"] * 40, ["movie"], ["a", "b"]] * 2
    tags = [["O"] * len(sentence) for sentence in words]
    adaptive = AdaptiveStrength(0.5)
    model.fit(words, tags, epochs=1, verbose=0, callbacks=[adaptive])
    assert np.isfinite(adaptive.slopes["l2"])


def test_frozen_features_regressors_and_data_sets(tmp_path):
    """Texts whose features are kept, targets without strata, held-out batches."""
    texts = [f"{a}{b}" for a in "abcd" for b in "ef"]
    model = build_regressor(
        tiny(), tokenizer=tokenizer(), kernel_regularizer=L2(0.1), freeze="backbone",
        **FIELDS,
    )  # fmt: skip
    adaptive = AdaptiveStrength(0.25)
    model.fit(
        texts, [float(i) for i in range(8)], epochs=2, callbacks=[adaptive],
        feature_cache=tmp_path, verbose=0,
    )  # fmt: skip
    assert model.halves is not None and adaptive.slopes["l2"] != 0
    model = build_regressor(tiny(), tokenizer=tokenizer(), **FIELDS,
                            backbone_regularizer=FisherL2SP(0.1), ema=0.5)  # fmt: skip
    pieces = tf.data.Dataset.from_tensor_slices((texts[:3], [1.0, 2.0, 3.0])).batch(2)
    adaptive = AdaptiveStrength(pieces)
    targets = [float(i) for i in range(8)]
    model.fit(texts, targets, epochs=3, callbacks=[adaptive], verbose=0)
    assert adaptive.slopes["fisher_l2sp"] != 0
    with pytest.raises(InputError, match="`held_out` must be labelled"):
        adaptive = AdaptiveStrength(pieces.take(0))
        model.fit(texts, targets, epochs=1, callbacks=[adaptive], verbose=0)
    with pytest.raises(InputError, match="`held_out` must be other examples"):
        adaptive = AdaptiveStrength(texts)
        model.fit(texts, targets, epochs=1, callbacks=[adaptive], verbose=0)


def test_blocks_that_do_not_train_yet_have_no_slope():
    """Gradual unfreezing: a rate of 0 is a response of 0."""
    model = build(backbone_regularizer=L2(0.1), gradual_unfreezing=1)
    adaptive, _ = adapted(model, per="depth")
    assert set(adaptive.slopes) == {"l2/block_0", "l2/block_1"}
    assert adaptive.slopes["l2/block_0"] == 0 != adaptive.slopes["l2/block_1"]


def test_what_cannot_be():
    for arguments, what in [
        ({"held_out": 0}, "`held_out` must be a number in"),
        ({"held_out": 1.0}, "`held_out` must be a number in"),
        ({"learning_rate": 0}, "`learning_rate` must be"),
        ({"per": "layer"}, "`per` must be one of 'penalty', 'group', 'depth'"),
        ({"every": 0}, "`every` must be an integer of at least 1"),
        ({"penalties": "l2"}, "`penalties` must be a sequence"),
        ({"limit": 1}, "`limit` must be a number in"),
    ]:
        with pytest.raises(InputError, match=what):
            AdaptiveStrength(**{"held_out": 0.1, **arguments})
    with pytest.raises(InputError, match="no fit has begun"):
        AdaptiveStrength(0.1).recipe()
    with pytest.raises(InputError, match="`AdaptiveStrength`: the model has no penal"):
        adapted(build())
    with pytest.raises(InputError, match="`AdaptiveStrength`: a proximal penalty"):
        adapted(build(kernel_regularizer=ProximalL1(0.1)))
    model = build(kernel_regularizer=L2(0.1), backbone_regularizer=GroupLasso())
    with pytest.raises(InputError, match="no 'l1'; it has l2, group_lasso"):
        adapted(model, penalties=["l1"])
    with pytest.raises(InputError, match="GroupLasso acts on all blocks together"):
        adapted(model, per="depth")
    with pytest.raises(InputError, match="share can be held out of texts"):
        adapted(model, held_out=0.5)
    x, y = ids(model, 0, 0)
    with pytest.raises(InputError, match="`held_out` must be labelled"):
        adapted(model, held_out=(x, y))
    model.compile(keras.optimizers.RMSprop())
    with pytest.raises(InputError, match="SGD, Adam or AdamW.*RMSprop"):
        adapted(model)
    model.compile(steps_per_execution=2)
    with pytest.raises(InputError, match="`steps_per_execution` must be 1"):
        adapted(model)
    albert = build(kind="albert", backbone_regularizer=L2SP(0.1))
    with pytest.raises(InputError, match="`per`: AlbertBackbone shares its blocks"):
        adapted(albert, per="depth")


def test_clipping_is_known_of_a_step_that_was_traced_before():
    """The optimiser is new, the learned strength is not: nothing else is attached."""
    model = build(kernel_regularizer=L2(0.5), global_clipnorm=1e-3)
    adapted(model)
    model.compile()
    model.fit(*ids(model, 8, 0), epochs=1, verbose=0)
    adapted(model)
    assert 0 < float(model.optimizer.clip_scale) < 0.5


def test_a_share_in_a_number_of_numpy_s():
    assert AdaptiveStrength(np.float32(0.25)).held_out == 0.25
