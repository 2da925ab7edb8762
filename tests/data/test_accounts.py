"""Rows in are rows out and rows dropped, whatever a file holds.

Files are made of awkward pieces by chance. What goes in is counted here, apart from
the readers; each file either loads, or is refused with one line that names it.
"""

from __future__ import annotations

import random
import re
import warnings

import pytest

from tfreg._checks import DataError
from tfreg.data.corpus import load_corpus

TEXTS = [
    *(b"good", b"bad text", b"a\0b", b"caf\xe9", b"\xf0\x9f\x98", b" ", b"", b"\r"),
    *("\u2028", "\u0085", "\ufeff", "好", "\U0001f600", '"', "'", ",", "#"),
]
TEXTS = [text if isinstance(text, bytes) else text.encode() for text in TEXTS]
LABELS = [b"x"] * 8 + [b"y"] * 8 + [b"", b"z", b"x\0", b"\xff"]
ENDS = [b"\n"] * 9 + [b"\r\n"]


def tsv(draw):
    rows = [b"text\tlabel\n", b"a\tx\n", b"b\ty\n"]
    for _ in range(draw.randrange(30)):
        columns = [draw.choice(TEXTS) + draw.choice(TEXTS), draw.choice(LABELS)]
        columns += [b"more"] * (draw.random() < 0.1)
        rows.append(b"\t".join(columns[draw.random() < 0.1 :]) + draw.choice(ENDS))
    return b"".join(rows), len(rows) - 1


def jsonl(draw):
    rows = [b'{"text": "a", "label": "x"}\n', b'{"label": "y", "text": "b"}\n']
    escapes = [
        rb"\u0000",
        rb"\ud800",
        rb"\udc00\ud800",
        rb"\ud83d\ude00",
        rb"\n",
        b"\\",
    ]
    labels = [
        b'"x"',
        b'"y"',
        b'["x"]',
        b"null",
        b"1.5",
        b"2",
        rb'"x\u0000"',
        b"nonsense",
    ]
    for _ in range(draw.randrange(30)):
        text = draw.choice(TEXTS) + draw.choice(escapes + TEXTS * 2)
        label = draw.choice(labels[:2] * 8 + labels)
        rows.append(b'{"text": "%s", "label": %s}' % (text, label))
        rows[-1] = rows[-1][draw.random() < 0.05 :] + draw.choice(ENDS)
    return b"".join(rows), len(rows)


def conll(draw):
    sentences = [b"a O\nb B-X\nc I-X\n"]
    tags = [b" O", b" B-X", b" I-X", b"\tO"] * 6 + [b"", b" O O", b" I-\0X"]
    for _ in range(draw.randrange(12)):
        lines = [
            # A word that is nothing or a space would be no word here.
            (draw.choice(TEXTS).strip() or b"w") + draw.choice(tags) + draw.choice(ENDS)
            for _ in range(draw.randrange(1, 5))
        ]
        sentences.append(b"".join(lines))
    gap = draw.choice([b"\n", b"\r\n", b"\n \t\n\n", b"\n-DOCSTART- O\n"])
    return gap.join(sentences), len(sentences)


@pytest.mark.parametrize("make", [tsv, jsonl, conll])
@pytest.mark.parametrize("seed", range(60))
def test_account(tmp_path, make, seed):
    raw, rows_in = make(random.Random(seed))
    path = tmp_path / ("train." + {tsv: "tsv", jsonl: "jsonl", conll: "txt"}[make])
    path.write_bytes(raw)
    repaired = load(path, repair=True)
    rows_out = len(repaired.train)
    counts = f"{rows_in} rows in, {rows_out} out, {rows_in - rows_out} dropped"
    assert f"{path}: {counts}" in repaired.report
    dropped = [re.search(r": (\d+) rows? dropped: ", line) for line in repaired.report]
    assert sum(int(found[1]) for found in dropped if found) == rows_in - rows_out
    check_clean(repaired.train)
    try:
        as_it_is = load(path, repair=False)
    except DataError as error:
        where = rf"{re.escape(str(path))}:\d+: .+"
        assert re.fullmatch(where, str(error)), error
    else:
        assert len(as_it_is.train) == rows_in
        assert not re.search("dropped: |repaired: ", "\n".join(as_it_is.report))
        check_clean(as_it_is.train)


def load(path, repair):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_corpus(path, dev_fraction=0, repair=repair)


def check_clean(examples):
    for row, target in zip(examples.inputs, examples.targets):
        for part in (row, target) if isinstance(row, str) else (*row, *target):
            assert "\0" not in part
            part.encode("utf-8")


def test_tsv_rows_against_plain_python(tmp_path):
    for seed in range(30):
        raw, _ = tsv(random.Random(seed))
        path = tmp_path / "train.tsv"
        path.write_bytes(raw)
        expected = []
        for line in raw.split(b"\n")[1:-1]:
            if line.endswith(b"\r"):
                line = line[:-1]
            columns = line.decode("utf-8", "replace").replace("\0", "").split("\t")
            if len(columns) == 2 and columns[1].strip():
                expected.append(tuple(columns))
        corpus = load(path, repair=True)
        assert list(zip(corpus.train.inputs, corpus.train.targets)) == expected
