from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.optimizers import AdamW, WarmupDecay
from tfreg.optimizers.adamw import NO_DECAY


def numpy_adamw(weight, gradients, rate, decay, b1=0.9, b2=0.999, epsilon=1e-8):
    """Loshchilov & Hutter's algorithm 2, with Keras's place for epsilon, in float64."""
    weight = weight.astype("float64")
    m, v = np.zeros_like(weight), np.zeros_like(weight)
    for step, gradient in enumerate(np.asarray(gradients, "float64"), start=1):
        m = b1 * m + (1 - b1) * gradient
        v = b2 * v + (1 - b2) * gradient**2
        m_hat, v_hat = m / (1 - b1**step), v / (1 - b2**step)
        weight = weight - rate * decay * weight
        weight = weight - rate * m_hat / (
            np.sqrt(v_hat) + epsilon / np.sqrt(1 - b2**step)
        )
    return weight


def variable(value, path="dense/kernel"):
    *scope, name = path.split("/")
    with keras.name_scope("/".join(scope)) if scope else keras.name_scope("x"):
        made = keras.Variable(value, name=name)
    assert made.path.endswith(path)
    return made


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.mark.parametrize(("decay", "epsilon"), [(0.0, 1e-8), (0.1, 1e-8), (0.1, 0.1)])
def test_against_numpy(random, decay, epsilon):
    start = random.normal(size=(3, 4)).astype("float32")
    gradients = random.normal(size=(6, 3, 4)).astype("float32")
    weight = variable(start)
    optimizer = AdamW(0.05, weight_decay=decay, epsilon=epsilon)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
    expected = numpy_adamw(start, gradients, 0.05, decay, epsilon=epsilon)
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-4, atol=1e-6)


def test_the_first_step_is_bias_corrected(random):
    # Without the correction it would be 0.1 / sqrt(0.001) = 3.2 times as long.
    weight = variable(np.zeros(3, "float32"))
    AdamW(0.01).apply([keras.ops.convert_to_tensor([1e-3, -5.0, 0.2])], [weight])
    np.testing.assert_allclose(weight.numpy(), [-0.01, 0.01, -0.01], rtol=1e-3)


def tiny_model(dtype=None):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,), dtype="int32")
    x = keras.layers.Embedding(5, 4, name="token_embedding", dtype=dtype)(inputs)
    x = keras.layers.LayerNormalization(name="norm", dtype=dtype)(x)
    x = keras.layers.Dense(2, name="first", dtype=dtype)(x)
    outputs = keras.layers.Dense(1, name="second", dtype="float32")(x)
    return keras.Model(inputs, outputs)


def decayed(optimizer, model):
    """Paths of what shrinks in a step without gradients."""
    for weight in model.trainable_variables:
        weight.assign(keras.ops.ones(weight.shape))
    zeros = [keras.ops.zeros(weight.shape) for weight in model.trainable_variables]
    optimizer.apply(zeros, model.trainable_variables)
    changes = {w.path: float(w.numpy().max()) for w in model.trainable_variables}
    for path, value in changes.items():
        assert value == pytest.approx(1.0) or value == pytest.approx(0.95), path
    return {path for path, value in changes.items() if value < 0.99}


KERNELS = {"token_embedding/embeddings", "first/kernel", "second/kernel"}


def copies(optimizer):
    serialised = keras.optimizers.serialize(optimizer)
    yield optimizer
    yield AdamW.from_config(optimizer.get_config())
    yield keras.optimizers.deserialize(serialised)


def test_norms_and_biases_are_left_out_of_the_decay():
    for optimizer in copies(AdamW(0.1, weight_decay=0.5)):
        assert decayed(optimizer, tiny_model()) == KERNELS


def test_other_exclusions_by_path():
    patterns = (*NO_DECAY, "first/*", "token_embedding/*")
    for optimizer in copies(AdamW(0.1, weight_decay=0.5, no_decay=patterns)):
        assert optimizer.no_decay == patterns
        assert decayed(optimizer, tiny_model()) == {"second/kernel"}
    every = {w.path for w in tiny_model().trainable_variables}
    assert decayed(AdamW(0.1, 0.5, no_decay=()), tiny_model()) == every


def test_exclusions_inside_loss_scaling():
    scaled = keras.optimizers.LossScaleOptimizer(AdamW(0.1, weight_decay=0.5))
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(scaled))
    assert type(copy.inner_optimizer) is AdamW
    for optimizer in (scaled, copy):
        assert decayed(optimizer, tiny_model()) == KERNELS


def test_keras_forgets_its_own_exclusions():
    """When this fails, so much of `AdamW` can go."""
    theirs = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    theirs.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    again = keras.optimizers.AdamW.from_config(theirs.get_config())
    assert decayed(theirs, tiny_model()) == KERNELS
    assert decayed(again, tiny_model()) > KERNELS


def test_keras_s_exclusions_are_refused():
    with pytest.raises(InputError, match="give path patterns as `no_decay`"):
        AdamW().exclude_from_weight_decay(var_names=["bias"])
    with pytest.raises(InputError, match="`no_decay` must be a sequence; got 'bias'"):
        AdamW(no_decay="bias")


def rows_gradient(table, ids, pulls):
    """The sparse gradient of sum(table[ids] * pulls), duplicates as they come."""
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(tf.gather(table.value, ids) * pulls)
    gradient = tape.gradient(value, table.value)
    assert isinstance(gradient, tf.IndexedSlices)
    return gradient


def fitted_table(optimizer, random):
    start = random.normal(size=(4, 2)).astype("float32")
    table = variable(start, "token_embedding/embeddings")
    dense = []
    for _ in range(3):
        ids = random.integers(0, 3, 6)  # row 3 is never read
        pulls = random.normal(size=(6, 2)).astype("float32")
        gradient = np.zeros((4, 2))
        np.add.at(gradient, ids, pulls)
        dense.append(gradient)
        optimizer.apply([rows_gradient(table, ids, pulls)], [table])
    return table.numpy(), numpy_adamw(start, dense, 0.05, 0.1)


def test_rows_of_an_embedding_are_summed_first(random):
    found, expected = fitted_table(AdamW(0.05, weight_decay=0.1), random)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_keras_does_not_sum_them(random):
    """When this fails, `_compat.dense_gradient` can go."""
    theirs = keras.optimizers.AdamW(0.05, weight_decay=0.1, epsilon=1e-8)
    found, expected = fitted_table(theirs, random)
    assert np.abs(found - expected).max() > 1e-3


def test_rows_are_summed_inside_loss_scaling(random):
    inner = AdamW(0.05, weight_decay=0.1)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1.0)
    found, expected = fitted_table(optimizer, random)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_clipping_sees_the_summed_rows():
    # Two pulls of 3 on one row are a norm of 6, not of 3·√2.
    table = variable(np.zeros((2, 1), "float32"))
    optimizer = AdamW(0.1, weight_decay=0.0, global_clipnorm=1.0, beta_1=0.0)
    gradient = rows_gradient(table, [0, 0], np.full((2, 1), 3.0, "float32"))
    optimizer.apply([gradient], [table])
    momentum = optimizer._momentums[0].numpy()
    np.testing.assert_allclose(momentum, [[1.0], [0.0]], rtol=1e-5)


def test_a_variable_without_a_gradient_stays():
    first, second = variable(np.ones(2, "float32")), variable(np.ones(2, "float32"))
    optimizer = AdamW(0.1, weight_decay=0.0)
    optimizer.build([first, second])
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([keras.ops.ones(2), None], [first, second])
    assert first.numpy().max() < 1 and second.numpy().min() == 1


def test_in_a_fit_under_xla():
    model = tiny_model()
    model.compile(AdamW(WarmupDecay(0.05)), loss="mse", jit_compile=True)
    x = np.array([[0, 1, 1], [2, 3, 3]], "int32")
    y = np.array([[[1.0]] * 3, [[-1.0]] * 3], "float32")
    losses = model.fit(x, y, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_saved_with_its_state(tmp_path):
    model = tiny_model()
    model.compile(AdamW(WarmupDecay(0.05, total_steps=9), 0.5, ("*/bias",)), "mse")
    x = np.array([[0, 1, 1], [2, 3, 3]], "int32")
    y = np.ones((2, 3, 1), "float32")
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is AdamW
    assert again.optimizer.no_decay == ("*/bias",)
    for each in (model, again):
        each.train_on_batch(x, y)
    for ours, theirs in zip(model.weights, again.weights):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert int(again.optimizer.iterations.numpy()) == 2


def test_config():
    config = AdamW(3e-5, weight_decay=0.02, global_clipnorm=1.0, beta_2=0.98)
    config = config.get_config()
    assert config["no_decay"] == list(NO_DECAY)
    assert config["epsilon"] == 1e-8
    assert config["weight_decay"] == 0.02
    assert config["global_clipnorm"] == 1.0
    assert config["beta_2"] == 0.98


def gradients_of(random, sizes=((3, 4), (5,)), scale=1.0):
    return [scale * random.normal(size=size).astype("float32") for size in sizes]


@pytest.mark.parametrize(
    "settings",
    [
        {"global_clipnorm": 0.5},
        {"global_clipnorm": 100.0},
        {"clipnorm": 0.5},
        {"clipvalue": 0.1},
        {"amsgrad": True, "global_clipnorm": 1.0},
        {"use_ema": True, "ema_overwrite_frequency": 2},
        {"weight_decay": 0.0},
    ],
)
@pytest.mark.parametrize("sizes", [((3, 4), (5,)), ((400, 300), (7,))])
def test_keras_s_numbers(random, settings, sizes):
    """One pass over memory computes what Keras's many do."""
    starts = gradients_of(random, sizes)
    ours, theirs = [[variable(x) for x in starts] for _ in range(2)]
    settings = {"weight_decay": 0.1, **settings}
    each = AdamW(0.05, no_decay=(), **settings)
    keras_s = keras.optimizers.AdamW(0.05, epsilon=1e-8, **settings)
    for _ in range(5):
        gradients = gradients_of(random, sizes)
        gradients = [keras.ops.convert_to_tensor(x) for x in gradients]
        each.apply(gradients, ours)
        keras_s.apply(gradients, theirs)
    for mine, other in zip(ours, theirs):
        np.testing.assert_allclose(mine, other, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("whole", [False, True])
def test_a_large_weight_in_a_graph(random, whole):
    start, gradient = random.normal(size=(2, 400, 300)).astype("float32")
    weight = variable(start)
    optimizer = AdamW(0.05, weight_decay=0.1, no_decay=(), global_clipnorm=1.0)
    optimizer.build([weight])

    @tf.function(jit_compile=whole, autograph=False)
    def step(x):
        optimizer.apply([x])

    for _ in range(3):
        step(tf.constant(gradient))
    clipped = gradient / np.linalg.norm(gradient.astype("float64"))
    expected = numpy_adamw(start, [clipped] * 3, 0.05, 0.1)
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-4, atol=1e-6)
    # A tensor would hold the graph.
    assert optimizer._scale is None and optimizer._known is None


def test_weights_share_what_a_step_computes():
    """β₁ᵗ and β₂ᵗ once each, whatever the number of weights and their rates."""
    sizes = ((400, 300), (300, 400), (5,), (6,))
    weights = [
        keras.Variable(np.ones(size), name=f"{'ab'[i % 2]}{i}")
        for i, size in enumerate(sizes)
    ]
    optimizer = AdamW(0.05, global_clipnorm=1.0, multipliers={"a*": 0.1})
    optimizer.build(weights)

    @tf.function(autograph=False)
    def step(*gradients):
        optimizer.apply(gradients)

    graph = step.get_concrete_function(*(w.value for w in weights)).graph
    powers = [each for each in graph.get_operations() if each.type == "Pow"]
    assert len(powers) == 2 * 2  # for each of two rates


@pytest.mark.parametrize("graph", [False, True])
def test_a_decay_of_one(random, graph):
    """To TensorFlow 1.0 is float32, which is another thing of the same rate."""
    start, gradient = random.normal(size=(2, 3, 4)).astype("float32")
    weight = variable(start)
    optimizer = AdamW(0.05, weight_decay=1.0, no_decay=(), multipliers={"*": 1.0})
    optimizer.build([weight])
    apply = tf.function(optimizer.apply) if graph else optimizer.apply
    apply([tf.constant(gradient)])
    expected = numpy_adamw(start, [gradient], 0.05, 1.0)
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-4, atol=1e-6)


def test_a_rate_of_someone_elses_stays_theirs():
    """Keras takes variables in an optimiser's dicts for its own, and saves them."""
    rate = keras.Variable(0.1)
    optimizer, weight = AdamW(lambda: rate), variable(np.ones(2, "float32"))
    optimizer.build([weight])
    before = len(optimizer.variables)
    optimizer.apply([keras.ops.ones(2)])
    assert len(optimizer.variables) == before


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clipping_does_not_hide_a_broken_gradient(bad):
    weight = variable(np.ones(2, "float32"))
    optimizer = AdamW(0.1, global_clipnorm=1.0)
    optimizer.apply([keras.ops.convert_to_tensor([1.0, bad])], [weight])
    assert np.isnan(weight.numpy()).all()
