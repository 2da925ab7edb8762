"""Words put under the mask token."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from tfreg.data.augment.augmentation import Augmentation, Words
from tfreg.data.pieces import MASK


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class Masking(Augmentation):
    """Words are hidden by the tokenizer's mask token, one for all pieces of a word.

    Each word is hidden with probability ``rate``; one always stays to be seen. Tags
    stay: a tagger has to tell a hidden word's from the others. A text's words are what
    stands between white space.

    Args:
        rate: in [0, 1]; defaults to 0.1.

    Example:
        >>> row = Masking(0.5)(Words.of(["good", "text"]), np.random.default_rng(0))
        >>> row.words
        ('good', '\\x00')

    (The NUL character stands for the mask token: no text may contain it.)

    Xie et al. (2017), "Data Noising as Smoothing in Neural Network Language Models",
    "blank noising", with the mask token an encoder was pretrained with as the blank.
    """

    def __call__(self, row: Words, random: np.random.Generator) -> Words:
        hidden = self.chosen(row, random)
        if len(row) and hidden.all():
            hidden[random.integers(len(row))] = False
        return row.say([MASK if h else word for word, h in zip(row.words, hidden)])
