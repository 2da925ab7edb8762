"""BitFit: of an encoder only the biases train."""

from __future__ import annotations

import keras

from tfreg.adapt.adaptation import Adaptation
from tfreg.selection import matches


@keras.saving.register_keras_serializable("tfreg")
class BitFit(Adaptation):
    """Of the pretrained weights only the biases train, those of layer norms included.

    Each layer is W⁰x + b, and each layer norm γ⁰⊙x̂ + β, with W⁰ and γ⁰ as they were
    pretrained, b and β from their pretrained values on. The head trains in full. With
    ``freeze=k`` the biases of the lower blocks stand still too.

    Example:
        >>> from tfreg import build_classifier
        >>> model = build_classifier(backbone, ("bad", "good"), adapter=BitFit())

    Ben Zaken, Ravfogel & Goldberg (2022), "BitFit: Simple Parameter-efficient
    Fine-tuning for Transformer-based Masked Language-models", section 3.
    """

    def trains(self, path: str) -> bool:
        return matches(path, ["*/bias", "*/beta"])
