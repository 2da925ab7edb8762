"""A recipe: every setting of a fit, frozen, checked, and the same through all doors.

The builders take its fields as keywords, the command line turns each field into an
option, the saved model carries it, and ``recipe.json`` holds it.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

from tfreg._checks import InputError, check_choice, check_integer, check_number, fail
from tfreg.adapt.noise_rules import check_noise
from tfreg.serial import from_text, read_object

SCHEDULES = ("linear", "cosine", "constant", "slanted")
PRECISIONS = ("float32", "bfloat16", "float16", "auto")
FREEZES = ("embeddings", "backbone")
HEADS = ("linear", "crf", "projection")  # and objects of tfreg.heads

# The short names of the command line (and of search spaces): name -> (recipe field,
# the regulariser's class, its argument that the number is, help).
SHORT_NAMES: dict[str, tuple[str, str, str, str]] = {
    "l1": (
        *("kernel_regularizer", "L1", "l1"),
        "strength of λ·Σ|w| on the head's kernels",
    ),
    "l2": (
        *("kernel_regularizer", "L2", "l2"),
        "strength of λ·Σw² on the head's kernels",
    ),
    "proximal_l1": (
        *("kernel_regularizer", "tfreg>ProximalL1", "strength"),
        "strength of λ·Σ|w| on the head's kernels, by steps that give exact zeros",
    ),
    "l2sp": (
        *("backbone_regularizer", "tfreg>L2SP", "alpha"),
        "strength of λ·Σ(w−w⁰)² on the pretrained kernels",
    ),
    "fisher_l2sp": (
        *("backbone_regularizer", "tfreg>FisherL2SP", "alpha"),
        "strength of λ·ΣF·(w−w⁰)² on the pretrained kernels, F the Fisher information",
    ),
    "orthogonal": (
        *("backbone_regularizer", "tfreg>Orthogonal", "alpha"),
        "strength of λ·‖WᵀW−I‖² on the pretrained kernels",
    ),
    "spectral": (
        *("backbone_regularizer", "tfreg>Spectral", "alpha"),
        "strength of λ·σ_max(W)² on the pretrained kernels",
    ),
    "group_lasso": (
        *("backbone_regularizer", "tfreg>GroupLasso", "strength"),
        "strength of λ·Σ√|g|·‖w_g‖ over the attention heads",
    ),
}


def _freeze(text: str) -> str | int | None:
    """Read ``freeze`` from the command line: a name or a number of blocks."""
    if text == "none":
        return None
    return int(text) if text.isdigit() else text


def _regularizer(text: str) -> Any:
    """Read a regulariser from the command line: Keras's serialised JSON."""
    example = '{"class_name": "L2", "config": {"l2": 1e-4}}'
    example = f"'{example}' (or use --l1, --l2, --l2sp)"
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"a regularizer is written as JSON, for example {example}; got {text!r}"
        ) from error


def _head(text: str) -> Any:
    """Read ``head`` from the command line: a name, or a head's serialised JSON."""
    return text if text in HEADS else from_text(text)


def _optional_number(text: str) -> float | None:
    return None if text == "none" else float(text)


def _optional_integer(text: str) -> int | None:
    return None if text == "none" else int(text)


def _field(default: Any, help: str, type: Any, choices: Any = None) -> Any:
    metadata = {"help": help, "type": type, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


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
            ``"slanted"`` from and to a 32nd, or ``"constant"``.
        layer_decay: d in (0, 1]: the rate of a layer is d^depth of the head's, where
            the highest block has depth 1; 1 leaves all alike.
        anchor_decay: decoupled decay towards the pretrained values, of the pretrained
            kernels that train, instead of to 0; at least 0. Not the penalty `L2SP`:
            see `tfreg.optimizers.AdamW`.
        ema: momentum in (0, 1) of a moving average of the weights, which is what is
            scored, kept and saved; None for the weights themselves.
        swa: share of the steps, in (0, 1], at the end of the fit over which weights
            are averaged, likewise; None for no average.
        global_clipnorm: bound on the norm of all gradients together; None for none.
        epochs: at least 1.
        batch_size: rows the model sees at once, at least 1.
        gradient_accumulation_steps: batches to an update of the weights, at least 1:
            as if ``batch_size`` were so many times as large, in the memory of one.
        steps_per_execution: updates in one call of the compiled step, at least 1;
            callbacks that look at batches run once a call.
        sequence_length: word pieces a text is cut to (a long tagged text is read
            through windows of that length), at least 8.
        patience: epochs without a better dev score before training stops; None
            never stops early. The best epoch's weights are restored either way.
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

    kernel_regularizer: Any = _field(
        None, "regularizer of the head's kernels, as JSON", _regularizer
    )
    backbone_regularizer: Any = _field(
        None,
        "regularizer of the pretrained kernels, or {pattern: regularizer}, as JSON",
        _regularizer,
    )
    head: Any = _field(
        None, "linear, crf (taggers), projection, or a head as JSON", _head
    )
    dropout: float = _field(0.1, "dropout rate before the head", float)
    backbone_dropout: float | None = _field(
        None,
        "hidden dropout rate in the backbone; none: as the preset",
        _optional_number,
    )
    attention_dropout: float | None = _field(
        None, "dropout rate on attention; none: as the preset", _optional_number
    )
    word_dropout: float = _field(0.0, "share of word pieces hidden in training", float)
    embedding_noise: float = _field(0.0, "deviation of noise on embeddings", float)
    mixout: float = _field(0.0, "rate of putting back pretrained kernels", float)
    dropconnect: float = _field(0.0, "dropout rate on pretrained kernels", float)
    multi_sample_dropout: int = _field(1, "dropout masks averaged over a step", int)
    noisy_tune: float = _field(0.0, "noise on pretrained weights at the start", float)
    freeze: str | int | None = _field(
        None, "embeddings, backbone, or the number of lowest blocks", _freeze
    )
    adapter: Any = _field(None, "LoRA, Adapter or BitFit, or as JSON", from_text)
    reinitialize: int = _field(0, "highest blocks that start anew", int)
    gradual_unfreezing: int = _field(
        0, "blocks that begin to train with each epoch; 0: all at once", int
    )
    child_tuning: Any = _field(None, "ChildTuning, or as JSON", from_text)
    label_smoothing: float = _field(0.0, "label smoothing", float)
    objective: Any = _field(
        None, "an objective of `tfreg.objectives`, or as JSON one or a list", from_text
    )
    augment: Any = _field(
        None,
        "an augmentation of training texts, or as JSON one or a list",
        from_text,
    )
    learning_rate: float = _field(5e-5, "peak learning rate", float)
    weight_decay: float = _field(0.01, "decoupled weight decay", float)
    warmup: float = _field(0.1, "share of the steps spent warming up", float)
    schedule: str = _field("linear", "decay after the warm-up", str, SCHEDULES)
    layer_decay: float = _field(1.0, "factor of the rate from layer to layer", float)
    anchor_decay: float = _field(
        0.0, "decoupled decay towards the pretrained kernels", float
    )
    ema: float | None = _field(
        None, "momentum of the weights' moving average; none: off", _optional_number
    )
    swa: float | None = _field(
        None, "share of the steps whose weights are averaged", _optional_number
    )
    global_clipnorm: float | None = _field(
        1.0, "bound on the gradients' norm; none: no clipping", _optional_number
    )
    epochs: int = _field(3, "passes over the training data", int)
    batch_size: int = _field(32, "texts the model sees at once", int)
    gradient_accumulation_steps: int = _field(
        1, "batches to an update of the weights", int
    )
    steps_per_execution: int = _field(
        1, "updates in one call of the compiled step", int
    )
    sequence_length: int = _field(128, "word pieces a text is cut to", int)
    patience: int | None = _field(
        None, "epochs without a better dev score before stopping", _optional_integer
    )
    precision: str = _field(
        "float32", "precision of compute; auto: measured, and said", str, PRECISIONS
    )
    seed: int = _field(0, "seed of weights, dropout and data order", int)

    def __post_init__(self) -> None:
        for name in (
            "dropout",
            "label_smoothing",
            "word_dropout",
            "mixout",
            "dropconnect",
        ):
            check_number(name, getattr(self, name), low=0, high=1, open_high=True)
        for name in ("backbone_dropout", "attention_dropout"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), low=0, high=1, open_high=True)
        for name in ("embedding_noise", "noisy_tune"):
            check_number(name, getattr(self, name), low=0)
        check_integer("multi_sample_dropout", self.multi_sample_dropout, low=1)
        if isinstance(self.freeze, str) or self.freeze is None:
            check_choice("freeze", self.freeze, (None, *FREEZES))
        else:
            check_integer("freeze", self.freeze, low=1)
        check_integer("reinitialize", self.reinitialize, low=0)
        check_integer("gradual_unfreezing", self.gradual_unfreezing, low=0)
        check_number("learning_rate", self.learning_rate, low=0, open_low=True)
        check_number("weight_decay", self.weight_decay, low=0)
        check_number("warmup", self.warmup, low=0, high=1)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_number("layer_decay", self.layer_decay, low=0, high=1, open_low=True)
        check_number("anchor_decay", self.anchor_decay, low=0)
        self._check_averages()
        if self.global_clipnorm is not None:
            check_number("global_clipnorm", self.global_clipnorm, low=0, open_low=True)
        for name in (
            "epochs",
            "batch_size",
            "gradient_accumulation_steps",
            "steps_per_execution",
        ):
            check_integer(name, getattr(self, name), low=1)
        check_integer("sequence_length", self.sequence_length, low=8)
        if self.patience is not None:
            check_integer("patience", self.patience, low=1)
        check_choice("precision", self.precision, PRECISIONS)
        check_integer("seed", self.seed, low=0, high=2**32 - 1)  # as NumPy takes
        check_noise(self)
        if self.head is None or isinstance(self.head, str):
            check_choice("head", self.head, (None, *HEADS))
        else:
            head = read_object("head", self.head, "Head", "tfreg.heads")
            object.__setattr__(self, "head", head)
        self._check_regularizers()
        self._check_objective()
        object.__setattr__(self, "augment", _read_augment(self.augment))
        self._check_frozen_backbone()
        self._read_objects()

    def _check_averages(self) -> None:
        if self.ema is not None:
            check_number("ema", self.ema, low=0, high=1, open_low=True, open_high=True)
        if self.swa is not None:
            check_number("swa", self.swa, low=0, high=1, open_low=True)
        if self.ema is not None and self.swa is not None:
            raise InputError(
                "`ema` and `swa` cannot be combined: both are means of the weights"
            )

    def _check_regularizers(self) -> None:
        """Turn serialised regularisers into live ones; refuse anything else."""
        kernel = _read_several("kernel_regularizer", self.kernel_regularizer)
        for one in kernel if isinstance(kernel, tuple) else (kernel,):
            if getattr(one, "needs_anchor", False):
                raise InputError(
                    "`kernel_regularizer` cannot be anchored: the head has no "
                    "pretrained values; use "
                    f"`backbone_regularizer={type(one).__name__}(...)`"
                )
            if hasattr(one, "bound_to") or type(one).__name__ == "ByDepth":
                raise InputError(
                    f"`kernel_regularizer` cannot be {type(one).__name__}, which acts "
                    "on blocks of an encoder; use `backbone_regularizer`"
                )
        backbone = self.backbone_regularizer
        if isinstance(backbone, Mapping) and "class_name" not in backbone:
            if not backbone or not all(isinstance(key, str) for key in backbone):
                expected = "a mapping from path patterns to regularizers"
                raise fail("backbone_regularizer", expected, backbone)
            backbone = {
                pattern: _read_several("backbone_regularizer", value, pattern)
                for pattern, value in backbone.items()
            }
        else:
            backbone = _read_several("backbone_regularizer", backbone)
        object.__setattr__(self, "kernel_regularizer", kernel)
        object.__setattr__(self, "backbone_regularizer", backbone)

    def _check_objective(self) -> None:
        """Turn serialised objectives into live ones; refuse what cannot combine."""
        if self.objective is None:
            return
        from tfreg.objectives.compose import check_together

        many = isinstance(self.objective, (list, tuple))
        found = tuple(
            read_object("objective", one, "Objective", "tfreg.objectives")
            for one in (self.objective if many else [self.objective])
        )
        object.__setattr__(self, "objective", (found or None) if many else found[0])
        check_together(self.objective, self)

    def _check_frozen_backbone(self) -> None:
        if self.freeze != "backbone":
            return
        why = "are not penalised and run without dropout"
        for name in ("backbone_regularizer", "backbone_dropout", "attention_dropout"):
            if getattr(self, name) is not None:
                raise _nothing_to_act_on(name, why)
        for name in ("reinitialize", "gradual_unfreezing", "child_tuning"):
            if getattr(self, name):
                raise _nothing_to_act_on(name, "stay as they are")
        for name, off in (("layer_decay", 1), ("anchor_decay", 0)):
            if getattr(self, name) != off:
                raise _nothing_to_act_on(name, "do not move")

    def _read_objects(self) -> None:
        """Turn serialised objects into live ones; refuse what they cannot go with."""
        for name, base_class, module in (
            ("adapter", "Adaptation", "tfreg.adapt"),
            ("child_tuning", "ChildTuning", "tfreg.optimizers"),
        ):
            if getattr(self, name) is not None:
                found = read_object(name, getattr(self, name), base_class, module)
                object.__setattr__(self, name, found)
        if self.adapter is not None:
            self.adapter.check(self)

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
            field.name: _to_json(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }

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
        fields = {k: v for k, v in options.items() if k not in SHORT_NAMES}
        short = {k: v for k, v in options.items() if k in SHORT_NAMES and v is not None}
        for name, strength in short.items():
            check_number(name, strength, low=0, open_low=True)
        for field in ("kernel_regularizer", "backbone_regularizer"):
            found = [
                {"class_name": kind, "config": {argument: short[name]}}
                for name, (own, kind, argument, _) in SHORT_NAMES.items()
                if own == field and name in short
            ]
            if found:
                _take(field, found, fields)
        check_fields(fields)
        return cls(**fields)


def _nothing_to_act_on(name: str, why: str) -> InputError:
    return InputError(
        f"`{name}` has nothing to act on with `freeze='backbone'`: frozen weights {why}"
    )


def _take(field: str, found: list[dict[str, Any]], fields: dict[str, Any]) -> None:
    """Put the regularisers that short names stand for into their field."""
    if fields.get(field) is not None:
        names = [name for name, row in SHORT_NAMES.items() if row[0] == field]
        raise InputError(f"`{field}` is given twice: by itself and by {names}")
    fields[field] = found[0] if len(found) == 1 else found


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


def _read_several(name: str, value: Any, pattern: str | None = None) -> Any:
    """A live regulariser, or several in a tuple, from themselves or their JSON."""
    if not isinstance(value, (list, tuple)):
        return _read_regularizer(name, value, pattern)
    if not value:
        raise fail(name, "at least one regularizer in a list", value)
    if any(one is None for one in value):
        raise fail(name, "regularizers in a list", value)
    return tuple(_read_regularizer(name, one, pattern) for one in value)


def _read_regularizer(name: str, value: Any, pattern: str | None = None) -> Any:
    """A live Keras regulariser, from one or from its serialised form."""
    if value is None and pattern is None:
        return None
    import keras  # heavy: only a recipe with a penalty pays for it

    from tfreg import regularizers

    ours = {name: getattr(regularizers, name) for name in regularizers.__all__}
    where = name if pattern is None else f"{name}[{pattern!r}]"
    if isinstance(value, Mapping):
        try:
            with keras.saving.custom_object_scope(ours):  # "L2SP" is enough
                value = keras.regularizers.get(dict(value))
        except (ValueError, TypeError, KeyError) as error:
            first = str(error).splitlines()[0] if str(error) else repr(error)
            raise InputError(f"`{where}` cannot be read: {first}") from error
    if not isinstance(value, keras.regularizers.Regularizer):
        raise fail(where, "a keras.regularizers.Regularizer", value)
    try:
        value.get_config()
    except NotImplementedError as error:
        raise InputError(
            f"`{where}`: {type(value).__name__} has no `get_config`, so no saved model "
            "could keep it"
        ) from error
    return value


def _read_augment(value: Any) -> Any:
    """Live augmentations in a tuple, from what the field takes."""
    if value is None:
        return None
    values = value if isinstance(value, (list, tuple)) else (value,)
    if not values:
        raise fail("augment", "an augmentation, or several", value)
    kind = "Augmentation", "tfreg.data.augment"
    return tuple(read_object("augment", one, *kind) for one in values)


def _to_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            pattern: _to_json(regularizer) for pattern, regularizer in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_to_json(one) for one in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    import keras

    return keras.saving.serialize_keras_object(value)
