from __future__ import annotations

import csv
import io

import pytest

from tfreg._checks import DataError
from tfreg.data.ledger import Ledger
from tfreg.data.lines import open_lines
from tfreg.data.rows import Request, Row
from tfreg.data.tabular import read_csv, read_tsv


def read(reader, text: str, /, repair: bool = False, **request):
    ledger = Ledger("t", repair)
    with open_lines(io.BytesIO(text.encode()), ledger) as lines:
        table = reader(lines, Request(**request), ledger)
        return table, list(table.rows), ledger


def test_tsv_knows_no_quotes():
    text = 'text\tlabel\n"a\t"1"\n"b, ""c"" \\t\t 2\n\u00a0\u2028 \t0'
    table, rows, _ = read(read_tsv, text)
    assert (table.task, table.kind) == ("classify", "text")
    assert rows == [
        Row(2, '"a', '"1"'),
        Row(3, '"b, ""c"" \\t', " 2"),
        Row(4, "\u00a0\u2028 ", "0"),
    ]


def test_csv_quotes():
    text = 'text,label\n"a, ""b""",1\r\n"two\nlines",0\nplain "q",1\n"",0\n'
    _, rows, ledger = read(read_csv, text)
    assert rows == [
        Row(2, 'a, "b"', "1"),
        Row(3, "two\nlines", "0"),
        Row(5, 'plain "q"', "1"),
        Row(6, "", "0"),
    ]
    assert "t: 1 row of several lines (at line 3)" in ledger.report()


def test_csv_texts_are_of_any_length():
    text, limit = "word, " * 100_000, csv.field_size_limit()
    _, rows, _ = read(read_csv, f'text,label\n"{text}",1\n')
    assert rows == [Row(2, text, "1")] and csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("header", "kind", "text"),
    [
        ("text\tlabel", "text", "x"),
        ("id\tsentence\tlabel".replace("id\t", ""), "text", "x"),
        ("question\tsentence\tlabel", "pair", ("x", "y")),
        ("label\tsentence1\tsentence2", "pair", ("y", "z")),
        ("hypothesis\tpremise\tlabel", "pair", ("y", "x")),
        ("text_b\tlabel\ttext_a", "pair", ("z", "x")),
    ],
)
def test_columns_are_known(header, kind, text):
    width = header.count("\t") + 1
    row = "\t".join("xyz"[:width])
    table, rows, _ = read(read_tsv, f"{header}\n{row}\n")
    assert (table.kind, rows[0].input) == (kind, text)


def test_columns_are_named():
    text = "body\ttitle\tstars\nb\tt\t5\n"
    table, rows, ledger = read(read_tsv, text, text=("body",), label="stars")
    assert (table.kind, rows) == ("text", [Row(2, "b", "5")])
    assert "t: columns not used: 'title'" in ledger.report()
    table, rows, _ = read(
        read_tsv, text, text=("title", "body"), label="stars", task="regress"
    )
    assert (table.task, table.kind, rows) == (
        "regress",
        "pair",
        [Row(2, ("t", "b"), 5.0)],
    )


def test_a_score_is_for_regression():
    table, rows, _ = read(read_tsv, "text\tscore\na\t-1e-1\nb\t 2 \n", task="regress")
    assert [row.target for row in rows] == [-0.1, 2.0]
    with pytest.raises(DataError, match="no label column among 'text', 'score'"):
        read(read_tsv, "text\tscore\na\t1\n")


def test_unlabelled():
    table, rows, _ = read(read_tsv, "text\nx\n\n", labelled=False)
    assert rows == [Row(2, "x", None), Row(3, "", None)]
    table, rows, _ = read(read_tsv, "id\ttext\tlabel\n1\tx\t\n", labelled=False)
    assert rows == [Row(2, "x", None)]


@pytest.mark.parametrize(
    ("reader", "text", "request_", "message"),
    [
        (read_tsv, "", {}, "t: empty; expected a header line"),
        (read_tsv, "text\ttext\n", {}, "t:1: duplicate column 'text'"),
        (
            read_tsv,
            "a fine film\t1\n",
            {},
            "t:1: no text column among 'a fine film', '1'; name it with `text`",
        ),
        (
            read_tsv,
            "text\tsentence\tlabel\n",
            {},
            "t:1: several text columns, 'text', 'sentence'; name one with `text`",
        ),
        (
            read_tsv,
            "text\tclass\n\n",
            {"text": ("body",)},
            "t:1: no column 'body' among 'text', 'class'",
        ),
        (
            read_tsv,
            "text\tstars\n",
            {},
            "t:1: no label column among 'text', 'stars'; name it with `label`",
        ),
        (
            read_tsv,
            "text\tclass\tlabel\n",
            {},
            "t:1: several label columns, 'label', 'class'; name one with `label`",
        ),
        (
            read_tsv,
            "text\tlabel\na\tb\nc\n",
            {},
            "t:3: expected 2 columns ('text', 'label'); got 1",
        ),
        (
            read_tsv,
            "text\tlabel\na\tb\n\n",
            {},
            "t:3: expected 2 columns ('text', 'label'); got 1",
        ),
        (
            read_tsv,
            "text\tlabel\na\tb\t\n",
            {},
            "t:2: expected 2 columns ('text', 'label'); got 3",
        ),
        (read_tsv, "text\tlabel\na\t \n", {}, "t:2: no label"),
        *(
            (
                read_tsv,
                f"text\tlabel\na\t1\nb\t{number}\n",
                {"task": "regress"},
                f"t:3: expected a finite number; got {number!r}",
            )
            for number in ("high", "nan", "-inf", "1e999", "1,5", "1_0", "")
        ),
        (
            read_csv,
            'text,label\n"a,1\nb,0\n"c",1\n',
            {},
            "t:2: broken quotes: ',' expected after '\"'",
        ),
        (
            read_csv,
            'text,label\nx,1\n"a,1\nb,0\n',
            {},
            "t:3: a quote opens in this row and never closes",
        ),
        (
            read_csv,
            'text,label\n"a\nb",1\nc\n',
            {},
            "t:4: expected 2 columns ('text', 'label'); got 1",
        ),
        (
            read_csv,
            "text,label\n\n",
            {},
            "t:2: expected 2 columns ('text', 'label'); got 0",
        ),
        (
            read_tsv,
            "text\ttags\n",
            {"task": "tag"},
            "t: one tag a word needs CoNLL columns, or .jsonl with words and tags",
        ),
        (
            read_tsv,
            "text\tlabel\n",
            {"task": "multilabel"},
            "t: several labels a text need .jsonl with lists",
        ),
        (
            read_tsv,
            "text\tlabel\n",
            {"column": 1},
            "t: `column` is for CoNLL columns; name it with `label`",
        ),
    ],
)
def test_errors(reader, text, request_, message):
    with pytest.raises(DataError) as error:
        read(reader, text, **request_)
    assert str(error.value) == message


def test_repair_leaves_bad_rows_out():
    text = "text\tscore\na\t1\nb\nc\tx\td\ne\tnan\nf\t2\n"
    _, rows, ledger = read(read_tsv, text, repair=True, task="regress")
    assert rows == [Row(2, "a", 1.0), Row(6, "f", 2.0)]
    assert ledger.report() == [
        "t: 5 rows in, 2 out, 3 dropped",
        "t: 2 rows dropped: wrong width (first at line 3)",
        "t: 1 row dropped: not a number (at line 5)",
    ]


def test_no_repair_of_open_quotes():
    with pytest.raises(DataError, match="t:2: a quote opens in this row"):
        read(read_csv, 'text,label\n"a,1\nb,0\n', repair=True)
