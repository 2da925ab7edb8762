"""A recipe: every setting of a fit, frozen, checked, and the same through all doors.

The builders take its fields as keywords, the command line turns each field into an
option, the saved model carries it, and ``recipe.json`` holds it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

from tfreg._checks import InputError, check_choice, check_integer, check_number, fail

SCHEDULES = ("linear", "cosine", "constant", "slanted")
PRECISIONS = ("float32", "bfloat16", "float16", "auto")
FREEZES = ("embeddings", "backbone")

# The short names of the command line (and of search spaces): name -> (recipe field,
# how the number becomes a regulariser, help).
SHORT_NAMES: dict[str, tuple[str, str, str]] = {
    "l1": ("kernel_regularizer", "L1", "strength of λ·Σ|w| on the head's kernels"),
    "l2": ("kernel_regularizer", "L2", "strength of λ·Σw² on the head's kernels"),
    "l2sp": (
        "backbone_regularizer",
        "L2SP",
        "strength of λ·Σ(w−w⁰)² on the pretrained kernels",
    ),
}


def _freeze(text: str) -> str | int | None:
    """Read ``freeze`` from the command line: a name or a number of blocks."""
    if text == "none":
        return None
    return int(text) if text.isdigit() else text


def _regularizer(text: str) -> Any:
    """Read a regulariser from the command line: Keras's serialised JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            "a regularizer is written as JSON, for example "
            '\'{"class_name": "L2", "config": {"l2": 1e-4}}\' '
            f"(or use --l1, --l2, --l2sp); got {text!r}"
        ) from error


def _augment(text: str) -> Any:
    """Read augmentations from the command line: one, or a list of them, as JSON."""
    try:
        return None if text == "none" else json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            "augmentations are written as JSON, for example "
            '\'{"class_name": "Swap", "config": {"rate": 0.1}}\'; '
            f"got {text!r}"
        ) from error


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
        kernel_regularizer: a Keras regulariser for the head's Dense kernels.
        backbone_regularizer: a Keras regulariser for all pretrained kernels that
            train, or a mapping from path pattern (``"transformer_layer_0/*"``, as
            in `fnmatch`, on the whole path) to regulariser.
        dropout: rate before the head's last layer, in [0, 1).
        backbone_dropout: rate of the backbone's hidden dropout, in [0, 1); None
            leaves the preset's.
        attention_dropout: rate on attention probabilities, likewise.
        freeze: None (all weights train), ``"embeddings"``, ``"backbone"`` (feature
            extraction), or the number of lowest blocks, embeddings included.
        label_smoothing: share of the target spread over all labels, in [0, 1).
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
    dropout: float = _field(0.1, "dropout rate before the head", float)
    backbone_dropout: float | None = _field(
        None,
        "hidden dropout rate in the backbone; none: as the preset",
        _optional_number,
    )
    attention_dropout: float | None = _field(
        None, "dropout rate on attention; none: as the preset", _optional_number
    )
    freeze: str | int | None = _field(
        None, "embeddings, backbone, or the number of lowest blocks", _freeze
    )
    label_smoothing: float = _field(0.0, "label smoothing", float)
    augment: Any = _field(
        None, "changes of the training texts' words, one or a list, as JSON", _augment
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
        for name in ("dropout", "label_smoothing"):
            check_number(name, getattr(self, name), low=0, high=1, open_high=True)
        for name in ("backbone_dropout", "attention_dropout"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), low=0, high=1, open_high=True)
        if isinstance(self.freeze, str) or self.freeze is None:
            check_choice("freeze", self.freeze, (None, *FREEZES))
        else:
            check_integer("freeze", self.freeze, low=1)
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
        self._check_regularizers()
        object.__setattr__(self, "augment", _read_augment(self.augment))
        self._check_frozen_backbone()

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
        kernel = _read_regularizer("kernel_regularizer", self.kernel_regularizer)
        if getattr(kernel, "needs_anchor", False):
            raise InputError(
                "`kernel_regularizer` cannot be anchored: the head has no pretrained "
                f"values; use `backbone_regularizer={type(kernel).__name__}(...)`"
            )
        backbone = self.backbone_regularizer
        if isinstance(backbone, Mapping) and "class_name" not in backbone:
            if not backbone or not all(isinstance(key, str) for key in backbone):
                expected = "a mapping from path patterns to regularizers"
                raise fail("backbone_regularizer", expected, backbone)
            backbone = {
                pattern: _read_regularizer("backbone_regularizer", value, pattern)
                for pattern, value in backbone.items()
            }
        else:
            backbone = _read_regularizer("backbone_regularizer", backbone)
        object.__setattr__(self, "kernel_regularizer", kernel)
        object.__setattr__(self, "backbone_regularizer", backbone)

    def _check_frozen_backbone(self) -> None:
        if self.freeze != "backbone":
            return
        for name in ("backbone_regularizer", "backbone_dropout", "attention_dropout"):
            if getattr(self, name) is not None:
                raise InputError(
                    f"`{name}` has nothing to act on with `freeze='backbone'`: "
                    "frozen weights are not penalised and run without dropout"
                )
        for name, off in (("layer_decay", 1), ("anchor_decay", 0)):
            if getattr(self, name) != off:
                raise InputError(
                    f"`{name}` has nothing to act on with `freeze='backbone'`: "
                    "frozen weights do not move"
                )

    def __eq__(self, other: object) -> bool:
        # Regularisers compare by identity; what they say of themselves is what counts.
        return isinstance(other, Recipe) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_json(), sort_keys=True))

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values, regularisers in Keras's serialised form."""
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
        if "l1" in short and "l2" in short:
            both = {"l1": short.pop("l1"), "l2": short.pop("l2")}
            _take("kernel_regularizer", ("L1L2", both), fields)
        for name, strength in short.items():
            field, kind, _ = SHORT_NAMES[name]
            argument = "alpha" if kind == "L2SP" else name
            _take(field, (kind, {argument: strength}), fields)
        check_fields(fields)
        return cls(**fields)


def _take(field: str, choice: tuple[str, dict[str, float]], fields: dict) -> None:
    """Put the regulariser a short name stands for into its field."""
    kind, arguments = choice
    if fields.get(field) is not None:
        names = [name for name, row in SHORT_NAMES.items() if row[0] == field]
        raise InputError(f"`{field}` is given twice: by itself and by {names}")
    package = "tfreg>" if kind == "L2SP" else ""
    fields[field] = {"class_name": package + kind, "config": arguments}


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
    from tfreg.serial import read_object

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
    if isinstance(value, tuple):
        return [_to_json(one) for one in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    import keras

    return keras.saving.serialize_keras_object(value)
