"""From a preset to the encoder of a new model, and what feeds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfreg._checks import InputError
from tfreg.data.augment.augmenter import check_augmentations
from tfreg.data.preprocessing import TextPreprocessor
from tfreg.presets import Preset, load_preset
from tfreg.recipe import Recipe


def load_encoder(
    preset: Any, tokenizer: Any, recipe: Recipe, task: str, labels: Sequence[str]
) -> tuple[Preset, TextPreprocessor | None]:
    """The encoder, and the preprocessor for its inputs.

    Args:
        preset, tokenizer: as for `build_classifier`.
        recipe, task, labels: of the model.

    Raises:
        InputError: nothing can be loaded from there, or not for such a recipe.
    """
    encoder = _encoder(preset, tokenizer, recipe.precision)
    longest = getattr(encoder.backbone, "max_sequence_length", None)
    if longest is not None and recipe.sequence_length > longest:
        raise InputError(
            f"`sequence_length` must be at most {longest} for this encoder; "
            f"got {recipe.sequence_length}"
        )
    if encoder.tokenizer is None:
        check_augmentations(recipe.augment, None)
        return encoder, None
    preprocessor = TextPreprocessor(
        encoder.tokenizer,
        task,
        labels,
        recipe.sequence_length,
        segments="segment_ids" in encoder.backbone.input,
    )
    check_augmentations(recipe.augment, preprocessor)
    return encoder, preprocessor


def _encoder(preset: Any, tokenizer: Any, precision: str) -> Preset:
    from tfreg.models.loading import load_model, saved_form  # which loads encoders too

    saved = isinstance(preset, (str, bytes)) or hasattr(preset, "__fspath__")
    if not saved or saved_form(preset) is None:
        return load_preset(preset, tokenizer=tokenizer, precision=precision)
    model = load_model(preset, compile=False)
    was, adapter = model.architecture, model.recipe.adapter
    trained = Preset(
        model.backbone,
        tokenizer or (model.preprocessor and model.preprocessor.tokenizer),
        has_pooler=was["pooler"],
        activation=was["activation"],
        layer_norm_epsilon=was["layer_norm_epsilon"],
        hidden_dropout=was["hidden_dropout"],
        attention_dropout=was["attention_dropout"],
    )
    return trained.copy(precision, adapter and adapter.folded(model.backbone))
