"""Texts said anew by functions of the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Union

from tfreg._checks import InputError, fail

Rewriter = Callable[[str], Union[str, Iterable[str]]]


class Paraphrase:
    """Says a text in other words, by any function.

    The function may be a local model (a seq2seq one of KerasHub), or ask a service; it
    may fail. It is no part of a recipe, which could not keep it: see `augment_corpus`.

    Args:
        function: takes a text; gives texts that say the same, or one.
        name: what its answers are kept under: the model, and what it was asked.
        version: answers of another version are not those of this one; defaults to
            ``"1"``.

    Raises:
        InputError: no function, or a name or version that is no text.

    Example:
        >>> polite = Paraphrase(lambda text: f"please, {text}", name="polite")
        >>> polite("go")
        ('please, go',)
    """

    def __init__(self, function: Rewriter, *, name: str, version: str = "1") -> None:
        self.function = _check_function("function", function)
        self.name = _check_text("name", name)
        self.version = _check_text("version", version)

    def __call__(self, text: str) -> tuple[str, ...]:
        """What the function says.

        Raises:
            InputError: it says something that is no text.
            Exception: whatever the function raises.
        """
        return tuple(_ask(self.function, text))


class BackTranslation:
    """Says a text in other words, by way of another language.

    Every translation is translated back in every way that ``back`` gives.

    Args:
        forward: takes a text; gives translations, or one.
        back: takes a translation; gives texts in the first language, or one.
        name, version: as for `Paraphrase`.

    Raises:
        InputError: no functions, or a name or version that is no text.

    Example:
        >>> to, back = str.upper, lambda text: [text.title()]
        >>> BackTranslation(to, back, name="title")("good text")
        ('Good Text',)

    Sennrich et al. (2016), "Improving Neural Machine Translation Models with
    Monolingual Data"; as augmentation: Xie et al. (2020), "Unsupervised Data
    Augmentation for Consistency Training", section 3.
    """

    def __init__(
        self, forward: Rewriter, back: Rewriter, *, name: str, version: str = "1"
    ) -> None:
        self.forward = _check_function("forward", forward)
        self.back = _check_function("back", back)
        self.name = _check_text("name", name)
        self.version = _check_text("version", version)

    def __call__(self, text: str) -> tuple[str, ...]:
        """What the two functions say.

        Raises:
            InputError: one of them says something that is no text.
            Exception: whatever they raise.
        """
        return tuple(
            said
            for translated in _ask(self.forward, text)
            for said in _ask(self.back, translated)
        )


def _ask(function: Rewriter, text: str) -> Iterator[str]:
    """What a function says of a text, one text after the other."""
    said = function(text)
    if not isinstance(said, Iterable) or isinstance(said, bytes):
        raise InputError(f"it must give a text, or texts; got {said!r}")
    for one in [said] if isinstance(said, str) else said:
        if not isinstance(one, str) or not one.strip():
            raise InputError(f"it must give texts that are not blank; got {one!r}")
        if "\0" in one or any("\ud800" <= char <= "\udfff" for char in one):
            raise InputError(f"a NUL or a lone surrogate in {one!r}")
        yield one


def _check_function(name: str, value: Any) -> Rewriter:
    if not callable(value):
        raise fail(name, "a function of a text", value)
    return value


def _check_text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise fail(name, "a text", value)
    return value
