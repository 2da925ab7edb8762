"""Builders: preset -> adapt -> freeze -> penalise -> start, in that order.

The middle three happen in the models' constructor (`TextTask.__init__`), from the
recipe that the model keeps, so that every way of loading it repeats them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.adapt.noisy_tune import noisy_tune
from tfreg.data.targets import check_labels
from tfreg.models import TextClassifier, TextRegressor, TokenTagger
from tfreg.models.encoder import load_encoder
from tfreg.precision import pick_precision
from tfreg.recipe import Recipe, check_fields


def build_classifier(
    preset: Any,
    labels: Sequence[str],
    *,
    multi_label: bool = False,
    tokenizer: Any = None,
    recipe: Recipe | None = None,
    **fields: Any,
) -> TextClassifier:
    """A compiled `TextClassifier` on a pretrained encoder.

    Args:
        preset: a KerasHub preset name, a ``kaggle://`` or ``hf://`` handle, a local
            KerasHub preset or Hugging Face folder, a saved tfreg model (its encoder
            is taken, and anchors are its loaded weights), a KerasHub backbone, or
            ``"minilm"``.
        labels: label names, which the model answers with.
        multi_label: whether a text has any number of labels.
        tokenizer: a KerasHub tokenizer, for a backbone; without one the model takes
            ids.
        recipe: settings; defaults to the plain strong recipe.
        **fields: single fields of `Recipe`, over those of ``recipe``.

    Raises:
        InputError: naming the argument that is impossible.

    Example:
        >>> model = build_classifier(
        ...     backbone, ("bad", "good"), tokenizer=tokenizer, dropout=0.2
        ... )
        >>> history = model.fit(["a good text"], ["good"], epochs=1, verbose=0)
    """
    task = "multilabel" if multi_label else "classify"
    labels = check_labels(labels, task)
    recipe = _recipe(recipe, fields, preset)
    with _seeded(recipe.seed):
        encoder, preprocessor = load_encoder(preset, tokenizer, recipe, task, labels)
        model = TextClassifier(
            encoder.backbone,
            preprocessor,
            labels=labels,
            multi_label=multi_label,
            recipe=recipe,
            architecture=encoder.architecture,
        )
    _start(model)
    return model


def build_regressor(
    preset: Any,
    *,
    tokenizer: Any = None,
    recipe: Recipe | None = None,
    **fields: Any,
) -> TextRegressor:
    """A compiled `TextRegressor` on a pretrained encoder.

    Args:
        preset, tokenizer, recipe, **fields: as for `build_classifier`.

    Raises:
        InputError: naming the argument that is impossible.

    Example:
        >>> from tfreg.regularizers import L2SP
        >>> model = build_regressor(
        ...     backbone, tokenizer=tokenizer, backbone_regularizer=L2SP(1e-3)
        ... )
        >>> pairs = ["a good text"], ["a bad text"]
        >>> history = model.fit(pairs, [0.5], epochs=1, verbose=0)
    """
    recipe = _recipe(recipe, fields, preset)
    with _seeded(recipe.seed):
        encoder, preprocessor = load_encoder(preset, tokenizer, recipe, "regress", ())
        model = TextRegressor(
            encoder.backbone,
            preprocessor,
            recipe=recipe,
            architecture=encoder.architecture,
        )
    _start(model)
    return model


def build_tagger(
    preset: Any,
    labels: Sequence[str],
    *,
    tokenizer: Any = None,
    recipe: Recipe | None = None,
    **fields: Any,
) -> TokenTagger:
    """A compiled `TokenTagger` on a pretrained encoder.

    Args:
        preset, tokenizer, recipe, **fields: as for `build_classifier`.
        labels: tag names, for example ``("O", "B-PER", "I-PER")``.

    Raises:
        InputError: naming the argument that is impossible.

    Example:
        >>> model = build_tagger(
        ...     backbone, ("O", "B-PER", "I-PER"), tokenizer=tokenizer
        ... )
        >>> history = model.fit([["good", "a"]], [["B-PER", "O"]], epochs=1, verbose=0)
    """
    labels = check_labels(labels, "tag")
    recipe = _recipe(recipe, fields, preset)
    with _seeded(recipe.seed):
        encoder, preprocessor = load_encoder(preset, tokenizer, recipe, "tag", labels)
        model = TokenTagger(
            encoder.backbone,
            preprocessor,
            labels=labels,
            recipe=recipe,
            architecture=encoder.architecture,
        )
    _start(model)
    return model


def _recipe(recipe: Recipe | None, fields: dict[str, Any], preset: Any) -> Recipe:
    """The settings of a model: nothing in them is left to be decided."""
    check_fields(fields)
    if recipe is not None and not isinstance(recipe, Recipe):
        raise InputError(f"`recipe` must be a Recipe; got {recipe!r}")
    recipe = replace(recipe or Recipe(), **fields)
    if recipe.precision == "auto":
        if _compat.several_workers():
            raise InputError(
                "`precision` 'auto' is measured by each worker by itself, and they may "
                "differ; say 'bfloat16' or 'float32'"
            )
        picked, why = pick_precision(preset)
        print(f"precision: {picked}, {why}")
        recipe = replace(recipe, precision=picked)
    return recipe


def _start(model: Any) -> None:
    """What is done to a new model only, not to a loaded one."""
    strength, seed = model.recipe.noisy_tune, model.recipe.seed_of("noisy_tune")
    noisy_tune(model.backbone, strength, seed)
    model.compile()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what is random in a new model, and leave the user's generator alone.

    Keras draws the seeds of initialisers and of dropout from Python's generator.
    """
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
