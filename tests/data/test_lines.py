from __future__ import annotations

import gzip
import io

import pytest

from tfreg._checks import DataError
from tfreg.data.ledger import Ledger
from tfreg.data.lines import open_lines, source_name


def lines_of(raw: bytes, repair: bool = False):
    ledger = Ledger("a.txt", repair)
    with open_lines(io.BytesIO(raw), ledger) as lines:
        return list(lines), ledger


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\n\nb", ["a", "", "b"]),
        (b"a\rb\r", ["a\rb\r"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", ["a", "\ufeffb"]),
        ("a\u2028b\u0085c\u000bd\u001ce".encode(), ["a\u2028b\u0085c\x0bd\x1ce"]),
    ],
)
def test_only_newlines_end_lines(raw, texts):
    assert lines_of(raw)[0] == list(enumerate(texts, 1))


@pytest.mark.parametrize(
    ("raw", "message", "repaired", "report"),
    [
        (
            b"ok\na\0b\0\n\0",
            "a.txt:2: a NUL character",
            ["ok", "ab", ""],
            "a.txt: 2 lines repaired: NUL removed (first at line 2)",
        ),
        (
            b"ok\nok\ncaf\xe9!\n",
            "a.txt:3: invalid UTF-8: byte 0xe9 at byte 4",
            ["ok", "ok", "caf\ufffd!"],
            "a.txt: 1 line repaired: invalid UTF-8 replaced by U+FFFD (at line 3)",
        ),
        # A character cut off by the end of the line takes nothing from the next one.
        (
            b"a\xe4\xbd\nb\n",
            "a.txt:1: invalid UTF-8: byte 0xe4 at byte 2",
            ["a\ufffd", "b"],
            "a.txt: 1 line repaired: invalid UTF-8 replaced by U+FFFD (at line 1)",
        ),
        # A half of a surrogate pair as bytes.
        (
            b"\xed\xa0\x80\n",
            "a.txt:1: invalid UTF-8: byte 0xed at byte 1",
            ["\ufffd\ufffd\ufffd"],
            "a.txt: 1 line repaired: invalid UTF-8 replaced by U+FFFD (at line 1)",
        ),
        (
            "text\tlabel\n".encode("utf-16"),
            "a.txt:1: invalid UTF-8: byte 0xff at byte 1",
            None,
            None,
        ),
    ],
)
def test_bad_text(raw, message, repaired, report):
    with pytest.raises(DataError) as error:
        lines_of(raw)
    assert str(error.value) == message
    if repaired is not None:
        lines, ledger = lines_of(raw, repair=True)
        assert [text for _, text in lines] == repaired
        assert ledger.warnings() == [report]


def test_text_streams(tmp_path):
    ledger = Ledger("<stdin>")
    with open_lines(io.StringIO("a\nb\u2028c\n"), ledger) as lines:
        assert list(lines) == [(1, "a"), (2, "b\u2028c")]
    with pytest.raises(DataError, match="^<stdin>:1: invalid UTF-8: byte 0xed"):
        with open_lines(io.StringIO("a\ud800"), ledger) as lines:
            list(lines)
    # The bytes below a text stream, whatever encoding it would have used.
    below = io.TextIOWrapper(io.BytesIO("é\r\n".encode()), encoding="latin-1")
    with open_lines(below, ledger) as lines:
        assert list(lines) == [(1, "é")]


def test_gzip(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    with open_lines(path, Ledger(str(path))) as lines:
        assert list(lines) == [(1, "one"), (2, "two")]
    path.write_bytes(b"one\ntwo\n")
    with pytest.raises(DataError) as error:
        with open_lines(path, Ledger("a.txt.gz")) as lines:
            list(lines)
    assert str(error.value) == "a.txt.gz: cannot be read: Not a gzipped file (b'on')"
    path.write_bytes(gzip.compress(b"one\n" * 1000)[:-9])
    with pytest.raises(DataError) as error:
        with open_lines(path, Ledger("a.txt.gz")) as lines:
            list(lines)
    assert str(error.value) == (
        "a.txt.gz: cannot be read: Compressed file ended before the end-of-stream "
        "marker was reached"
    )


def test_missing(tmp_path):
    for path, what in ((tmp_path / "a", "no such file"), (tmp_path, "a folder")):
        with pytest.raises(DataError, match=f"^{path}: {what}"):
            with open_lines(path, Ledger(str(path))):
                pass


def test_names(tmp_path):
    with open(tmp_path / "a.txt", "wb") as file:
        assert source_name(file) == str(tmp_path / "a.txt")
    assert source_name(io.BytesIO()) == "<stdin>"
    assert source_name(tmp_path) == str(tmp_path)
