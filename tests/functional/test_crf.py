from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from tfreg.functional import crf
from tfreg.functional.iob2 import permitted

ROWS, WORDS, TAGS = 6, 5, 3
# Words may be missing anywhere; one row has one word, one none.
MASK = np.array(
    [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 0, 0],
        [0, 1, 0, 1, 1],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 1, 0],
    ],
    bool,
)


class Scores:
    """Random scores, and what they say of every path, one path after the other."""

    def __init__(self, seed=0, scale=2.0):
        random = np.random.default_rng(seed)
        self.emissions = scale * random.normal(size=(ROWS, WORDS, TAGS))
        self.between = scale * random.normal(size=(TAGS, TAGS))
        self.first = scale * random.normal(size=TAGS)
        self.last = scale * random.normal(size=TAGS)
        self.tags = random.integers(0, TAGS, (ROWS, WORDS))
        self.tags[~MASK] = crf.NO_WORD
        self.begins = self.ends = np.ones(ROWS)  # whether the edges of a row count

    @property
    def chain(self):
        return crf.Chain(
            *(np.float32(x) for x in (self.between, self.first, self.last))
        )

    def score(self, row, path):
        """Of the tags of the words of a row, in order."""
        words = np.flatnonzero(MASK[row])
        total = sum(self.emissions[row, t, y] for t, y in zip(words, path))
        total += sum(self.between[i, j] for i, j in zip(path, path[1:]))
        if len(path):
            total += self.begins[row] * self.first[path[0]]
            total += self.ends[row] * self.last[path[-1]]
        return total

    def paths(self, row):
        """All paths of a row, and their probabilities."""
        paths = list(itertools.product(range(TAGS), repeat=int(MASK[row].sum())))
        scores = np.array([self.score(row, path) for path in paths])
        return np.array(paths, int).reshape(len(paths), -1), scores

    def probabilities(self, row):
        paths, scores = self.paths(row)
        return paths, np.exp(scores - logsumexp(scores))

    def losses(self):
        """−log p(y_t | all tags before), word by word, by summing over paths."""
        found = np.zeros((ROWS, WORDS))
        for row in range(ROWS):
            paths, p = self.probabilities(row)
            words = np.flatnonzero(MASK[row])
            so_far = np.ones(len(paths), bool)
            for place, word in enumerate(words):
                before = p[so_far].sum()
                so_far &= paths[:, place] == self.tags[row, word]
                found[row, word] = -np.log(p[so_far].sum() / before)
        return found


def losses_and_gradients(tags, arrays, weight=1.0):
    """`word_losses`, and the gradient of their weighted sum by all that they read."""
    tensors = [tf.constant(np.float32(array)) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        emissions, *chain = tensors
        losses = crf.word_losses(tags, emissions, crf.Chain(*chain))
        total = tf.reduce_sum(losses * np.float32(weight))
    gradients = tape.gradient(total, tensors)
    return losses.numpy(), [tf.convert_to_tensor(g).numpy() for g in gradients]


@pytest.fixture(scope="module")
def scores():
    return Scores()


def test_the_likelihood_of_whole_paths(scores):
    found = crf.word_losses(scores.tags, np.float32(scores.emissions), scores.chain)
    for row, loss in enumerate(np.sum(found, axis=1)):
        _, all_paths = scores.paths(row)
        gold = scores.score(row, scores.tags[row][MASK[row]])
        assert loss == pytest.approx(logsumexp(all_paths) - gold, abs=1e-5)


def test_the_loss_of_each_word_given_the_tags_before(scores):
    found = crf.word_losses(scores.tags, np.float32(scores.emissions), scores.chain)
    np.testing.assert_allclose(found, scores.losses(), atol=1e-5)


def test_where_no_word_is_emissions_do_not_matter(scores):
    other = scores.emissions.copy()
    other[~MASK] = 1e6
    one, two = (
        crf.word_losses(scores.tags, np.float32(emissions), scores.chain)
        for emissions in (scores.emissions, other)
    )
    np.testing.assert_array_equal(one, two)
    wide = np.pad(scores.emissions, ((0, 0), (0, 7), (0, 0)), constant_values=3.0)
    tags = np.pad(scores.tags, ((0, 0), (0, 7)), constant_values=crf.NO_WORD)
    padded = np.asarray(crf.word_losses(tags, np.float32(wide), scores.chain))
    np.testing.assert_allclose(padded[:, :WORDS], one, atol=1e-6)
    assert not padded[:, WORDS:].any()


def test_marginals(scores):
    found = np.exp(crf.log_marginals(np.float32(scores.emissions), MASK, scores.chain))
    for row in range(ROWS):
        paths, p = scores.probabilities(row)
        for place, word in enumerate(np.flatnonzero(MASK[row])):
            expected = [p[paths[:, place] == tag].sum() for tag in range(TAGS)]
            np.testing.assert_allclose(found[row, word], expected, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_path(seed):
    scores = Scores(seed)
    arguments = np.float32(scores.emissions), MASK, scores.chain
    found = np.asarray(crf.best_path(*arguments))
    by_scores = np.argmax(crf.path_scores(*arguments), axis=-1)
    assert (found[~MASK] == crf.NO_WORD).all()
    for row in range(ROWS):
        paths, all_scores = scores.paths(row)
        expected = paths[all_scores.argmax()]
        np.testing.assert_array_equal(found[row][MASK[row]], expected)
        np.testing.assert_array_equal(by_scores[row][MASK[row]], expected)


def test_path_scores_are_log_probabilities_but_for_the_path():
    """Two words: path 0 0 is the best, but 1 is the more probable first tag."""
    between = np.log([[0.4, 0.0001, 0.0001], [0.2, 0.2, 0.2], [0.05, 0.05, 0.05]])
    chain = crf.Chain(*map(np.float32, (between, np.zeros(3), np.zeros(3))))
    emissions, mask = np.zeros((1, 2, 3), "float32"), np.ones((1, 2))
    marginals = np.exp(crf.log_marginals(emissions, mask, chain))[0]
    assert marginals[0].argmax() == 1 and marginals[1].argmax() == 0
    assert np.array(crf.best_path(emissions, mask, chain)).tolist() == [[0, 0]]
    found = np.asarray(crf.path_scores(emissions, mask, chain))[0]
    assert found.argmax(-1).tolist() == [0, 0]
    np.testing.assert_allclose(np.exp(found[1]), marginals[1], atol=1e-6)
    np.testing.assert_allclose(np.exp(found[0, 1:]), marginals[0, 1:], atol=1e-6)
    assert found[0, 0] == pytest.approx(found[0, 1] + 1e-5, abs=1e-6)


def test_tags_that_are_all_alike_still_make_one_path():
    zeros = np.zeros((2, 9, 4), "float32")
    steps = np.where(np.eye(4, k=1) + np.eye(4, k=-3) > 0, 0.0, crf.FORBIDDEN)
    chain = crf.Chain(np.float32(steps), *np.zeros((2, 4), "float32"))
    found = np.argmax(crf.path_scores(zeros, np.ones((2, 9)), chain), axis=-1)
    assert ((found[:, 1:] - found[:, :-1]) % 4 == 1).all()


def test_gradients_by_differences(scores):
    """Of a weighted sum, so that the words of a row do not telescope."""
    weight = np.random.default_rng(1).random((ROWS, WORDS))
    names = ("emissions", "between", "first", "last")
    arrays = [getattr(scores, name) for name in names]
    _, found = losses_and_gradients(scores.tags, arrays, weight)
    random = np.random.default_rng(2)
    for name, gradient in zip(names, found):
        if name == "emissions":
            assert not gradient[~MASK].any()
        for _ in range(12):
            place = tuple(random.integers(0, size) for size in gradient.shape)
            values = []
            for step in (1e-4, -1e-4):
                moved = Scores()
                getattr(moved, name)[place] += step
                values.append((moved.losses() * weight).sum())
            expected = (values[0] - values[1]) / 2e-4
            assert gradient[place] == pytest.approx(expected, abs=2e-5), (name, place)


def test_the_gradient_of_the_likelihood_are_the_marginals(scores):
    arrays = scores.emissions, *scores.chain
    _, (found, *_) = losses_and_gradients(scores.tags, arrays)
    emissions = np.float32(scores.emissions)
    marginals = np.exp(crf.log_marginals(emissions, MASK, scores.chain))
    gold = np.eye(TAGS)[np.maximum(scores.tags, 0)]
    expected = np.where(MASK[..., None], marginals - gold, 0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("scale", [200.0, 2000.0])
def test_far_from_zero(scale):
    scores = Scores(3, scale)
    arrays = scores.emissions, *scores.chain
    losses, gradients = losses_and_gradients(scores.tags, arrays)
    # Sums over paths, as probabilities are 0 in float64 too.
    expected = [
        logsumexp(scores.paths(row)[1]) - scores.score(row, scores.tags[row][MASK[row]])
        for row in range(ROWS)
    ]
    np.testing.assert_allclose(np.sum(losses, axis=1), expected, rtol=1e-4, atol=1e-2)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


LABELS = ("O", "B-X", "I-X")


def iob2_chain():
    steps, starts = permitted(LABELS)
    return crf.Chain(
        np.where(steps, 0.0, crf.FORBIDDEN).astype("float32"),
        np.where(starts, 0.0, crf.FORBIDDEN).astype("float32"),
        np.zeros(3, "float32"),
    )


def test_what_is_forbidden_by_hand():
    """Two words, the second likes I-X. Words alone say O I-X, which cannot be.

    Of the nine paths these may be: O O, O B, B O, B B, B I.
    """
    emissions = np.array([[[1.0, 0.0, 0.9], [0.0, 0.0, 3.0]]], "float32")
    mask, chain = np.ones((1, 2)), iob2_chain()
    assert np.array(crf.best_path(emissions, mask, chain)).tolist() == [[1, 2]]
    weights = {(0, 0): np.e, (0, 1): np.e, (1, 0): 1, (1, 1): 1, (1, 2): np.exp(3)}
    z = sum(weights.values())
    for path, weight in weights.items():
        loss = np.sum(crf.word_losses(np.array([path]), emissions, chain))
        assert loss == pytest.approx(-np.log(weight / z), abs=1e-5)
    marginals = np.exp(crf.log_marginals(emissions, mask, chain))[0]
    expected = [[2 * np.e, 2 + np.exp(3), 0], [np.e + 1, np.e + 1, np.exp(3)]]
    np.testing.assert_allclose(marginals, np.array(expected) / z, atol=1e-6)


def test_a_tag_that_cannot_be_is_left_out_and_has_no_gradient():
    """O I-X I-X O: the first I-X cannot be, the second follows it well."""
    emissions = np.random.default_rng(0).normal(size=(1, 4, 3))
    tags = np.array([[0, 2, 2, 0]])
    losses, (gradient, *_) = losses_and_gradients(tags, (emissions, *iob2_chain()))
    assert losses[0, 1] == 0 and (losses[0, [0, 2, 3]] > 0).all()
    assert np.isfinite(gradient).all() and np.abs(gradient).max() < 2
    assert gradient[0, 1, 2] >= 0  # nothing asks for more of it


def test_no_path_is_forbidden_whatever_the_emissions():
    emissions = np.random.default_rng(0).normal(0, 30, (50, 12, 3)).astype("float32")
    emissions[:, :, 2] += 60
    steps, starts = permitted(LABELS)
    paths = np.argmax(
        crf.path_scores(emissions, np.ones((50, 12)), iob2_chain()), axis=-1
    )
    assert starts[paths[:, 0]].all() and steps[paths[:, :-1], paths[:, 1:]].all()


def test_the_edges_of_a_window_are_not_those_of_a_text():
    """Context left of the first word, right of the last, both, and between words."""
    scores = Scores(4)
    tags = scores.tags.copy()
    tags[1, 3] = crf.CONTEXT  # words 0, 1, 2, then context
    tags[2, 0] = crf.CONTEXT
    tags[2, 2] = crf.CONTEXT  # in the middle: left out
    tags[5, 0] = tags[5, 4] = crf.CONTEXT
    scores.begins, scores.ends = np.ones(ROWS), np.ones(ROWS)
    scores.begins[[2, 5]] = 0
    scores.ends[[1, 5]] = 0
    found = crf.word_losses(tags, np.float32(scores.emissions), scores.chain)
    np.testing.assert_allclose(found, scores.losses(), atol=1e-5)
    _, first, last = crf.at_edges(scores.chain, tags)
    kept = [np.any(np.asarray(x) != 0, axis=1) for x in (first, last)]
    assert kept[0].tolist() == [True, True, False, True, True, False]
    assert kept[1].tolist() == [True, False, True, True, True, False]


@pytest.mark.parametrize("jit", [False, True])
def test_in_graphs_of_unknown_shape(scores, jit):
    losses = tf.function(
        lambda *args: crf.word_losses(*args, scores.chain),
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None, TAGS], tf.float32),
        ],
        jit_compile=jit,
    )
    with tf.GradientTape() as tape:
        emissions = tf.constant(scores.emissions, tf.float32)
        tape.watch(emissions)
        found = losses(tf.constant(scores.tags, tf.int32), emissions)
    np.testing.assert_allclose(found, scores.losses(), atol=1e-5)
    gradient = tape.gradient(found, emissions)
    np.testing.assert_allclose(np.sum(gradient, axis=-1), 0, atol=1e-5)
    paths = tf.function(crf.path_scores, jit_compile=jit)(emissions, MASK, scores.chain)
    expected = crf.path_scores(emissions, MASK, scores.chain)
    np.testing.assert_allclose(paths, expected, atol=1e-5)
