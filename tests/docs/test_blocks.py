"""Every code block of the README and the guides runs, as it stands, on small data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import (
    ROOT,
    RUN,
    SHOWN,
    blocks,
    commands,
    files,
    run_file,
    run_shell,
)
from tfreg.cli.parser import build_parser

# All that is not run. Another one must be written down here, too.
NOT_RUN = {
    "README.md": [
        "run by .ci/run",
        "run by .ci/run",
        "several processes",
        "hours, on folders of data sets",
    ],
    "docs/devices.md": ["two processes on two hosts", "three processes"],
    "docs/index.md": [".ci/run installs by the README"],
    "docs/migrating.md": [
        "needs Transformers 4 and a download",
        "needs Transformers 4 and a download",
        "downloads a preset",
    ],
}
FILES = [file for file in files() if any(b.language in RUN for b in blocks(file))]


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", FILES, ids=named)
def test_blocks_run(file, world):
    run_file(file)


def test_what_is_not_run_is_known():
    found = {
        named(file): [b.marker for b in blocks(file) if b.marker is not None]
        for file in files()
    }
    wanted = {name: reasons for name, reasons in NOT_RUN.items() if reasons}
    assert {name: reasons for name, reasons in found.items() if reasons} == wanted


def test_commands_that_are_not_run_have_options_that_exist():
    parser, found = build_parser(), 0
    for block in (one for file in files() for one in blocks(file)):
        if block.marker is None or block.language != "sh":
            continue
        for words in commands(block.code):
            names = [Path(word).name for word in words]
            if "tfreg" in names:
                parser.parse_args(words[names.index("tfreg") + 1 :])
                found += 1
    assert found >= 8


def test_no_block_is_in_a_language_that_nobody_runs():
    found = [block for file in files() for block in blocks(file)]
    assert [str(b) for b in found if b.language not in (*RUN, *SHOWN)] == []


def test_a_block_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)
    file = tmp_path / "guide.md"
    file.write_text("# A guide\n\n```python\na = 1\nb = c\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"guide.md:4: NameError: .*'c'"):
        run_file(file)


def test_names_last_to_the_end_of_a_file_and_marked_blocks_are_left_out(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)
    file = tmp_path / "guide.md"
    python, end = "```python", "```"
    marked = ["<!-- not run: it fails -->", python, "1 / 0", end]
    indented = ["- a point", f"  {python}", "  assert a == 1", f"  {end}"]
    lines = [python, "a = 1", end, *marked, *indented]
    file.write_text("\n".join(lines), encoding="utf-8")
    run_file(file)
    assert [block.marker for block in blocks(file)] == [None, "it fails", None]


def test_commands_are_joined_piped_and_redirected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("a\nb\n", encoding="utf-8")
    run_shell(
        "head \\\n  -n 1 < in.txt | cat > out.txt   # the first line\n\n# no more"
    )
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "a\n"


def test_a_command_that_fails_is_an_error():
    with pytest.raises(AssertionError, match="`tfreg info no/such` .* exit code 2"):
        run_shell("tfreg info no/such")
