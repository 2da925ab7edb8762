from __future__ import annotations

import gzip
import io
import itertools

import pytest

from tfreg._checks import DataError, InputError
from tfreg.data.readers import read_inputs


def inputs(raw: bytes, format: str, kind: str, text=None):
    return list(read_inputs(io.BytesIO(raw), format=format, kind=kind, text=text))


def test_plain_text():
    raw = "one\r\n\n two\u2028\tthree \nfour".encode()
    assert inputs(raw, "text", "text") == ["one", "", " two\u2028\tthree ", "four"]
    words = [("one",), (), ("two", "three"), ("four",)]
    assert inputs(raw, "text", "words") == words


@pytest.mark.parametrize(
    ("raw", "format"),
    [
        (b"id\ttext\n1\ta\n2\tb\n", "tsv"),
        (b"text\tlabel\na\t\nb\tnew\n", "tsv"),
        (b'text,label\n"a",1\nb,\n', "csv"),
        (b'{"text": "a"}\n{"text": "b", "label": null}\n', "jsonl"),
    ],
)
def test_labels_do_not_matter(raw, format):
    assert inputs(raw, format, "text") == ["a", "b"]


def test_pairs():
    assert inputs(b"text_b\ttext_a\nb\ta\n", "tsv", "pair") == [("a", "b")]
    raw = b'{"q": "b", "p": "a"}\n'
    assert inputs(raw, "jsonl", "pair", ("p", "q")) == [("a", "b")]
    assert inputs(raw, "jsonl", "text", "q") == ["b"]


def test_words(tmp_path):
    raw = b"-DOCSTART- O\n\na O\nb O\n\nc O\n"
    assert inputs(raw, "conll", "words") == [("a", "b"), ("c",)]
    assert inputs(b"a\nb\n\nc\n", "conll", "words") == [("a", "b"), ("c",)]
    assert inputs(b'{"tokens": ["a", "b"]}', "jsonl", "words") == [("a", "b")]
    assert inputs(b'{"w": []}', "jsonl", "words", "w") == [()]
    path = tmp_path / "a.conllu.gz"
    path.write_bytes(gzip.compress(b"1\ta b" + b"\t_" * 8 + b"\n"))
    assert list(read_inputs(path, format="conll", kind="words")) == [("a b",)]


def test_an_endless_stream_is_read_as_it_comes():
    class Endless:
        def __iter__(self):
            return (b"text %d\n" % i for i in itertools.count())

    rows = read_inputs(Endless(), format="text", kind="text")
    assert list(itertools.islice(rows, 3)) == ["text 0", "text 1", "text 2"]


def test_rows_before_a_bad_one_come_out():
    rows = read_inputs(io.BytesIO(b"text\na\nb\0\n"), format="tsv", kind="text")
    assert next(rows) == "a"
    with pytest.raises(DataError) as error:
        next(rows)
    assert str(error.value) == "<stdin>:3: a NUL character"


@pytest.mark.parametrize(
    ("raw", "format", "kind", "text", "message"),
    [
        (b"", "text", "text", None, "<stdin>: empty; expected at least one row"),
        (b"text\n", "tsv", "text", None, "<stdin>: empty; expected at least one row"),
        (b"\n\n", "conll", "words", None, "<stdin>: empty; expected at least one row"),
        (
            b"text\tlabel\n",
            "tsv",
            "pair",
            None,
            "<stdin>:1: expected 'pair' rows; the columns are of 'text'",
        ),
        (
            b"a\n",
            "text",
            "pair",
            None,
            "`format` must be one that holds 'pair' rows; got 'text'",
        ),
        (
            b"a\n",
            "conll",
            "text",
            None,
            "`format` must be one that holds 'text' rows; got 'conll'",
        ),
        (
            b"a\n",
            "tsv",
            "words",
            None,
            "`format` must be one that holds 'words' rows; got 'tsv'",
        ),
        (
            b"a\n",
            "text",
            "text",
            "a",
            "`text` must be None, as 'text' has no named columns; got 'a'",
        ),
        (
            b"a\n",
            "tsv",
            "text",
            ("a", "b"),
            "`text` must be one column, for 'text' rows; got ('a', 'b')",
        ),
        (
            b"a\n",
            "tsv",
            "pair",
            "a",
            "`text` must be two columns, for 'pair' rows; got 'a'",
        ),
    ],
)
def test_errors(raw, format, kind, text, message):
    with pytest.raises(InputError) as error:
        inputs(raw, format, kind, text)
    assert str(error.value) == message


def test_unknown_format_is_refused_at_once():
    with pytest.raises(InputError, match="`format` must be one of 'text', 'tsv'"):
        read_inputs(io.BytesIO(), format="xml", kind="text")
