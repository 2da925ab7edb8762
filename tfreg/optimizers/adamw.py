"""AdamW as the field means it: exclusions that save, gradients summed first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError, check_number, fail
from tfreg.optimizers.anchor_decay import AnchorDecay
from tfreg.optimizers.averages import Averages
from tfreg.optimizers.child_tuning import ChildSteps, ChildTuning
from tfreg.optimizers.multipliers import RateMultipliers, check_multipliers
from tfreg.optimizers.proximal import ProximalSteps
from tfreg.selection import matches

# Layer norms and biases, in every backbone of KerasHub. (Patterns such as "LayerNorm",
# copied from other libraries, match no Keras variable.)
NO_DECAY = ("*/bias", "*/gamma", "*/beta", "bias", "gamma", "beta")


@keras.saving.register_keras_serializable("tfreg")
class AdamW(
    RateMultipliers, ChildSteps, ProximalSteps, AnchorDecay, _compat.OnePassAdamW
):
    """Bias-corrected Adam with decoupled weight decay.

    w ← w·(1 − η·wd), then w ← w − η·m̂/(√v̂ + ε/√(1−β₂ᵗ)) with m̂, v̂ corrected for
    their start at zero (ε stands beside the uncorrected √v, as everywhere in Keras;
    the paper has it beside √v̂). Two things differ from Keras's own AdamW: variables
    left out of the decay are chosen by path pattern and are part of the config (Keras
    forgets them when saved, and drops them inside a loss-scaling optimiser), and the
    rows of a sparse embedding gradient are summed before the second moment sees them,
    as in every other framework. Weights with a `ProximalL1` end each step with theirs.

    Where a variable has an anchor w⁰, its decay is w ← w − η·α·(w − w⁰) instead. This
    is not the penalty `L2SP`, of gradient 2α(w − w⁰), which Adam divides by √v̂ as it
    does the gradient of the data: there the pull is weak on weights whose gradients
    are large, here it is the same on all. (Nor has it the 2.)

    Args:
        learning_rate: number or schedule.
        weight_decay: at least 0; defaults to 0.01.
        no_decay: path patterns (as in `fnmatch`) of the variables left out; defaults
            to biases and layer norms.
        epsilon: defaults to 1e-8.
        multipliers: {path pattern: factor on the rate}, factors at least 0, in the
            step and in the decay; a weight takes the first pattern that it matches.
            Defaults to none.
        child_tuning: a `ChildTuning`, or None (the default).
        anchor_decay: α, at least 0; defaults to 0. The anchors are given by a model
            that was built with this field of its recipe, when it is compiled.
        ema, swa: as for `tfreg.optimizers.Averages`; None (default) averages nothing.
            `fit` of a tfreg model has the means scored, kept and saved.
        **kwargs: as for `keras.optimizers.AdamW`.

    Raises:
        InputError: ``no_decay`` is one string, a number is out of range, or
            ``child_tuning`` of another kind; when it is built, there are no anchors to
            decay to.

    Example:
        >>> model.compile(AdamW(5e-5, no_decay=("*/bias", "token_embedding/*")))
        >>> model.compile(AdamW(5e-5, multipliers={"logits/*": 10.0}))

    Loshchilov & Hutter (2019), "Decoupled Weight Decay Regularization", algorithm 2.
    Howard & Ruder (2018), "Universal Language Model Fine-tuning for Text
    Classification", section 3.2, for rates that differ by layer.
    """

    def __init__(
        self,
        learning_rate: Any = 5e-5,
        weight_decay: float = 0.01,
        no_decay: Sequence[str] = NO_DECAY,
        epsilon: float = 1e-8,
        multipliers: Mapping[str, float] | None = None,
        child_tuning: ChildTuning | None = None,
        anchor_decay: float = 0.0,
        ema: float | None = None,
        swa: float | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", "adamw")
        check_number("weight_decay", weight_decay, low=0)
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            epsilon=epsilon,
            **kwargs,
        )
        if isinstance(no_decay, str):
            raise InputError(f"`no_decay` must be a sequence; got {no_decay!r}")
        if isinstance(child_tuning, Mapping):  # from a saved config
            child_tuning = keras.saving.deserialize_keras_object(child_tuning)
        if not isinstance(child_tuning, ChildTuning | None):
            raise fail("child_tuning", "a ChildTuning or None", child_tuning)
        self.no_decay = tuple(no_decay)
        self.multipliers = check_multipliers(multipliers)
        self.child_tuning = child_tuning
        self.anchor_decay = check_number("anchor_decay", anchor_decay, low=0)
        self.averages = Averages(ema, swa)

    def build(self, variables: Any) -> None:
        if self.built:
            return
        left_out = [v for v in variables if matches(v.path, self.no_decay)]
        super().exclude_from_weight_decay(var_list=left_out)
        super().build(variables)
        if self.averages:
            self.averages.build(self, variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient, variable, learning_rate)
        if self.averages:
            self.averages.update(self, variable)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None):
        """Refused: what it says would be lost on saving; `no_decay` is not.

        Raises:
            InputError: always.
        """
        raise InputError(
            "`exclude_from_weight_decay`: give path patterns as `no_decay`"
        )

    def metric(self, variable: Any) -> Any:
        """√v̂ + ε/√(1−β₂ᵗ), by which Adam divides each weight's step."""
        correction = ops.sqrt(
            1 - self.beta_2 ** (ops.cast(self.iterations, "float32") + 1)
        )
        moment = ops.convert_to_tensor(_compat.second_moment(self, variable))
        return (ops.sqrt(ops.cast(moment, "float32")) + self.epsilon) / correction

    def get_config(self) -> dict[str, Any]:
        child = self.child_tuning
        return {
            **super().get_config(),
            "no_decay": list(self.no_decay),
            "multipliers": dict(self.multipliers),
            "child_tuning": child and keras.saving.serialize_keras_object(child),
            "anchor_decay": self.anchor_decay,
            "ema": self.averages.ema,
            "swa": self.averages.swa,
        }
