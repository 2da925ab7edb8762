from __future__ import annotations

import io
import json

import pytest

from tfreg._checks import DataError
from tfreg.data.jsonl import read_jsonl
from tfreg.data.ledger import Ledger
from tfreg.data.lines import open_lines
from tfreg.data.rows import Request, Row


def read(text, /, repair: bool = False, **request):
    if not isinstance(text, str):
        text = "".join(json.dumps(row) + "\n" for row in text)
    ledger = Ledger("j", repair)
    with open_lines(io.BytesIO(text.encode()), ledger) as lines:
        table = read_jsonl(lines, Request(**request), ledger)
        return table, list(table.rows), ledger


def test_labels():
    rows = [
        {"text": "a", "label": "x"},
        {"label": 1, "text": "b\n"},
        {"text": "\U0001f600", "label": False, "id": 7},
    ]
    table, found, _ = read(rows)
    assert (table.task, table.kind) == ("classify", "text")
    assert found == [
        Row(1, "a", "x"),
        Row(2, "b\n", "1"),
        Row(3, "\U0001f600", "false"),
    ]


def test_lists_are_several_labels():
    table, found, _ = read(
        [{"text": "a", "labels": []}, {"text": "b", "labels": [2, "x"]}]
    )
    assert (table.task, [row.target for row in found]) == (
        "multilabel",
        [(), ("2", "x")],
    )


def test_numbers():
    rows = [{"premise": "a", "hypothesis": "b", "score": s} for s in (1, 0.5, "2")]
    table, found, _ = read(rows, task="regress")
    assert table.kind == "pair"
    assert [row.target for row in found] == [1.0, 0.5, 2.0]
    assert all(isinstance(row.target, float) for row in found)


@pytest.mark.parametrize(
    ("names", "request_"),
    [
        (("words", "tags"), {}),
        (("tokens", "ner_tags"), {}),
        (("tokens", "labels"), {}),
        (("forms", "kinds"), {"text": ("forms",), "label": "kinds"}),
        (("words", "kinds"), {"task": "tag", "label": "kinds"}),
    ],
)
def test_words_with_tags(names, request_):
    rows = [{names[0]: ["Ada", "\u3000"], names[1]: ["B-PER", 0]}]
    table, found, _ = read(rows, **request_)
    assert (table.task, table.kind) == ("tag", "words")
    assert found == [Row(1, ("Ada", "\u3000"), ("B-PER", "0"))]


def test_a_text_with_a_label_comes_before_words():
    row = {"text": "a b", "label": 1, "tokens": ["a", "b"], "tags": ["x", "y"]}
    assert read([row])[0].task == "classify"
    assert read([row], task="tag")[1] == [Row(1, ("a", "b"), ("x", "y"))]
    del row["label"]
    assert read([row])[0].task == "tag"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "j: empty"),
        ('{"text": "a", "label": 1}\n\n', "j:2: blank line; expected a JSON object"),
        ('{"text": "a"', "j:1: not JSON: Expecting ',' delimiter at column 13"),
        ("[1]", "j:1: expected a JSON object; got '[1]'"),
        ('{"text": "a", "text": "b"}', "j:1: duplicate column 'text'"),
        (
            '{"body": "a", "label": 1}',
            "j:1: no text column among 'body', 'label'; name it with `text`",
        ),
        ("{}", "j:1: no text column among none; name it with `text`"),
        (
            '{"text": "a"}',
            "j:1: no label column among 'text'; name it with `label`",
        ),
        ('{"text": 5, "label": 1}', "j:1: text must be a string; got 5"),
        ('{"text": null, "label": 1}', "j:1: text must be a string; got None"),
        (
            '{"text": "a", "label": 1}\n{"text": "a"}',
            "j:2: no 'label' in this row",
        ),
        ('{"text": "a", "label": ""}', "j:1: no label"),
        ('{"text": "a", "label": null}', "j:1: no label"),
        (
            '{"text": "a", "label": 1.0}',
            "j:1: label must be a string or an integer; got 1.0",
        ),
        (
            '{"text": "a", "label": 1}\n{"text": "a", "label": [1]}',
            "j:2: expected one label; got the list [1]",
        ),
        (
            '{"text": "a", "label": [1]}\n{"text": "a", "label": 1}',
            "j:2: expected a list of labels; got 1",
        ),
        (
            '{"text": "a", "label": ["x", "x"]}',
            "j:1: label 'x' is given twice",
        ),
        ('{"text": "a\\u0000b", "label": 1}', "j:1: a NUL character"),
        ('{"text": "a", "label": "\\u0000"}', "j:1: a NUL character"),
        ('{"text": "\\ud83d", "label": 1}', "j:1: a lone surrogate, U+D83D"),
        ('{"text": "a", "label": ["\\udc00"]}', "j:1: a lone surrogate, U+DC00"),
        ('{"words": ["\\ud83d"], "tags": ["O"]}', "j:1: a lone surrogate, U+D83D"),
        (
            '{"words": ["a", "b"], "tags": ["O"]}',
            "j:1: expected one tag a word; got 2 words, 1 tags",
        ),
        ('{"words": ["a"], "tags": "O"}', "j:1: 'tags' must be a list; got 'O'"),
        ('{"words": ["a"], "tags": [null]}', "j:1: no label"),
        ('{"words": [1], "tags": ["O"]}', "j:1: text must be a string; got 1"),
    ],
)
def test_errors(text, message):
    with pytest.raises(DataError) as error:
        read(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "true", "null", "[1]", "9" * 400]
)
def test_no_numbers(number):
    with pytest.raises(DataError, match="^j:1: expected a finite number; got"):
        read('{"text": "a", "score": %s}' % number, task="regress")


@pytest.mark.parametrize("line", ["[" * 100_000, '{"text": 1%s}' % ("0" * 5000)])
def test_json_that_python_refuses(line):
    with pytest.raises(DataError, match="^j:1: not JSON"):
        read(line)


def test_repair():
    text = "\n".join(
        [
            "nonsense",
            '{"text": "a\\u0000\\ud800\\u0000", "label": "x\\u0000"}',
            '{"text": "b\\ud83d\\ude00", "label": "y"}',
            '{"text": "c"}',
            "",
            '{"text": "d", "label": ["x"]}',
        ]
    )
    _, rows, ledger = read(text, repair=True)
    assert rows == [Row(2, "a\ufffd", "x"), Row(3, "b\U0001f600", "y")]
    assert ledger.report()[0] == "j: 6 rows in, 2 out, 4 dropped"
    assert sorted(ledger.warnings()) == [
        "j: 1 line repaired: NUL removed (at line 2)",
        "j: 1 line repaired: lone surrogate replaced by U+FFFD (at line 2)",
        "j: 1 row dropped: blank line (at line 5)",
        "j: 1 row dropped: label is a list (at line 6)",
        "j: 1 row dropped: missing column (at line 4)",
        "j: 1 row dropped: not JSON (at line 1)",
    ]
    with pytest.raises(DataError, match="^j: no row that can be read$"):
        read("nonsense\n", repair=True)
