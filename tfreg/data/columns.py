"""Which columns are the text and which is the label: named, or known by their name."""

from __future__ import annotations

from collections.abc import Sequence

from tfreg.data.ledger import Ledger

PAIRS = (
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("sentence_a", "sentence_b"),
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "passage"),
    ("question", "answer"),
    ("query", "passage"),
)
SINGLES = (
    "text",
    "sentence",
    "review",
    "tweet",
    "content",
    "comment",
    "question",
    "query",
    "utterance",
)
WORDS = ("words", "tokens")
TAGS = ("tags", "ner_tags", "pos_tags", "ner", "pos", "upos", "labels")
_CLASSES = ("label", "labels", "class", "category", "intent", "sentiment", "target")
LABELS = {
    "classify": _CLASSES,
    "multilabel": _CLASSES,
    "regress": ("score", "label", "labels", "similarity", "rating", "target"),
    "tag": TAGS,
}


def check_names(names: Sequence[str], line: int, ledger: Ledger) -> None:
    """No name may be there twice."""
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ledger.error(line, f"duplicate column {name!r}")


def text_columns(
    names: Sequence[str], asked: tuple[str, ...] | None, line: int, ledger: Ledger
) -> tuple[str, ...]:
    """The column of the text, or the two of a pair.

    Raises:
        DataError: a named column is missing; or, not named, none or several are known.
    """
    if asked is not None:
        for name in asked:
            _check_present(name, names, line, ledger)
        return asked
    found: list[tuple[str, ...]] = [
        pair for pair in PAIRS if pair[0] in names and pair[1] in names
    ]
    in_pairs = {name for pair in found for name in pair}
    found += [(name,) for name in SINGLES if name in names and name not in in_pairs]
    return _only(found, "text", names, line, ledger)


def words_column(
    names: Sequence[str], asked: tuple[str, ...] | None, line: int, ledger: Ledger
) -> str:
    """The column of the list of words."""
    if asked is not None:
        if len(asked) != 1:
            raise ledger.error(line, f"expected one column of words; got {asked!r}")
        _check_present(asked[0], names, line, ledger)
        return asked[0]
    found = [(name,) for name in WORDS if name in names]
    return _only(found, "words", names, line, ledger)[0]


def label_column(
    names: Sequence[str], asked: str | None, task: str, line: int, ledger: Ledger
) -> str:
    """The column of the label."""
    if asked is not None:
        _check_present(asked, names, line, ledger)
        return asked
    found = [(name,) for name in LABELS[task] if name in names]
    return _only(found, "label", names, line, ledger)[0]


def note_unused(names: Sequence[str], used: Sequence[str], ledger: Ledger) -> None:
    """Say which columns are not read."""
    unused = [repr(name) for name in names if name not in used]
    if unused:
        ledger.notes.append(f"columns not used: {', '.join(unused)}")


def _check_present(name: str, names: Sequence[str], line: int, ledger: Ledger) -> None:
    if name not in names:
        raise ledger.error(line, f"no column {name!r} among {_list(names)}")


def _only(
    found: Sequence[tuple[str, ...]],
    what: str,
    names: Sequence[str],
    line: int,
    ledger: Ledger,
) -> tuple[str, ...]:
    """What was found, if it is one thing; else the user has to name it."""
    argument = "label" if what == "label" else "text"
    if not found:
        raise ledger.error(
            line, f"no {what} column among {_list(names)}; name it with `{argument}`"
        )
    if len(found) > 1:
        several = _list(["+".join(columns) for columns in found])
        raise ledger.error(
            line, f"several {what} columns, {several}; name one with `{argument}`"
        )
    return found[0]


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
