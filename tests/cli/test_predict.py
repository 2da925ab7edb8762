"""The stream of `tfreg predict`: chunks, guessed formats, errors in the middle."""

from __future__ import annotations

import itertools

import pytest

from tfreg._checks import DataError, InputError
from tfreg.cli.inputs import chunks, guess_format


def test_chunks_keep_order_and_all_rows():
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks(range(4), 2)) == [[0, 1], [2, 3]]
    assert list(chunks([], 2)) == []


def test_chunks_do_not_read_ahead():
    rows = itertools.count()
    assert next(chunks(rows, 3)) == [0, 1, 2]
    assert next(rows) == 3


def test_rows_before_a_bad_row_come_before_its_error():
    def rows():
        yield from range(3)
        raise DataError("file:4: bad")

    got = []
    with pytest.raises(DataError, match="file:4"):
        for chunk in chunks(rows(), 2):
            got.append(chunk)
    assert got == [[0, 1], [2]]


@pytest.mark.parametrize(
    "file, kind, format",
    [
        (None, "text", "text"),
        ("-", "words", "text"),
        ("new.txt", "text", "text"),
        ("a.b/new", "pair", "text"),
        ("new.tsv", "text", "tsv"),
        ("new.csv", "pair", "csv"),
        ("new.jsonl.gz", "text", "jsonl"),
        ("new.conll", "words", "conll"),
        ("new.conllu", "words", "conllu"),
        ("new.log", "text", "text"),
    ],
)
def test_formats_are_guessed_by_ending(file, kind, format):
    assert guess_format(file, kind) == format


def test_a_text_file_for_a_tagger_is_not_guessed():
    with pytest.raises(InputError, match="--input-format text .* or conll"):
        guess_format("new.txt", "words")
