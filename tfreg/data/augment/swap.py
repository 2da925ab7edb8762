"""Words that change places."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from tfreg.data.augment.augmentation import Augmentation, Words


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class Swap(Augmentation):
    """Words change places with others.

    Each word, with probability ``rate``, changes places with another one, drawn from
    all in its text. In a tagged sentence a word's tag goes with it; where tags are
    spans (IOB2), words change places only within their span, whose tags stay, or with
    other words outside of spans, so that the tags are the same and as valid as before.
    A text's words are what stands between white space.

    Args:
        rate: in [0, 1]; defaults to 0.1.

    Example:
        >>> Swap(0.5)(Words.of(["good", "text"]), np.random.default_rng(0)).words
        ('text', 'good')

    Wei & Zou (2019), "EDA: Easy Data Augmentation Techniques for Boosting Performance
    on Text Classification Tasks", section 2: "random swap", which is done a fixed αn
    times for n words.
    """

    def __call__(self, row: Words, random: np.random.Generator) -> Words:
        order, words = list(range(len(row))), list(row.words)
        for i in np.flatnonzero(self.chosen(row, random)):
            group = row.groups[i]
            others = [k for k, g in enumerate(row.groups) if g == group and k != i]
            if not others:
                continue
            other = others[random.integers(len(others))]
            words[i], words[other] = words[other], words[i]
            if group <= 0:
                order[i], order[other] = order[other], order[i]
        return row.take(order).say(words)
