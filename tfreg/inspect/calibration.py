"""Temperature scaling: probabilities that say how often a model is right."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

from scipy.optimize import minimize_scalar

from tfreg._checks import InputError
from tfreg._outcome import Outcome
from tfreg.inspect.answers import answers, certainty, read
from tfreg.metrics import expected_calibration_error
from tfreg.metrics.scores import cross_entropy

_WIDEST = math.log(1000.0)


class Calibration(NamedTuple):
    """What `calibrate` changed, on the examples it was given.

    Args:
        temperature: T, by which all logits are divided; above 1 the model was too sure.
        error_before, error_after: the expected calibration error, in [0, 1].
        cross_entropy_before, cross_entropy_after: mean −log p of the truth.
    """

    temperature: float
    error_before: float
    error_after: float
    cross_entropy_before: float
    cross_entropy_after: float


def calibrate(model: Any, dev: Any) -> Calibration:
    """Divide a model's logits by the temperature that suits the dev examples.

    T minimises the mean of −log softmax(z / T)[y], over rows, or words; for several
    labels a row, that of the sigmoid over all labels. It is at most 1000, which a model
    has that is no better than chance. The last layer's kernel and bias are divided by
    T, in place: what is predicted stays the same, only its probability changes, and
    `save` needs nothing new. Calibrate last: another fit would begin from there.

    Args:
        model: a fitted classifier or tagger.
        dev: `Examples`, or (x, y), that the model was not trained on.

    Returns:
        A `Calibration`; its numbers are of `dev`, so the error of new texts is larger.

    Raises:
        InputError: a regressor; a `CRF` head, whose probabilities are those of whole
            paths; no rows; or all of dev is right, which asks for ever smaller T.

    Example:
        >>> said = model.predict_labels(["a text"])[0].label
        >>> other = "good" if said == "bad" else "bad"
        >>> found = calibrate(model, (["a text"] * 3, [said, said, other]))
        >>> found.cross_entropy_after <= found.cross_entropy_before
        True

    Guo et al. (2017), "On Calibration of Modern Neural Networks", section 4.2.
    """
    if getattr(model, "transitions", None) is not None:
        raise InputError("`model` has a CRF head, whose tags have no single logits")
    before = answers(model, dev)
    logits, ids = read(before)
    several = before.task == "multilabel"
    right = (logits > 0) == ids if several else logits.argmax(axis=1) == ids
    if right.all():  # the loss only falls, to 0
        raise InputError(
            "`dev` has no best temperature: all its answers are right, so that none is "
            "too small"
        )

    def loss(log_temperature: float) -> float:
        return cross_entropy(logits / math.exp(log_temperature), ids)

    found = minimize_scalar(
        loss, bounds=(-_WIDEST, _WIDEST), method="bounded", options={"xatol": 1e-6}
    )
    temperature = math.exp(found.x)
    after = replace(before, outputs=_divided(before, temperature))
    for weight in model.logits.weights:
        weight.assign(weight / temperature)
    return Calibration(
        temperature,
        expected_calibration_error(*certainty(before)),
        expected_calibration_error(*certainty(after)),
        loss(0.0),
        float(found.fun),
    )


def _divided(found: Outcome, temperature: float) -> Any:
    if found.task == "tag":
        return [rows / temperature for rows in found.outputs]
    return found.outputs / temperature
