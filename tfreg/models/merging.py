"""A model with LoRA as a plain one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras import ops

from tfreg._checks import InputError
from tfreg.adapt import LoRA


def merged(model: Any) -> Any:
    """A new model without LoRA that computes what `model` computes.

    Args:
        model: a task model, which stays as it is.

    Raises:
        InputError: it has no LoRA.
    """
    adapter = model.recipe.adapter
    if not isinstance(adapter, LoRA):
        raise InputError(f"there is no LoRA to merge: `adapter` is {adapter!r}")
    recipe = replace(model.learned_recipe, adapter=None, backbone_regularizer=None)
    config = {**model.get_config(), "recipe": recipe.to_json()}
    config.pop("strengths", None)  # they are in that recipe
    config["preprocessor"] = model.preprocessor  # its vocabulary is not in its config
    plain = type(model).from_config(config)
    values = {weight.path: weight for weight in model.weights}
    values |= adapter.folded(model.backbone)
    for weight in plain.weights:
        # JAX would share one buffer, which the other model may give away.
        weight.assign(ops.copy(values[weight.path]))
    plain.compile()
    return plain
