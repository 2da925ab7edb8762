"""Batches of rows of like length, padded to a small ladder of lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfreg.data.encoded import Encoded
from tfreg.data.features import Features
from tfreg.data.ladder import (
    LADDER,
    WEIGHTS,
    WIDE,
    Ladder,
    divisors,
    fitted_ladder,
    fitted_rooms,
    rung,
)
from tfreg.data.targets import NOT_A_WORD

# What a batch costs beside its pieces, in pieces, measured on two cores: where kernels
# are rounded once for all batches, and where they are rounded in each.
_BATCH = 80
_WIDE_BATCH = 150
_FULL = 2_520  # pieces of a batch that is only predicted: measured on mixed rows
_AHEAD = 4  # batches ready before they are asked for
_POOL = 256  # batches whose rows are sorted together: mixes lengths between epochs


class Batches:
    """An encoded split as a `tf.data.Dataset` of batches.

    In training, rows are shuffled by (seed, epoch) alone: sorted by length within
    pools of 256 batches, then the batches shuffled. The same seed and epoch always
    give the same batches, also after a restart. Otherwise rows come sorted by length.

    Args:
        encoded: the split.
        batch_size: rows a batch; the last one may be smaller.
        pad: id of the padding piece.
        segments: whether the encoder takes segment ids.
        most: no batch is padded beyond this; None for no bound.
        seed: of the order; None for prediction and evaluation.
    """

    def __init__(
        self,
        encoded: Encoded,
        batch_size: int,
        *,
        pad: int = 0,
        segments: bool = True,
        most: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.encoded = encoded
        self.batch_size = batch_size
        self.pad = pad
        self.segments = segments
        self.most = most
        self.seed = seed
        self.epoch = 0  # set by the fit before each epoch
        self.begin = (0, 0)  # that epoch begins with that batch
        self.ladder: Sequence[int] = LADDER  # a fit sets the one that fits its data
        self.features: Features | None = None  # of a frozen encoder, if kept
        # Rows as an epoch has them, by their numbers; None: as encoded.
        self.augmenter: Callable[[np.ndarray, int], Encoded] | None = None
        self._lengths = encoded.lengths

    def __len__(self) -> int:
        return -(-len(self.encoded) // self.batch_size)

    def order(self, epoch: int) -> list[np.ndarray]:
        """The row numbers of each batch of an epoch."""
        if self.seed is None:
            rows = np.argsort(self._lengths, kind="stable")
            return self._cut(rows)
        random = np.random.default_rng((self.seed, epoch))
        rows = random.permutation(len(self.encoded))
        pool = _POOL * self.batch_size
        batches = [
            batch
            for start in range(0, len(rows), pool)
            for batch in self._cut(self._by_length(rows[start : start + pool]))
        ]
        return [batches[i] for i in random.permutation(len(batches))]

    def fitted(
        self,
        epochs: int,
        *,
        leave_out: bool = False,
        last: int = 0,
        weights: int = WEIGHTS,
        whole_step: bool = False,
    ) -> Ladder:
        """The ladder that fits a fit of so many epochs; the first three stand for all.

        Args:
            epochs: at least 1.
            leave_out: whether the encoder can leave out padding.
            last: as for `fitted_rooms`; 0 where its last block answers everywhere.
            weights, whole_step: as for `fitted_ladder`.
        """
        seen = min(max(epochs, 1), 3)
        batches = [rows for epoch in range(seen) for rows in self.order(epoch)]
        longest = np.array([self._lengths[rows].max() for rows in batches])
        rows = np.array([*map(len, batches)])
        real = np.array([self._lengths[rows].sum() for rows in batches])
        times = max(epochs, 1) / seen
        given = real if leave_out else None
        ladder = fitted_ladder(
            longest, rows, given, times=times, weights=weights, whole_step=whole_step
        )
        words = self.encoded.words
        if not last or words is None:
            return ladder
        computed = rows * [rung(each, ladder=ladder.lengths) for each in longest]
        if rooms := ladder.rooms.pieces:
            computed = np.asarray(rooms)[np.searchsorted(rooms, real, side="right")]
        many = np.array([len(each) + 1 for each in words])  # and where none is
        of_words = fitted_rooms(
            [many[rows].sum() for rows in batches],
            computed,
            last,
            times=times,
            weights=weights,
        )
        return ladder._replace(rooms=ladder.rooms._replace(words=of_words))

    def tight(self) -> list[np.ndarray]:
        """The row numbers of batches for prediction, longest first; sets the ladder.

        Each is as long as its longest row, and they cost least, padding and batches
        together, of all that are not over-full: for where a new shape costs nothing.
        """
        self.ladder = ()
        rows = np.argsort(-self._lengths, kind="stable")
        lengths = np.maximum(self._lengths[rows], 1)
        best, begin = np.zeros(len(rows) + 1), np.zeros(len(rows) + 1, int)
        first = 0  # of the longest batch that may end there
        for end in range(1, len(rows) + 1):
            while first < end - 1 and (end - first) * lengths[first] > _FULL:
                first += 1
            pieces = lengths[first:end] * np.arange(end - first, 0, -1)
            cost = best[first:end] + pieces
            begin[end] = first + int(np.argmin(cost))
            best[end] = cost[begin[end] - first] + _BATCH
        batches, end = [], len(rows)
        while end:
            batches.append(rows[begin[end] : end])
            end = int(begin[end])
        return batches[::-1]

    def wide(self) -> list[np.ndarray]:
        """As `tight`, in few shapes.

        All have the same number of pieces but the last, which has the rows left over:
        of those in `WIDE` the one that costs least, padding and batches together.
        """
        plans = [self._filled(*each) for each in zip(WIDE, map(divisors, WIDE))]
        cost, batches, self.ladder = min(plans, key=lambda plan: plan[0])
        return batches

    def _filled(
        self, pieces: int, ladder: Sequence[int]
    ) -> tuple[int, list[np.ndarray], Sequence[int]]:
        """Batches of so many pieces, before them their cost, after them the ladder."""
        rows = np.argsort(-self._lengths, kind="stable")
        cost, batches, start = 0, [], 0
        while start < len(rows):
            length = rung(int(self._lengths[rows[start]]), self.most, ladder)
            batch = rows[start : start + max(pieces // length, 1)]
            cost += _WIDE_BATCH + len(batch) * length
            batches.append(batch)
            start += len(batch)
        return cost, batches, ladder

    def dataset(self) -> Any:
        """The batches as (x, y, sample_weight), as much of it as there is."""
        first = self.collate(np.arange(min(1, len(self.encoded))))
        signature = tf.nest.map_structure(
            lambda array: tf.TensorSpec(
                [None] * min(array.ndim, 2) + list(array.shape[2:]), array.dtype
            ),
            first,
        )

        def generate() -> Iterator[Any]:
            epoch, (first, batch) = self.epoch, self.begin
            for rows in self.order(epoch)[batch if epoch == first else 0 :]:
                if self.augmenter is None:
                    yield self.collate(rows)
                else:
                    anew = self.augmenter(rows, epoch)
                    yield self.collate(np.arange(len(rows)), anew)

        dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
        # TensorFlow's tuner of buffers often sleeps on when the data ends, up to as
        # long as they took, and the end of a `fit` waits for it.
        options = tf.data.Options()
        options.autotune.enabled = False
        return (
            dataset.apply(tf.data.experimental.assert_cardinality(len(self)))
            .prefetch(_AHEAD)
            .with_options(options)
        )

    def collate(self, rows: np.ndarray, encoded: Encoded | None = None) -> Any:
        """One batch, padded; of other encoded rows, if they are given."""
        encoded = self.encoded if encoded is None else encoded
        pieces = [encoded.pieces[row] for row in rows]
        longest = max([1, *map(len, pieces)])
        length = rung(longest, self.most, self.ladder)
        x = {
            "token_ids": pad_rows(pieces, length, self.pad),
            "padding_mask": pad_rows(
                [np.ones(len(p), "int32") for p in pieces], length
            ),
        }
        if self.segments:
            place = np.arange(length)[None, :]
            real = x["padding_mask"] > 0
            after = place >= encoded.second[rows][:, None]
            x["segment_ids"] = (after & real).astype("int32")
        if encoded.words is not None:
            words = [encoded.words[row] for row in rows]
            x["word_positions"] = pad_rows(words, length)
        if self.features is not None:
            x["features"] = self.features.collate(rows, length)
        if encoded.targets is None:
            return (x,)
        y = self._pad(encoded.targets, rows, length, NOT_A_WORD)
        if encoded.weights is None:
            return x, y
        return x, y, self._pad(encoded.weights, rows, length, 0)

    def _pad(self, values: Any, rows: np.ndarray, length: int, fill: int) -> Any:
        if isinstance(values, np.ndarray):
            return values[rows]
        return pad_rows([values[row] for row in rows], length, fill)

    def _by_length(self, rows: np.ndarray) -> np.ndarray:
        return rows[np.argsort(self._lengths[rows], kind="stable")]

    def _cut(self, rows: np.ndarray) -> list[np.ndarray]:
        size = self.batch_size
        return [rows[start : start + size] for start in range(0, len(rows), size)]


def pad_rows(rows: list[np.ndarray], length: int, fill: int = 0) -> np.ndarray:
    """Rows of different length as one array, the rest filled."""
    dtype = rows[0].dtype if rows else np.dtype("int32")
    padded = np.full((len(rows), length), fill, dtype)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded
