"""What a fit did to the weights: how far they went, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from keras import ops

from tfreg._checks import InputError
from tfreg._figures import finish, new_figure
from tfreg.adapt import LoRA
from tfreg.adapt.freeze import embeddings, every_block
from tfreg.presets import load_preset
from tfreg.selection import select

_File = str | PathLike[str] | None


def weight_distance(model: Any, preset: Any) -> dict[str, float]:
    """How far a fine-tuned encoder is from where it began, by block.

    ‖w − w⁰‖₂ / ‖w⁰‖₂ over all weights of a part. LoRA counts with its update in the
    kernels; weights that the pretrained encoder does not have are left out.

    Args:
        model: a tfreg model.
        preset: what the model was built on, as for the builders.

    Returns:
        {part: distance}: ``"embeddings"``, ``"block 0"`` and so on from the lowest, and
        ``"pooler"`` where the encoder has one. (ALBERT's blocks are one.)

    Raises:
        InputError: the preset cannot be loaded, or is another encoder.

    Example:
        >>> weight_distance(model, model.backbone)
        {'embeddings': 0.0, 'block 0': 0.0, 'block 1': 0.0, 'pooler': 0.0}
    """
    backbone, adapter = model.backbone, model.recipe.adapter
    values = {weight.path: weight for weight in backbone.weights}
    if isinstance(adapter, LoRA):
        values = adapter.folded(backbone)
    start = {weight.path: weight for weight in _start(preset).weights}
    found = {}
    for name, layers in parts(backbone).items():
        paths = [w.path for layer in layers for w in layer.weights if w.path in start]
        if any(values[path].shape != start[path].shape for path in paths) or not paths:
            raise InputError(
                f"`preset` is not the encoder the model was built on: {name} differs"
            )
        moved = [_array(values[path]) - _array(start[path]) for path in paths]
        found[name] = _norm(moved) / _norm([_array(start[path]) for path in paths])
    return found


def parts(backbone: Any) -> dict[str, list[Any]]:
    """The layers of an encoder's embeddings, of its blocks, and its pooler."""
    found = {"embeddings": embeddings(backbone)}
    found |= {f"block {n}": [b] for n, b in enumerate(every_block(backbone))}
    pooler = [layer for layer in backbone.layers if layer.name == "pooled_dense"]
    return found | ({"pooler": pooler} if pooler else {})


def draw_weight_distance(
    distances: Mapping[str, Mapping[str, float]], file: _File = None
) -> Any:
    """Distances from the pretrained weights, by block, of some models side by side.

    Args:
        distances: {name: what `weight_distance` gave}, of one encoder.
        file: a PNG file to write.

    Returns:
        A Matplotlib figure.

    Raises:
        InputError: none, or distances of different encoders.

    Example:
        >>> plain = {"embeddings": 0.1, "block 0": 0.2}
        >>> figure = draw_weight_distance({"plain": plain})
        >>> len(figure.axes[0].patches)
        2
    """
    names = list(next(iter(distances.values()), {}))
    if not names or any(list(each) != names for each in distances.values()):
        raise InputError("`distances` must be those of one encoder, at least one")
    figure = new_figure(2.0 + 0.7 * len(names), 3.8)
    axes = figure.add_subplot()
    width = 0.8 / len(distances)
    for number, (name, each) in enumerate(distances.items()):
        places = np.arange(len(names)) + (number - (len(distances) - 1) / 2) * width
        axes.bar(places, list(each.values()), width, label=name)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set(ylabel="distance from the pretrained weights\n(relative)")
    axes.grid(alpha=0.3, axis="y")
    axes.legend()
    return finish(figure, file)


def draw_weights(
    models: Mapping[str, Any], pattern: str = "logits/kernel", file: _File = None
) -> Any:
    """Histograms of the weights whose path fits a pattern, one line a model.

    Args:
        models: {name: tfreg model}.
        pattern: of paths, as for ``backbone_regularizer``; ``"logits/kernel"`` is the
            head's.
        file: a PNG file to write.

    Returns:
        A Matplotlib figure.

    Raises:
        InputError: no model, or one without such a weight.

    Example:
        >>> figure = draw_weights({"plain": model}, "*/query/kernel")
        >>> figure.axes[0].get_xlabel()
        'weights of */query/kernel'
    """
    if not models:
        raise InputError("`models` must be at least one")
    values = {}
    for name, model in models.items():
        found = select(model.weights, pattern)
        if not found:
            raise InputError(f"`pattern` {pattern!r} matches no weight of {name!r}")
        values[name] = np.concatenate([_array(weight).ravel() for weight in found])
    widest = max(np.abs(each).max() for each in values.values()) or 1.0
    edges = np.linspace(-widest, widest, 61)
    figure = new_figure(6.4, 3.8)
    axes = figure.add_subplot()
    for name, each in values.items():
        zeros = np.mean(each == 0)
        label = f"{name}, {zeros:.0%} zeros" if zeros else name
        axes.hist(each, edges, histtype="step", linewidth=1.5, label=label)
    axes.set(xlabel=f"weights of {pattern}", ylabel="how many", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    return finish(figure, file)


def _start(preset: Any) -> Any:
    """The encoder of a preset; a backbone is its own."""
    if hasattr(preset, "transformer_layers"):
        return preset
    return load_preset(preset).backbone


def _array(value: Any) -> np.ndarray:
    return ops.convert_to_numpy(value).astype("float64")


def _norm(arrays: list[np.ndarray]) -> float:
    return float(np.sqrt(sum(np.sum(array**2) for array in arrays)))
