"""What TensorFlow would cut off, mangle or choke on, found while it is plain text."""

from __future__ import annotations

import re

from tfreg.data.ledger import Ledger

_SURROGATES = re.compile("[\ud800-\udfff]")


def decode_line(raw: bytes, line: int, ledger: Ledger) -> str:
    """Bytes as text: a NUL and invalid UTF-8 are errors, or repaired.

    Raises:
        DataError: `file:line: what`, unless the ledger repairs. A repair takes out
            NULs and puts U+FFFD for what is no UTF-8.

    Example:
        >>> decode_line(b"caf\\xe9", 7, Ledger("a.tsv", repair=True))
        'caf\\ufffd'
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"invalid UTF-8: byte 0x{raw[error.start]:02x} at byte {error.start + 1}"
        ledger.fix(line, what, "invalid UTF-8 replaced by U+FFFD")
        text = raw.decode("utf-8", "replace")
    return without_nul(text, line, ledger)


def without_nul(text: str, line: int, ledger: Ledger) -> str:
    """Text without NUL characters: in a graph, TensorFlow drops all after the first."""
    if "\0" in text:
        ledger.fix(line, "a NUL character", "NUL removed")
        text = text.replace("\0", "")
    return text


def clean_text(text: str, line: int, ledger: Ledger) -> str:
    """Text from JSON, whose escapes can write NULs and halves of surrogate pairs."""
    text = without_nul(text, line, ledger)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        what = f"a lone surrogate, U+{ord(text[error.start]):04X}"
        ledger.fix(line, what, "lone surrogate replaced by U+FFFD")
        text = _SURROGATES.sub("\ufffd", text)
    return text
