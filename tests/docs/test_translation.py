"""The Chinese README is the English one in another language, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_ROW = re.compile(r"^ *\|.*\|$", re.MULTILINE)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
# Marks of footnotes and exponents count, too.
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*|[⁰¹²³⁴⁵⁶⁷⁸⁹]")


def prose(file: Path) -> str:
    """All but the code blocks and the comments."""
    text = _FENCED.sub("", file.read_text("utf-8"))
    return re.sub(r"^<!--.*-->\n", "", text, flags=re.MULTILINE)


def links(file: Path) -> list[str]:
    return _LINK.findall(prose(file))


def anchors(file: Path) -> list[str]:
    """Of a file's headings in order, as GitHub makes them."""
    titles = [title for _, title in _HEADING.findall(prose(file))]
    return [re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles]


def numbers(text: str) -> Counter[str]:
    """In any order, as sentences have another one in Chinese."""
    return Counter(_NUMBER.findall(text))


def test_code_is_the_same():
    wanted, found = (
        [(block.language, block.code) for block in blocks(file)]
        for file in (ENGLISH, CHINESE)
    )
    assert wanted and found == wanted


def test_headings_have_the_same_levels_in_order():
    wanted, found = (
        [marks for marks, _ in _HEADING.findall(prose(file))]
        for file in (ENGLISH, CHINESE)
    )
    assert wanted and found == wanted


def test_tables_have_the_same_rows_and_numbers():
    wanted, found = (_ROW.findall(prose(file)) for file in (ENGLISH, CHINESE))
    assert wanted and len(found) == len(wanted)
    for english, chinese in zip(wanted, found):
        cells = [len(re.findall(r"(?<!\\)\|", row)) for row in (english, chinese)]
        assert cells[0] == cells[1], chinese
        # In a row, numbers stay in their columns.
        assert _NUMBER.findall(chinese) == _NUMBER.findall(english), chinese


def test_paragraphs_have_the_same_numbers():
    wanted, found = (re.split(r"\n+", prose(file)) for file in (ENGLISH, CHINESE))
    assert len(found) == len(wanted)
    for english, chinese in zip(wanted, found):
        assert numbers(chinese) == numbers(english), chinese


def test_names_in_code_style_are_the_same():
    wanted, found = (
        set(re.findall(r"`[^`\n]+`", prose(file))) for file in (ENGLISH, CHINESE)
    )
    assert found == wanted


def test_links_are_the_same():
    places = dict(zip(anchors(ENGLISH), anchors(CHINESE)))
    wanted = [
        f"#{places[target[1:]]}" if target.startswith("#") else target
        for target in links(ENGLISH)
    ]
    wanted[wanted.index(CHINESE.name)] = ENGLISH.name
    assert links(CHINESE) == wanted


@pytest.mark.parametrize("target", sorted(set(links(CHINESE))))
def test_links_lead_somewhere(target):
    if re.match(r"[a-z]+:", target):
        return
    path, _, anchor = target.partition("#")
    place = ROOT / path if path else CHINESE
    assert place.exists()
    assert not anchor or anchor in anchors(place)
