"""Changes of training texts that leave their labels as they are.

`Swap`, `Deletion`, `Masking` and `Synonyms` change words, anew in every epoch: the
recipe field ``augment`` takes them. `Paraphrase` and `BackTranslation` say whole texts
anew by functions of the user's, once, and are no part of a recipe, which could not
keep a function: `augment_corpus` adds what they say to the training texts.
"""

from tfreg.data.augment.augmentation import Augmentation, Words
from tfreg.data.augment.corpus import augment_corpus
from tfreg.data.augment.deletion import Deletion
from tfreg.data.augment.masking import Masking
from tfreg.data.augment.rewriting import BackTranslation, Paraphrase
from tfreg.data.augment.swap import Swap
from tfreg.data.augment.synonyms import Synonyms

__all__ = [
    "Augmentation",
    "BackTranslation",
    "Deletion",
    "Masking",
    "Paraphrase",
    "Words",
    "Swap",
    "Synonyms",
    "augment_corpus",
]
