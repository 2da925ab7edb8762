"""Tiny models of every task, a batch for each, and one training step as a function.

The oracles here know nothing of how passes are made: a backbone is cut in two at its
embeddings, and losses are written out in TensorFlow.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.backbones import tiny
from tfreg import _compat
from tfreg.models import TextClassifier, TextRegressor, TokenTagger
from tfreg.recipe import Recipe

TASKS = ("classify", "multilabel", "regress", "tag")
LABELS = ("a", "b", "c")


def build(task="classify", objective=None, dtype="float32", compiled=None, **fields):
    """A compiled model without dropout, always at the same weights."""
    keras.utils.set_random_seed(3)
    fields = {"dropout": 0.0, "objective": objective, **fields}
    backbone = tiny(dtype=dtype, num_layers=1, hidden_dim=16, intermediate_dim=16)
    recipe = Recipe(**fields)
    if task == "regress":
        model = TextRegressor(backbone, recipe=recipe)
    elif task == "tag":
        model = TokenTagger(backbone, labels=LABELS, recipe=recipe)
    else:
        many = task == "multilabel"
        model = TextClassifier(backbone, labels=LABELS, multi_label=many, recipe=recipe)
    # At their start the weights are so small that all logits are nearly 0.
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        if variable.path.endswith("kernel"):
            noise = random.normal(0.0, 0.3, variable.shape)
            variable.assign_add(noise.astype("float32"))
    model.compile(optimizer=keras.optimizers.SGD(0.1), **(compiled or {}))
    return model


def batch(task="classify", rows=4):
    """Inputs with padding, targets, and uneven weights, one of them 0."""
    random = np.random.default_rng(2)
    lengths = np.resize([8, 5, 8, 2], rows)
    mask = (np.arange(8) < lengths[:, None]).astype("int32")
    x = {
        "token_ids": random.integers(5, 40, (rows, 8)).astype("int32") * mask,
        "padding_mask": mask,
        "segment_ids": np.zeros((rows, 8), "int32"),
    }
    weight = np.resize([0.5, 1.5, 1.0, 0.0, 2.0, 0.25], rows).astype("float32")
    if task == "tag":
        words = np.array([[1, 2, 4, 6], [1, 3, 0, 0], [1, 5, 6, 0], [1, 0, 0, 0]])
        x["word_positions"] = np.resize(words, (rows, 4)).astype("int32")
        y = random.integers(0, 3, (rows, 4)).astype("int32")
        y[x["word_positions"] == 0] = -1
    elif task == "multilabel":
        y = random.integers(0, 2, (rows, 3)).astype("float32")
    elif task == "regress":
        y = random.normal(size=(rows,)).astype("float32")
    else:
        y = random.integers(0, 3, (rows,)).astype("int32")
    tensors = {name: tf.constant(value) for name, value in x.items()}
    return tensors, tf.constant(y), tf.constant(weight)


def step(model, x, y, weight=None, graph=False):
    """The training loss of a batch, and its gradients by all weights."""

    def run():
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = model.compute_loss(x, y, logits, weight, training=True)
        variables = [v.value for v in model.trainable_variables]
        gradients = tape.gradient(loss, variables)
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    loss, gradients = (tf.function(run) if graph else run)()
    return float(loss), [gradient.numpy() for gradient in gradients]


def oracle(model, function):
    """What a function of nothing gives, and its gradients by all weights."""
    with tf.GradientTape() as tape:
        loss = function()
    variables = [v.value for v in model.trainable_variables]
    gradients = tape.gradient(loss, variables)
    return float(loss), [tf.convert_to_tensor(g).numpy() for g in gradients]


def assert_same(model, found, expected, atol=2e-6):
    """Losses and gradients are equal."""
    assert abs(found[0] - expected[0]) <= atol, (found[0], expected[0])
    for variable, one, other in zip(model.trainable_variables, found[1], expected[1]):
        np.testing.assert_allclose(one, other, atol=atol, err_msg=variable.path)


class Cut:
    """A model cut at its embeddings and at its features, without dropout."""

    def __init__(self, model: Any) -> None:
        backbone = model.backbone
        inputs, outputs = backbone.input, backbone.output
        name = "sequence_output" if model.task == "tag" else "pooled_output"
        cut = backbone.get_layer("embeddings_dropout").output
        self.names = sorted(inputs)
        given = [cut, *(inputs[name] for name in self.names)]
        self.model = model
        self.lower = keras.Model(inputs, cut)
        self.upper = keras.Model(given, outputs[name])

    def embeddings(self, x):
        return self.lower({name: x[name] for name in self.names})

    def features(self, embeddings, x):
        read = self.upper([embeddings, *(x[name] for name in self.names)])
        if self.model.task == "tag":
            return tf.gather(read, x["word_positions"], batch_dims=1)
        return read

    def logits(self, embeddings, x):
        return self.head(self.features(embeddings, x))

    def head(self, features):
        layer = self.model.logits
        return features @ layer.kernel.value + layer.bias.value


def losses(task, y, logits):
    """The loss of each position; anything where no word is."""
    if task == "regress":
        return tf.square(logits[:, 0] - y)
    if task == "multilabel":
        values = tf.nn.sigmoid_cross_entropy_with_logits(y, logits)
        return tf.reduce_mean(values, axis=1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(y, 0), logits)


def mean(task, y, values, weight=None):
    """The weighted sum over what is real, by how many those are."""
    real = tf.cast(y >= 0, tf.float32) if task in ("classify", "tag") else 1.0
    real = real * tf.ones_like(values)
    if weight is not None:
        values = values * (weight[:, None] if task == "tag" else weight)
    return tf.reduce_sum(values * real) / tf.reduce_sum(real)


def divergence(task, a, b):
    """KL both ways, each by its definition."""
    if task == "regress":
        return tf.square(a - b)[:, 0]
    if task == "multilabel":
        p, q = tf.sigmoid(a), tf.sigmoid(b)
        kl = p * tf.math.log(p / q) + (1 - p) * tf.math.log((1 - p) / (1 - q))
        lk = q * tf.math.log(q / p) + (1 - q) * tf.math.log((1 - q) / (1 - p))
        return tf.reduce_mean(kl + lk, axis=1)
    p, q = tf.nn.softmax(a), tf.nn.softmax(b)
    both = p * tf.math.log(p / q) + q * tf.math.log(q / p)
    return tf.reduce_sum(both, axis=-1)


def rewound(model, x=None, passes=0):
    """Sets all masks back to a start, and on by some passes over ``x``."""
    for state in _compat.random_states(model):
        state.assign([7, 0])
    for _ in range(passes):
        model(x, training=True)


def assert_slope_by_differences(model, x, y, w):
    """The loss along a way of all weights rises as the gradients say; masks frozen."""
    rewound(model)
    _, gradients = step(model, x, y, w)
    variables = model.trainable_variables
    random = np.random.default_rng(0)
    size = np.sqrt(sum(np.square(g).sum() for g in gradients))
    ways = [g / size + 0.01 * random.normal(size=g.shape) for g in gradients]

    @tf.function
    def loss():
        logits = model(x, training=True)
        return model.compute_loss(x, y, logits, w, training=True)

    found = []
    for h in (3e-4, -3e-4):
        for variable, way in zip(variables, ways):
            variable.assign_add((h * way).astype("float32"))
        rewound(model)
        found.append(float(loss()))
        for variable, way in zip(variables, ways):
            variable.assign_sub((h * way).astype("float32"))
    slope = sum((g * way).sum() for g, way in zip(gradients, ways))
    difference = (found[0] - found[1]) / 6e-4
    assert abs(difference - slope) <= 5e-3 * abs(slope), (difference, slope)
