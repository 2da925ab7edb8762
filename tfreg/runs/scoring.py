"""A model's scores on one split: from its outputs, free of penalties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfreg._outcome import Outcome

if TYPE_CHECKING:
    from tfreg.data.examples import Examples


def score(
    model: Any, examples: Examples, encoded: Any = None, feature_cache: Any = False
) -> Outcome:
    """What `model` says about labelled examples.

    Args:
        model: a `TextClassifier`, `TextRegressor` or `TokenTagger`.
        examples: rows with targets.
        encoded: the same rows, encoded by the model, if at hand.
        feature_cache: as for the model's `predict`.

    Raises:
        InputError: rows without targets, or an output that is not finite.
    """
    # Late: it brings Keras, which `tfreg info` does without.
    from tfreg.inspect.answers import answers

    return answers(model, examples, encoded, feature_cache)
