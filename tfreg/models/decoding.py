"""From the emissions of words to scores of tags, by the best path of each sentence."""

from __future__ import annotations

import numpy as np
from keras import ops

from tfreg import _compat
from tfreg.functional.crf import Chain, path_scores

_WORDS = 16384  # of the sentences decoded together, padding included

_path_scores = _compat.traced(path_scores)


def decode(emissions: np.ndarray, mask: np.ndarray, chain: Chain) -> np.ndarray:
    """`path_scores` of a batch.

    Args:
        emissions: (rows, words, tags).
        mask: whether there is a word, (rows, words).
        chain: the scores of tags that follow one another.
    """
    emissions = ops.convert_to_tensor(emissions, "float32")
    scores = _path_scores(emissions, ops.convert_to_tensor(mask), chain)
    return ops.convert_to_numpy(scores)


def decode_sentences(emissions: list[np.ndarray], chain: Chain) -> list[np.ndarray]:
    """`path_scores` of whole sentences of any length, in their order.

    Args:
        emissions: of each sentence (words, tags).
        chain: the scores of tags that follow one another.
    """
    found = list(emissions)
    lengths = np.array([len(rows) for rows in emissions], int)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order) and lengths[order[start]]:
        longest = lengths[order[start]]
        rows = order[start : start + max(_WORDS // longest, 1)]
        start += len(rows)
        mask = np.arange(longest) < lengths[rows, None]
        padded = np.zeros((*mask.shape, emissions[rows[0]].shape[1]), "float32")
        padded[mask] = np.concatenate([emissions[row] for row in rows])
        for row, scores in zip(rows, decode(padded, mask, chain)):
            found[row] = scores[: lengths[row]]
    return found
