from __future__ import annotations

import io

import pytest

from tfreg._checks import DataError
from tfreg.data.conll import read_conll
from tfreg.data.conllu import read_conllu
from tfreg.data.ledger import Ledger
from tfreg.data.lines import open_lines
from tfreg.data.rows import Request, Row

CONLL_2003 = """\
-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

-DOCSTART- -X- -X- O

# # B-NP O
"""
CONLLU = """\
# sent_id = 1
# text = I don't
1\tI\tI\tPRON\tPRP\t_\t2\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\tSpaceAfter=No
3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_
3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t2:x\t_

# sent_id = 2
1\t#\t#\tSYM\tNN\t_\t0\troot\t_\t_
"""


def read(reader, text: str, /, repair: bool = False, **request):
    ledger = Ledger("c", repair)
    with open_lines(io.BytesIO(text.encode()), ledger) as lines:
        table = reader(lines, Request(**request), ledger)
        assert (table.task, table.kind) == ("tag", "words")
        return list(table.rows), ledger


def test_columns():
    rows, ledger = read(read_conll, CONLL_2003)
    assert rows == [Row(3, ("EU", "rejects"), ("B-ORG", "O")), Row(8, ("#",), ("O",))]
    assert ledger.report() == [
        "c: 2 rows in, 2 out, 0 dropped",
        "c: 2 -DOCSTART- lines left out (first at line 1)",
    ]
    rows, _ = read(read_conll, CONLL_2003, column=1)
    assert [row.target for row in rows] == [("NNP", "VBZ"), ("#",)]
    assert read(read_conll, CONLL_2003, column=-3)[0] == rows


def test_spaces():
    # Several blank lines, tabs and spaces, and words that Python calls white space.
    text = "\n\n科 O\n技\tB-X \n \t\n\u3000 I-X\n\u00a0 O\n\u2028 O\n\ufe0f  O"
    rows, _ = read(read_conll, text)
    assert rows == [
        Row(3, ("科", "技"), ("O", "B-X")),
        Row(6, ("\u3000", "\u00a0", "\u2028", "\ufe0f"), ("I-X", "O", "O", "O")),
    ]


def test_docstart_ends_a_sentence():
    rows, _ = read(read_conll, "a O\n-DOCSTART- O\nb O\n")
    assert [row.input for row in rows] == [("a",), ("b",)]


def test_words_alone():
    rows, _ = read(read_conll, "a\nb\n\nc\n", labelled=False)
    assert rows == [Row(1, ("a", "b"), None), Row(4, ("c",), None)]
    assert read(read_conll, "a O\n", labelled=False)[0] == [Row(1, ("a",), None)]


@pytest.mark.parametrize(
    ("text", "request_", "message"),
    [
        ("a O\nb\n", {}, "c:2: word 'b' without a tag"),
        (" O\n", {}, "c:1: word 'O' without a tag"),
        ("a O\nb X O\n", {}, "c:2: expected 2 columns; got 3"),
        ("a O\n", {"column": 2}, "c:1: no column 2 among 2"),
        ("a O\n", {"column": -2}, "c:1: no column -2 among 2"),
        (
            "a O\n",
            {"column": 0},
            "c: `column` must be a column's number, not 0, the word's; got 0",
        ),
        (
            "a O\n",
            {"column": "upos"},
            "c: `column` must be a column's number, not 0, the word's; got 'upos'",
        ),
        (
            "a O\n",
            {"task": "classify"},
            "c: CoNLL columns hold one tag a word; the task is 'classify'",
        ),
        (
            "a O\n",
            {"label": "tag"},
            "c: CoNLL columns have no names: `text` and `label` say nothing here",
        ),
    ],
)
def test_errors(text, request_, message):
    with pytest.raises(DataError) as error:
        read(read_conll, text, **request_)
    assert str(error.value) == message


def test_repair_leaves_sentences_out():
    text = "a O\nb O\n\nc O\nd\n\ne O O\n\nf O\n"
    rows, ledger = read(read_conll, text, repair=True)
    assert [row.input for row in rows] == [("a", "b"), ("f",)]
    assert ledger.report() == [
        "c: 4 rows in, 2 out, 2 dropped",
        "c: 1 row dropped: word without a tag (at line 5)",
        "c: 1 row dropped: wrong width (at line 7)",
    ]


def test_conllu():
    rows, _ = read(read_conllu, CONLLU)
    assert rows == [
        Row(3, ("I", "do", "n't"), ("PRON", "AUX", "PART")),
        Row(10, ("#",), ("SYM",)),
    ]
    for column in ("deprel", 7):
        rows, _ = read(read_conllu, CONLLU, column=column)
        assert [row.target for row in rows] == [("nsubj", "root", "advmod"), ("root",)]
    rows, _ = read(read_conllu, CONLLU, column="feats")
    assert rows[0].target == ("_", "_", "_")
    rows, _ = read(read_conllu, CONLLU, labelled=False)
    assert rows[1] == Row(10, ("#",), None)


@pytest.mark.parametrize(
    ("text", "request_", "message"),
    [
        ("1 I I PRON\n", {}, "c:1: expected 10 columns between tabs; got 1"),
        (
            CONLLU.replace("PRON", "_"),
            {},
            "c:3: word 'I' without a tag in upos",
        ),
        (
            CONLLU,
            {"column": "pos"},
            "c: `column` must be one of lemma, upos, xpos, feats, head, deprel, deps, "
            "misc; got 'pos'",
        ),
        (
            CONLLU,
            {"column": -1},
            "c: `column` must be one of lemma, upos, xpos, feats, head, deprel, deps, "
            "misc; got -1",
        ),
    ],
)
def test_conllu_errors(text, request_, message):
    with pytest.raises(DataError) as error:
        read(read_conllu, text, **request_)
    assert str(error.value) == message
