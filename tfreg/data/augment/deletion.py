"""Words left out."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from tfreg.data.augment.augmentation import Augmentation, Words


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class Deletion(Augmentation):
    """Words are left out, and their tags with them.

    Each word is left out with probability ``rate``; one always stays. The first word
    of a span, which has its B- tag, stays as long as another word of it does, so that
    valid IOB2 tags are valid after it. A text's words are what stands between white
    space.

    Args:
        rate: in [0, 1]; defaults to 0.1.

    Example:
        >>> Deletion(0.5)(Words.of(["good", "text"]), np.random.default_rng(0)).words
        ('good',)

    Wei & Zou (2019), "EDA: Easy Data Augmentation Techniques for Boosting Performance
    on Text Classification Tasks", section 2: "random deletion".
    """

    def __call__(self, row: Words, random: np.random.Generator) -> Words:
        if not len(row):
            return row
        stays = ~self.chosen(row, random)
        if not stays.any():
            stays[random.integers(len(row))] = True
        groups = np.array(row.groups)
        for span in set(groups[stays & (groups > 0)]):
            stays[np.argmax(groups == span)] = True
        return row.take(np.flatnonzero(stays).tolist())
