"""Linear-chain conditional random fields: sums and maxima over all paths of tags.

A path y through the words x of a row scores

    s(y) = first[y_1] + Σ_t e_t[y_t] + Σ_t between[y_{t−1}, y_t] + last[y_n]

over the words that are there, wherever they stand in the row: what is no word is taken
out, and its neighbours follow one another. p(y | x) = exp s(y) / Z, Z the sum over all
paths. All is in float32 and in logarithms.

All of it comes from one sweep from the last word to the first: after[t][i] is what
words t, t+1, ... add (the logarithm of the sum, or the maximum) if the word before them
has tag i. A conditional random field is a Markov chain from there on,
p(y_t = j | y_{t−1} = i, x) = exp(between[i, j] + e_t[j] + after[t+1][j] − after[t][i]).

Lafferty, McCallum & Pereira (2001), "Conditional Random Fields".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from tfreg.functional.spans import move_left

# The score of a step that is not permitted: no sum of real scores makes up for it, its
# probability is exactly 0, and unlike −∞ it makes no NaN of a gradient.
FORBIDDEN = -1e4
NO_WORD, CONTEXT = -1, -2  # ids that are no tag; as in data/targets.py
_MARGIN = 1e-5  # by which a path's tag leads in `path_scores`


class Chain(NamedTuple):
    """How tags follow one another: `between` (tags, tags), `first` and `last`.

    The latter two are (tags,), or (rows, tags) where rows differ.
    """

    between: Any
    first: Any
    last: Any


def at_edges(chain: Chain, tags: Any) -> Chain:
    """The chain of each row, whose ends count only where a text may end.

    A row that is a window of a longer text answers for some of its words, and the
    others are `CONTEXT`: left of them the text has begun already.

    Args:
        chain: the scores, ends as (tags,).
        tags: ids (rows, words): a tag, `NO_WORD` or `CONTEXT`.
    """
    real = ops.cast(tags >= 0, "int32")
    before = ops.cumsum(real, axis=1) - real
    total = ops.sum(real, axis=1, keepdims=True)
    context = ops.cast(tags, "int32") == CONTEXT
    goes_on = [
        ops.any(ops.logical_and(context, before == count), axis=1, keepdims=True)
        for count in (0, total)
    ]
    first, last = (
        ops.where(inner, 0.0, score)
        for inner, score in zip(goes_on, (chain.first, chain.last))
    )
    return Chain(chain.between, first, last)


def word_losses(tags: Any, emissions: Any, chain: Chain) -> Any:
    """−log p(y_t | y_{t−1}, x) of each word: over a row they sum to −log p(y | x).

    Args:
        tags: y, ids (rows, words); below 0 where there is no word (`NO_WORD`), or none
            that this row answers for (`CONTEXT`). Both are left out: the chain is that
            of the other words. (A word of the context has its loss in another row, and
            span scores take it out likewise. Summing over its tags instead would cost
            a second sweep for the few rows that are windows.)
        emissions: e, (rows, words, tags), float32; of any size where no word is.
        chain: the scores of tags that follow one another.

    Returns:
        (rows, words), 0 where there is no word. A word whose tag is forbidden after
        the one before (a stray ``I-X`` in the data) has 0, too, where its loss would
        be infinite: no weights could make it likely.

    Example:
        >>> zeros = ops.zeros((2, 2))
        >>> chain = Chain(zeros, zeros[0], zeros[0])
        >>> losses = word_losses(ops.array([[0, 1, -1]]), ops.zeros((1, 3, 2)), chain)
        >>> [round(float(loss), 4) for loss in losses[0]]
        [0.6931, 0.6931, 0.0]
    """
    size = emissions.shape[-1]
    tags = ops.cast(tags, "int32")
    real = tags >= 0
    chain = at_edges(chain, tags)
    after = messages(emissions, real, chain)
    onward = emissions + after[:, 1:]
    before = _previous(tags, real)
    begins = ops.logical_and(real, before < 0)
    # The first word follows no tag: its row of `between` is `first`, and what all
    # words add is log Z.
    begin = ops.expand_dims(ops.cast(begins, "float32"), -1)
    first_onward = ops.sum(begin * onward, axis=1)
    log_z = ops.logsumexp(chain.first + first_onward, axis=-1, keepdims=True)
    step = ops.take(chain.between, ops.maximum(before, 0), axis=0)
    first = ops.expand_dims(chain.first, 1)
    step = ops.where(ops.expand_dims(begins, -1), first, step)

    def at(values: Any, ids: Any) -> Any:
        chosen = ops.one_hot(ops.maximum(ids, 0), size, dtype="float32")
        return ops.sum(chosen * values, axis=-1)

    all_paths = ops.where(begins, log_z, at(after[:, :-1], before))
    step = at(step, tags)
    counts = ops.logical_and(real, step > FORBIDDEN / 2)
    return ops.where(counts, all_paths - step - at(onward, tags), 0.0)


def log_marginals(emissions: Any, mask: Any, chain: Chain) -> Any:
    """log p(y_t = j | x) of each word and tag, by sweeps from both ends.

    Args:
        emissions: (rows, words, tags), float32.
        mask: whether there is a word, (rows, words).
        chain: the scores of tags that follow one another.

    Returns:
        (rows, words, tags); of no meaning where there is no word.
    """
    emissions, mask = _time_first(emissions, mask)
    first, last = _ends(chain, emissions)
    after = _sweep(emissions, mask, chain.between, last, ops.logsumexp)
    before = _sweep(
        ops.flip(emissions, 0),
        ops.flip(mask, 0),
        ops.transpose(chain.between),
        first,
        ops.logsumexp,
    )
    both = ops.flip(before, 0)[:-1] + emissions + after[1:]
    return ops.swapaxes(ops.log_softmax(both, axis=-1), 0, 1)


def best_path(emissions: Any, mask: Any, chain: Chain) -> Any:
    """The path of the highest score, argmax over y of s(y): Viterbi's algorithm.

    Swept backwards, so that the path is read forwards: each word takes the tag that is
    best for all that is to come. Of paths that score alike it is one.

    Args:
        emissions, mask, chain: as for `log_marginals`.

    Returns:
        Ids (rows, words), int32; `NO_WORD` where there is no word.

    Example:
        >>> between = ops.array([[0.0, FORBIDDEN], [0.0, 0.0]])  # never 1 after 0
        >>> chain = Chain(between, ops.zeros(2), ops.zeros(2))
        >>> emissions = ops.array([[[0.5, 0.0], [0.0, 2.0]]])
        >>> best_path(emissions, ops.array([[1, 1]]), chain).numpy().tolist()
        [[1, 1]]

    Viterbi (1967), "Error Bounds for Convolutional Codes and an Asymptotically Optimum
    Decoding Algorithm".
    """
    emissions, mask = _time_first(emissions, mask)
    first, last = _ends(chain, emissions)
    after = _sweep(emissions, mask, chain.between, last, ops.max)

    def step(before: Any, onward: Any, real: Any) -> Any:
        entry = ops.take(chain.between, ops.maximum(before, 0), axis=0)
        entry = ops.where(ops.expand_dims(before < 0, -1), first, entry)
        best = ops.cast(ops.argmax(entry + onward, axis=-1), "int32")
        best = ops.where(real[:, 0], best, before)
        return best, best

    none = ops.full(ops.shape(emissions)[1:2], NO_WORD, dtype="int32")
    _, path = _scan(step, none, (emissions + after[1:], mask))
    return ops.swapaxes(ops.where(mask[:, :, 0], path, NO_WORD), 0, 1)


def path_scores(emissions: Any, mask: Any, chain: Chain) -> Any:
    """Scores of tags whose softmax are probabilities, and whose argmax is the path.

    They are the log-marginals. The tag on the best path mostly has the largest; where
    another tag is the more probable by itself, that of the path is raised to it and
    1e-5 above.

    Args:
        emissions, mask, chain: as for `log_marginals`.

    Returns:
        (rows, words, tags), float32; of no meaning where there is no word.
    """
    scores = log_marginals(emissions, mask, chain)
    path = best_path(emissions, mask, chain)
    on_path = ops.one_hot(path, ops.shape(emissions)[-1], dtype="bool")
    others = ops.max(ops.where(on_path, FORBIDDEN, scores), axis=-1, keepdims=True)
    return ops.where(on_path, ops.maximum(scores, others + _MARGIN), scores)


def messages(emissions: Any, mask: Any, chain: Chain) -> Any:
    """after[t][i]: the log of the sum over all tags of words t, t+1, ..., after tag i.

    What each word adds to the gradient is one product with a matrix of probabilities,
    from the first word to the last: no logarithm is differentiated, and a sweep costs
    as much as its gradient.

    Args:
        emissions, mask, chain: as for `log_marginals`.

    Returns:
        (rows, words + 1, tags), float32.
    """
    emissions, mask = _time_first(emissions, mask)
    _, last = _ends(chain, emissions)
    # As tensors: a function with its own gradient may not read variables.
    between = ops.convert_to_tensor(chain.between)
    return ops.swapaxes(_messages(emissions, mask, between, last), 0, 1)


@ops.custom_gradient
def _messages(emissions: Any, mask: Any, between: Any, last: Any) -> Any:
    after = _sweep(emissions, mask, between, last, ops.logsumexp)

    def gradient(upstream: Any) -> Any:
        to_each = _gradients(emissions, mask, between, after, upstream)
        return to_each[0], None, *to_each[1:]

    return after, gradient


def _gradients(
    emissions: Any, mask: Any, between: Any, after: Any, upstream: Any
) -> tuple[Any, Any, Any]:
    """Of `_messages`: what flows in at a word flows on as its tags' probabilities."""
    onward = ops.expand_dims(emissions + after[1:], 2)
    probability = ops.exp(between + onward - ops.expand_dims(after[:-1], -1))

    def step(flow: Any, probability: Any, real: Any, joins: Any) -> Any:
        moved = ops.sum(ops.expand_dims(flow, -1) * probability, axis=1)
        return ops.where(real, moved, flow) + joins, flow

    end, flows = _scan(step, upstream[0], (probability, mask, upstream[1:]))
    flows = ops.expand_dims(flows, -1) * probability
    flows = ops.where(ops.expand_dims(mask, -1), flows, 0.0)
    return ops.sum(flows, axis=2), ops.sum(flows, axis=(0, 1)), end


def _sweep(
    emissions: Any, mask: Any, between: Any, last: Any, join: Callable[..., Any]
) -> Any:
    """after[0], ..., after[words] by a scan; time is the first axis of everything."""

    def step(after: Any, emission: Any, real: Any) -> Any:
        found = join(between + ops.expand_dims(emission + after, 1), axis=-1)
        found = ops.where(real, found, after)
        return found, found

    _, found = _scan(step, last, (emissions, mask), reverse=True)
    return ops.concatenate([found, ops.expand_dims(last, 0)], axis=0)


def _scan(
    step: Callable[..., Any], start: Any, along: tuple[Any, ...], reverse: bool = False
) -> Any:
    """Keras's scan over the first axis of some arrays, by numbers.

    On TensorFlow it takes no two arrays of unknown length.
    """
    places = ops.arange(ops.shape(along[0])[0], dtype="int32")

    def at(carry: Any, place: Any) -> Any:
        return step(carry, *(array[place] for array in along))

    return ops.scan(at, start, places, reverse=reverse)


def _time_first(emissions: Any, mask: Any) -> tuple[Any, Any]:
    """(words, rows, tags), and whether there is a word, (words, rows, 1)."""
    mask = ops.expand_dims(ops.cast(ops.transpose(mask), "bool"), -1)
    return ops.swapaxes(emissions, 0, 1), mask


def _ends(chain: Chain, emissions: Any) -> tuple[Any, Any]:
    """`first` and `last` of each row."""
    shape = ops.shape(emissions)[1:]
    return ops.broadcast_to(chain.first, shape), ops.broadcast_to(chain.last, shape)


def _previous(tags: Any, real: Any) -> Any:
    """The tag of the real word before each real word, −1 before the first."""
    (gathered,) = move_left(real, tags)
    rank = ops.cumsum(ops.cast(real, "int32"), axis=1) - ops.cast(real, "int32")
    before = ops.take_along_axis(gathered, ops.maximum(rank - 1, 0), axis=1)
    return ops.where(rank > 0, before, NO_WORD)
