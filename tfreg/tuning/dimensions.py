"""What a search may try for one setting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from tfreg._checks import InputError, check_integer, check_number


class Dimension(ABC):
    """The values of one setting, as text too: ``"log:1e-6:0.1"``."""

    @abstractmethod
    def declare(self, hp: Any, name: str) -> None:
        """Add it to KerasTuner's hyperparameters."""

    @property
    @abstractmethod
    def ends(self) -> tuple[Any, ...]:
        """The values that say whether all are possible."""


@dataclass(frozen=True)
class LogUniform(Dimension):
    """Numbers whose logarithm is uniform: for strengths and learning rates.

    Args:
        low: above 0.
        high: above ``low``.

    Example:
        >>> str(LogUniform(1e-6, 0.1))
        'log:1e-06:0.1'
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        check_number("low", self.low, low=0, open_low=True)
        check_number("high", self.high, low=self.low, open_low=True)
        _make_floats(self)

    def declare(self, hp: Any, name: str) -> None:
        hp.Float(name, self.low, self.high, sampling="log")

    @property
    def ends(self) -> tuple[Any, ...]:
        return self.low, self.high

    def __str__(self) -> str:
        return f"log:{self.low!r}:{self.high!r}"


@dataclass(frozen=True)
class Uniform(Dimension):
    """Numbers between two ends.

    Args:
        low, high: ``high`` above ``low``.

    Example:
        >>> str(Uniform(0, 0.5))
        'uniform:0.0:0.5'
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        check_number("low", self.low)
        check_number("high", self.high, low=self.low, open_low=True)
        _make_floats(self)

    def declare(self, hp: Any, name: str) -> None:
        hp.Float(name, self.low, self.high)

    @property
    def ends(self) -> tuple[Any, ...]:
        return self.low, self.high

    def __str__(self) -> str:
        return f"uniform:{self.low!r}:{self.high!r}"


@dataclass(frozen=True)
class Integers(Dimension):
    """Whole numbers between two ends, both included.

    Example:
        >>> str(Integers(1, 5))
        'int:1:5'
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        check_integer("low", self.low, low=-(2**31))
        check_integer("high", self.high, low=self.low + 1)

    def declare(self, hp: Any, name: str) -> None:
        hp.Int(name, self.low, self.high)

    @property
    def ends(self) -> tuple[Any, ...]:
        return self.low, self.high

    def __str__(self) -> str:
        return f"int:{self.low}:{self.high}"


class Choice(Dimension):
    """One of some values, all of them numbers or all of them names.

    Example:
        >>> str(Choice(0, 0.5, 1)), str(Choice("linear", "cosine"))
        ('choice:0.0,0.5,1.0', 'choice:linear,cosine')
    """

    def __init__(self, *values: Any) -> None:
        numbers = [
            isinstance(v, (int, float)) and not isinstance(v, bool) for v in values
        ]
        names = [isinstance(v, str) for v in values]
        if len(set(values)) < max(len(values), 2) or not (all(numbers) or all(names)):
            raise InputError(
                "`Choice` must be of at least two values, all different, and all "
                f"numbers or all names; got {values!r}"
            )
        whole = all(isinstance(value, int) for value in values)
        self.values = tuple(
            float(v) if all(numbers) and not whole else v for v in values
        )

    def declare(self, hp: Any, name: str) -> None:
        hp.Choice(name, list(self.values))

    @property
    def ends(self) -> tuple[Any, ...]:
        return self.values

    def __str__(self) -> str:
        return f"choice:{','.join(map(str, self.values))}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __repr__(self) -> str:
        return f"Choice{self.values!r}"


def _make_floats(dimension: Any) -> None:
    """One text for one range: 0 and 0.0 are the same ends."""
    for name in ("low", "high"):
        object.__setattr__(dimension, name, float(getattr(dimension, name)))


def read_dimension(text: str) -> Dimension:
    """A dimension from its text.

    Raises:
        InputError: another form.

    Example:
        >>> read_dimension("log:1e-6:1e-1"), read_dimension("choice:0,0.5")
        (LogUniform(low=1e-06, high=0.1), Choice(0.0, 0.5))
    """
    kind, _, rest = text.partition(":")
    try:
        if kind == "choice":
            return Choice(*_values(rest.split(",")))
        low, high = rest.split(":")
        if kind == "int":
            return Integers(int(low), int(high))
        return {"log": LogUniform, "uniform": Uniform}[kind](float(low), float(high))
    except InputError:
        raise
    except (ValueError, KeyError):
        raise InputError(
            "a range is written as log:LOW:HIGH, uniform:LOW:HIGH, int:LOW:HIGH or "
            f"choice:A,B,...; got {text!r}"
        ) from None


def _values(texts: list[str]) -> list[Any]:
    """Whole numbers, numbers, or else names."""
    for read in (int, float):
        try:
            return [read(text) for text in texts]
        except ValueError:
            continue
    return texts
