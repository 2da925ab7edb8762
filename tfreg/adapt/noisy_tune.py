"""Noise on the pretrained weights, once, before they are trained."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import check_number


def noisy_tune(backbone: Any, strength: float, seed: int) -> None:
    """Add uniform noise to each weight of a backbone that trains, in its own scale.

    w ← w + U(−λ/2, λ/2)·std(w) for each element, std over all elements of its weight
    (as a population). Builders do it once, to a new model, by the recipe's
    ``noisy_tune``; anchors are taken before. A loaded model is left as it is.

    Args:
        backbone: a KerasHub backbone, adapted and frozen.
        strength: λ, at least 0, where 0 changes nothing; the paper's is 0.15.
        seed: of the noise.

    Raises:
        InputError: a strength below 0.

    Example:
        >>> noisy_tune(backbone, 0.15, seed=0)

    Wu et al. (2022), "NoisyTune: A Little Noise Can Help You Finetune Pretrained
    Language Models Better", equation 1. Departure: frozen weights, which training
    could not repair, get none.
    """
    half = check_number("strength", strength, low=0) / 2
    if not half:
        return
    seeds = keras.random.SeedGenerator(seed)
    for weight in backbone.trainable_variables:
        noise = keras.random.uniform(
            weight.shape, -half, half, dtype="float32", seed=seeds
        )
        weight.assign(weight + noise * ops.std(weight))
