"""The recipe itself."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

from tfreg._checks import InputError, check_choice
from tfreg.recipe import objects
from tfreg.recipe.combinations import check_combination
from tfreg.recipe.fields import (
    ABOVE_0,
    AT_LEAST_0,
    COUNT,
    COUNT_OR_0,
    RATE,
    SHARE,
    Kind,
    check_freeze,
    choice,
    field,
    integer,
    live,
    number,
    read_freeze,
    read_head_text,
    read_penalty_text,
)
from tfreg.recipe.named import NAMED
from tfreg.recipe.short_names import spelled_out


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """Every setting of a fit.

    The defaults are the strong plain recipe of Mosbach et al. (2021): bias-corrected
    AdamW, decay off layer norms and biases, warm-up then linear decay, clipping.

    Args:
        kernel_regularizer: a Keras regulariser for the head's Dense kernels, or a
            list of such (they add up).
        backbone_regularizer: a Keras regulariser for all pretrained kernels that
            train, a list of such (they add up), or a mapping from path pattern
            (``"transformer_layer_0/*"``, as in `fnmatch`, on the whole path) to one
            or a list.
        head: None or ``"linear"``, ``"crf"`` (taggers), ``"projection"``, or an object
            of `tfreg.heads`, which says more.
        dropout: rate before the head's last layer, in [0, 1).
        backbone_dropout: rate of the backbone's hidden dropout, in [0, 1); None
            leaves the preset's.
        attention_dropout: rate on attention probabilities, likewise.
        word_dropout: share of the word pieces hidden in training, in [0, 1): see
            `tfreg.layers.WordDropout`.
        embedding_noise: deviation of the noise on embeddings in training, at least
            0: see `tfreg.layers.EmbeddingNoise`.
        mixout: rate at which pretrained kernels are put back in training, in [0, 1):
            see `tfreg.layers.Mixout`.
        dropconnect: rate of dropout on the pretrained kernels, in [0, 1).
        weight_noise: deviation of the noise on pretrained kernels in training, in
            their own, in [0, 1): see `tfreg.layers.WeightNoise`.
        multi_sample_dropout: masks of ``dropout`` a step, at least 1, over which the
            loss is averaged: see `tfreg.layers.MultiSampleDropout`.
        noisy_tune: strength of the noise that pretrained weights get once, when the
            model is built, at least 0: see `tfreg.adapt.noisy_tune`.
        freeze: None (all weights train), ``"embeddings"``, ``"backbone"`` (feature
            extraction), or the number of lowest blocks, embeddings included.
        adapter: None, or what trains in place of all pretrained weights:
            `tfreg.adapt.LoRA`, `tfreg.adapt.Adapter` or `tfreg.adapt.BitFit`.
        reinitialize: the number of highest blocks that start anew, and the pooler with
            them; 0 for none.
        gradual_unfreezing: blocks that begin to train, from the top, with each epoch
            after the first, see `tfreg.callbacks.GradualUnfreezing`; 0: all at once.
        child_tuning: None, or a `tfreg.optimizers.ChildTuning`.
        label_smoothing: share of the target spread over all labels, in [0, 1).
        objective: what training adds to the loss or puts in its place: one of
            `tfreg.objectives`, or several in a list, of which one may be a base loss.
        augment: one, or several in their order, of `tfreg.data.augment`, which change
            the words of each training text anew in every epoch; None for none.
        learning_rate: peak learning rate, above 0.
        weight_decay: decoupled decay of AdamW, at least 0; never on biases, layer
            norms, or weights held by an anchored penalty.
        warmup: share of the steps in which the rate rises from 0, in [0, 1].
        schedule: how it falls after that: ``"linear"`` or ``"cosine"`` to 0,
            ``"slanted"`` from and to a 32nd, or ``"constant"`` (with a ``warmup`` of 0
            a plain number, which callbacks may set).
        layer_decay: d in (0, 1]: the rate of a layer is d^depth of the head's, where
            the highest block has depth 1; 1 leaves all alike.
        anchor_decay: decoupled decay towards the pretrained values, of the pretrained
            kernels that train, instead of to 0; at least 0. Not the penalty `L2SP`:
            see `tfreg.optimizers.AdamW`.
        ema: momentum in (0, 1) of a moving average of the weights, which is what is
            scored, kept and saved; None for the weights themselves.
        swa: share of the steps, in (0, 1], at the end of the fit over which weights
            are averaged, likewise; None for no average. A fit that ``patience`` ends
            before them has none, and says so.
        global_clipnorm: bound on the norm of all gradients together; None for none.
        epochs: at least 1.
        batch_size: rows the model sees at once, at least 1.
        gradient_accumulation_steps: batches to an update of the weights, at least 1:
            as if ``batch_size`` were so many times as large, in the memory of one.
        steps_per_execution: updates in one call of the compiled step, at least 1;
            callbacks that look at batches run once a call.
        sequence_length: word pieces a text is cut to (a long tagged text is read
            through windows of that length), at least 8.
        patience: epochs without a better dev score before training stops, those that
            end within the warm-up not counted; None never stops early. The best
            epoch's weights are restored either way.
        precision: what the matrix products are computed in; weights, losses and
            penalties stay float32. ``"auto"`` is measured when the model is built,
            whose recipe holds what was picked.
        seed: of the head's start, dropout and the order of the data.

    Raises:
        InputError: naming the field whose value, or combination, is impossible.

    Example:
        >>> Recipe(dropout=0.2, epochs=5).epochs
        5
    """

    kernel_regularizer: Any = field(
        None,
        Kind(read_penalty_text, objects.read_head_penalties).or_none,
        "regularizer of the head's kernels, as JSON",
    )
    backbone_regularizer: Any = field(
        None,
        Kind(read_penalty_text, objects.read_backbone_penalties).or_none,
        "regularizer of the pretrained kernels, or {pattern: regularizer}, as JSON",
    )
    head: Any = field(
        None,
        Kind(read_head_text, objects.read_head).or_none,
        "linear, crf (taggers), projection, or a head as JSON",
    )
    dropout: float = field(0.1, RATE, "dropout rate before the head")
    backbone_dropout: float | None = field(
        None, RATE.or_none, "hidden dropout rate in the backbone; none: as the preset"
    )
    attention_dropout: float | None = field(
        None, RATE.or_none, "dropout rate on attention; none: as the preset"
    )
    word_dropout: float = field(0.0, RATE, "share of word pieces hidden in training")
    embedding_noise: float = field(0.0, AT_LEAST_0, "deviation of noise on embeddings")
    mixout: float = field(0.0, RATE, "rate of putting back pretrained kernels")
    dropconnect: float = field(0.0, RATE, "dropout rate on pretrained kernels")
    weight_noise: float = field(0.0, RATE, "noise on pretrained kernels, in their sd")
    multi_sample_dropout: int = field(1, COUNT, "dropout masks averaged over a step")
    noisy_tune: float = field(
        0.0, AT_LEAST_0, "noise on pretrained weights at the start"
    )
    freeze: str | int | None = field(
        None,
        Kind(read_freeze, check_freeze),
        "embeddings, backbone, or the number of lowest blocks",
    )
    adapter: Any = field(
        None, live(objects.read_one), "LoRA, Adapter or BitFit, or as JSON"
    )
    reinitialize: int = field(0, COUNT_OR_0, "highest blocks that start anew")
    gradual_unfreezing: int = field(
        0, COUNT_OR_0, "blocks that begin to train with each epoch; 0: all at once"
    )
    child_tuning: Any = field(None, live(objects.read_one), "ChildTuning, or as JSON")
    label_smoothing: float = field(0.0, RATE, "label smoothing")
    objective: Any = field(
        None,
        live(objects.read_objectives),
        "an objective of `tfreg.objectives`, or as JSON one or a list",
    )
    augment: Any = field(
        None,
        live(objects.read_augmentations),
        "an augmentation of training texts, or as JSON one or a list",
    )
    learning_rate: float = field(5e-5, ABOVE_0, "peak learning rate")
    weight_decay: float = field(0.01, AT_LEAST_0, "decoupled weight decay")
    warmup: float = field(
        0.1, number(low=0, high=1), "share of the steps spent warming up"
    )
    schedule: str = field(
        "linear",
        choice("linear", "cosine", "constant", "slanted"),
        "decay after the warm-up",
    )
    layer_decay: float = field(1.0, SHARE, "factor of the rate from layer to layer")
    anchor_decay: float = field(
        0.0, AT_LEAST_0, "decoupled decay towards the pretrained kernels"
    )
    ema: float | None = field(
        None,
        number(low=0, high=1, open_low=True, open_high=True).or_none,
        "momentum of the weights' moving average; none: off",
    )
    swa: float | None = field(
        None, SHARE.or_none, "share of the steps whose weights are averaged"
    )
    global_clipnorm: float | None = field(
        1.0, ABOVE_0.or_none, "bound on the gradients' norm; none: no clipping"
    )
    epochs: int = field(3, COUNT, "passes over the training data")
    batch_size: int = field(32, COUNT, "texts the model sees at once")
    gradient_accumulation_steps: int = field(
        1, COUNT, "batches to an update of the weights"
    )
    steps_per_execution: int = field(
        1, COUNT, "updates in one call of the compiled step"
    )
    sequence_length: int = field(128, integer(low=8), "word pieces a text is cut to")
    patience: int | None = field(
        None, COUNT.or_none, "epochs without a better dev score before stopping"
    )
    precision: str = field(
        "float32",
        choice("float32", "bfloat16", "float16", "auto"),
        "precision of compute; auto: measured, and said",
    )
    seed: int = field(
        0,
        integer(low=0, high=2**32 - 1),  # as NumPy takes
        "seed of weights, dropout and data order",
    )

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value = each.metadata["check"](each.name, getattr(self, each.name))
            object.__setattr__(self, each.name, value)
        check_combination(self)

    def __eq__(self, other: object) -> bool:
        # Regularisers compare by identity; what they say of themselves is what counts.
        return isinstance(other, Recipe) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_json(), sort_keys=True))

    def seed_of(self, name: str) -> int:
        """A seed for a part that draws random numbers of its own, by its name."""
        return zlib.crc32(f"{name} {self.seed}".encode())

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values, objects in Keras's serialised form."""
        return {
            field.name: objects.to_json(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }

    @classmethod
    def preset(cls, name: str, **fields: Any) -> Recipe:
        """A recipe that was measured to be a good start for a kind of data.

        Args:
            name: "plain" (the defaults), "small-data" (some hundred to some thousand
                examples: epochs until dev stops it), "small-data-tagging" or
                "many-labels" (tens of labels with few examples each). Their learning
                rates are for `minilm`; larger encoders want smaller ones (BERT-base
                2e-5 to 5e-5).
            **fields: over its own.

        Raises:
            InputError: an unknown name or field.

        Example:
            >>> Recipe.preset("small-data", seed=1).epochs
            24
        """
        check_choice("name", name, NAMED)
        check_fields(fields)
        return cls(**{**NAMED[name], **fields})

    @classmethod
    def from_json(cls, source: Mapping[str, Any] | str | PathLike[str]) -> Recipe:
        """The recipe that `to_json` wrote, from its dictionary or a file of it.

        Raises:
            InputError: unreadable file, broken JSON, or a field that does not exist.
        """
        if not isinstance(source, Mapping):
            source = _read_json(source)
        check_fields(source)
        return cls(**source)

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Recipe:
        """A recipe from fields and short names: ``{"l2": 1e-4, "dropout": 0.2}``."""
        fields = spelled_out(options)
        check_fields(fields)
        return cls(**fields)


def check_fields(fields: Mapping[str, Any]) -> None:
    """Refuse a name that is no field of `Recipe`."""
    known = [field.name for field in dataclasses.fields(Recipe)]
    for name in fields:
        if name not in known:
            raise InputError(
                f"unknown recipe field `{name}`; known: {', '.join(known)}"
            )


def _read_json(path: str | PathLike[str]) -> Mapping[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: expected a JSON object of recipe fields")
    return content
