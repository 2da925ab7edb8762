"""Labelled texts, split into train, dev and test, with the account of their reading."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Union

from tfreg._checks import (
    DataError,
    DataWarning,
    check_choice,
    check_integer,
    check_number,
    fail,
)
from tfreg.data.bio import is_bio
from tfreg.data.demo import demo_splits, is_demo
from tfreg.data.examples import Examples
from tfreg.data.labels import check_variety, drop_unknown, label_names
from tfreg.data.ledger import Ledger
from tfreg.data.row_checks import cut_dev, mend_tags, warn_of_empty
from tfreg.data.rows import Request
from tfreg.data.sources import Split, find_splits
from tfreg.data.splits import SPLITS

TASKS = ("classify", "multilabel", "regress", "tag")
Columns = Union[str, Sequence[str], None]


@dataclass(frozen=True)
class Corpus:
    """The splits of a data set, and what its labels are called.

    Args:
        task: `"classify"`, `"multilabel"`, `"regress"` or `"tag"`.
        train: what a model learns from.
        dev: what settings are chosen by.
        test: what is looked at last; `None` if there is none, as with dev.
        labels: all label names, in the order of their ids; none for regression.
        report: what was read, left aside, dropped, repaired or strange, a line each.
    """

    task: str
    train: Examples
    dev: Examples | None = None
    test: Examples | None = None
    labels: tuple[str, ...] = ()
    report: tuple[str, ...] = ()

    def repeats(self, split: str) -> tuple[int, ...]:
        """Numbers, from 0, of the rows of a split whose input is also one of train's.

        Args:
            split: `"dev"` or `"test"`.
        """
        examples = getattr(self, check_choice("split", split, SPLITS[1:]))
        if examples is None:
            return ()
        known = set(self.train.inputs)
        return tuple(i for i, row in enumerate(examples.inputs) if row in known)


def load_corpus(
    source: str | os.PathLike[str],
    *,
    task: str | None = None,
    text: Columns = None,
    label: str | None = None,
    column: int | str | None = None,
    dev_fraction: float = 0.1,
    seed: int = 0,
    repair: bool = False,
) -> Corpus:
    """Read and check labelled texts; what is not as it should be is said or refused.

    Rows read are rows kept and rows reported as dropped, always. Counted in the report
    and as a `DataWarning`: repairs, empty texts, rows of dev or test that repeat one
    of train, and I- tags that follow no tag of their span (kept, unless repaired).

    Args:
        source: a folder with train, dev (or valid, validation) and test, or a file,
            which is all train: `.tsv` (a header; tabs, no quotes), `.csv`, `.jsonl`,
            CoNLL columns (`.txt`, `.conll`) or `.conllu`, each also with `.gz`; or
            `tfds:NAME`; or `demo`, where no file is called so: film reviews, or with
            `task="tag"` names in tweets, out of the extra `tfreg[demo]`.
        task: `"classify"`, `"multilabel"`, `"regress"` or `"tag"`. Without it, CoNLL
            columns and words with tags are tagged, texts with lists of labels are
            multi-label, and others classified: regression must be said.
        text: name of the column of texts (or of words), or two names of a pair; known
            by the usual names if not given.
        label: name of the column of labels, numbers or tags; likewise.
        column: the column of the tag in CoNLL files: a number from 0 (from the last
            one: -1, the default), or a field of CoNLL-U (default `"upos"`).
        dev_fraction: share of train, in [0, 1), that is cut off as dev where there is
            none: by class for `"classify"`, else by chance; 0 leaves it out. Rows
            with the only examples of a label stay in train.
        seed: of that cut.
        repair: what can be mended is mended, what cannot is left out, and both are
            counted: NULs removed, U+FFFD for invalid UTF-8 and lone surrogates, B- for
            I- where a span begins; rows left out that cannot be read, or have a label
            that train lacks. Never mended: open quotes in CSV.

    Returns:
        A `Corpus`; labels sorted, for tags with O first.

    Raises:
        DataError: one line, `file:line: what` where there is a line.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> path = folder / "reviews.jsonl"
        >>> lines = ['{"text": "fine", "label": 1}', '{"text": "bad", "label": 0}']
        >>> _ = path.write_text("\\n".join(lines * 5))
        >>> corpus = load_corpus(path, dev_fraction=0)
        >>> corpus.labels, len(corpus.train), corpus.train.inputs[0]
        (('0', '1'), 10, 'fine')
    """
    check_number("dev_fraction", dev_fraction, low=0, high=1, open_high=True)
    check_integer("seed", seed, low=0)
    request = _request(task, text, label, column)
    source = os.fspath(source)
    if is_demo(source):
        kind, found, names = demo_splits(task, text=text, label=label, column=column)
        return Corpus(kind, **found, labels=names)
    readers, report = find_splits(source)
    if "train" not in readers:
        raise DataError(f"{source}: no train among its splits: {', '.join(readers)}")
    train = readers["train"](request, repair)
    request = replace(request, task=train.task)
    splits = {"train": train}
    for name in SPLITS[1:]:
        if name in readers:
            splits[name] = readers[name](request, repair)
            _check_same_kind(splits[name], train)
    if is_bio(label_names("tag", train.rows) if train.task == "tag" else ()):
        for split in splits.values():
            mend_tags(split)
    labels = label_names(train.task, train.rows)
    check_variety(train.task, labels, train)
    for name in SPLITS[1:]:
        if name in splits:
            drop_unknown(splits[name], labels, "in train")
    if "dev" not in splits and dev_fraction:
        splits["dev"] = cut_dev(train, dev_fraction, seed)
    for split in splits.values():
        warn_of_empty(split)
    examples: dict[str, Any] = {name: s.examples() for name, s in splits.items()}
    corpus = Corpus(train.task, **examples, labels=labels)
    for name in SPLITS[1:]:
        for row in corpus.repeats(name):
            line = splits[name].rows[row].line
            what = "exact repeat of a train row", "exact repeats of train rows"
            splits[name].ledger.warn(line, *what)
    ledgers = [splits[name].ledger for name in SPLITS if name in splits]
    return replace(corpus, report=(*report, *_say(ledgers)))


def load_split(
    source: str | os.PathLike[str],
    split: str = "test",
    *,
    task: str,
    labels: Sequence[str] = (),
    text: Columns = None,
    label: str | None = None,
    column: int | str | None = None,
    repair: bool = False,
) -> tuple[Examples, tuple[str, ...]]:
    """Read one split alone, to score a model whose task and labels are known.

    Args:
        source: as for `load_corpus`; a single file is the split, whichever it is.
        split: `"train"`, `"dev"` or `"test"`.
        task: the model's.
        labels: the model's; any other is an error, or left out by a repair.
        text, label, column, repair: as for `load_corpus`.

    Returns:
        The examples and the report.

    Raises:
        DataError: one line, `file:line: what` where there is a line.
    """
    check_choice("split", split, SPLITS)
    check_choice("task", task, TASKS)
    request = _request(task, text, label, column)
    source = os.fspath(source)
    if is_demo(source):
        _, splits, names = demo_splits(task, text=text, label=label, column=column)
        if set(names) - set(labels):
            raise DataError(f"{source}: its labels are {names}, the model's {labels}")
        return splits[split], ()
    readers, report = find_splits(source)
    if os.path.isfile(source):
        readers = {split: readers["train"]}
    if split not in readers:
        found = ", ".join(readers)
        raise DataError(f"{source}: no {split} among its splits: {found}")
    found_split = readers[split](request, repair)
    if task == "tag" and is_bio(labels):
        mend_tags(found_split)
    if task != "regress":
        drop_unknown(found_split, labels, "one of the model's")
    warn_of_empty(found_split)
    return found_split.examples(), (*report, *_say([found_split.ledger]))


def _request(task: Any, text: Any, label: Any, column: Any) -> Request:
    check_choice("task", task, (None, *TASKS))
    if isinstance(text, str):
        text = (text,)
    elif text is not None:
        text = tuple(text)
        if len(text) != 2 or text[0] == text[1]:
            raise fail("text", "a column or two different ones", text)
    if label is not None and text and label in text:
        raise fail("label", "another column than `text`", label)
    return Request(task, text, label, column)


def _check_same_kind(split: Split, train: Split) -> None:
    if split.kind != train.kind:
        what = f"rows are {split.kind!r}, those of train {train.kind!r}"
        raise split.ledger.error(None, what)


def _say(ledgers: list[Ledger]) -> list[str]:
    for ledger in ledgers:
        for line in ledger.warnings():
            warnings.warn(line, DataWarning, stacklevel=3)
    return [line for ledger in ledgers for line in ledger.report()]
