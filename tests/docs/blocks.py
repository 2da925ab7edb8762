"""The code blocks of a Markdown file, and what runs them in a small world."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[2]
# Languages of blocks that run, and of those that show what a file or an answer looks
# like. Any other would be a block that nobody runs.
RUN, SHOWN = ("python", "sh"), ("", "json", "text")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)")
_NOT_RUN = re.compile(r"^<!-- not run: (?P<reason>\S.*) -->$")
# .ci/run follows these, each in an environment of its own.
_CI = re.compile(r"^<!-- ci: \w+ -->$")

# How much is searched and trained is no matter of whether a block is right.
_LESS = (
    (re.compile(r"--(trials|seeds|epochs) \d+"), r"--\1 1"),
    (re.compile(r"\b(trials|max_trials|seeds|epochs)=\d+"), r"\1=1"),
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Args:
        file: where it is.
        line: of its first line of code, from 1.
        language: as its fence says.
        code: without its indent.
        marker: why it is not run; None for one that is.
    """

    file: Path
    line: int
    language: str
    code: str
    marker: str | None

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def files() -> list[Path]:
    """Every file whose blocks are run."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(file: Path) -> list[Block]:
    """The fenced blocks of a file, in order; fences may be indented, as in a list."""
    found = []
    lines = file.read_text(encoding="utf-8").splitlines()
    numbers = iter(range(len(lines)))
    for start in numbers:
        fence = _FENCE.match(lines[start])
        if fence is None:
            continue
        indent = len(fence["indent"])
        end = next(n for n in numbers if lines[n].strip() == "```")
        code = [line[indent:] for line in lines[start + 1 : end]]
        marker = _marker(lines[start - 1].strip() if start else "")
        text = "".join(f"{line}\n" for line in code)
        found.append(Block(file, start + 2, fence["language"], text, marker))
    return found


def _marker(line: str) -> str | None:
    if _CI.match(line):
        return "run by .ci/run"
    match = _NOT_RUN.match(line)
    return match and match["reason"]


def run_file(file: Path) -> None:
    """Run a file's blocks in the working directory, Python's in one namespace.

    Raises:
        AssertionError: naming the file and line of the block that failed.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(file):
        if block.marker is not None or block.language not in RUN:
            continue
        code = block.code
        for much, little in _LESS:
            code = much.sub(little, code)
        try:
            if block.language == "python":
                # Lines of tracebacks are those of the file.
                code = "\n" * (block.line - 1) + code
                exec(compile(code, str(file), "exec", dont_inherit=True), names)
            else:
                run_shell(code)
        except Exception as error:  # whatever a block may raise, with its place
            raise AssertionError(f"{block}: {type(error).__name__}: {error}") from error


def run_shell(code: str) -> None:
    """Run the commands of a shell block one by one; ``tfreg`` in this process."""
    for words in commands(code):
        _run_pipeline(words)


def commands(code: str) -> Iterator[list[str]]:
    """The words of each line of a shell block that has any."""
    for line in code.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="<>|")
        lexer.whitespace_split = True
        if words := list(lexer):
            yield words


def _run_pipeline(words: list[str]) -> None:
    """Commands with pipes between them; the first may read, the last write a file."""
    given = b""
    *stages, last = _split(words, "|")
    for stage in stages:
        given = _run_command(stage, given)
    target = None
    if ">" in last:
        at = last.index(">")
        target = last[at + 1]
        last = last[:at] + last[at + 2 :]
    said = _run_command(last, given)
    if target is not None:
        Path(target).write_bytes(said)


def _split(words: list[str], between: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == between:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _run_command(words: list[str], given: bytes) -> bytes:
    """What one command answers to what it is given."""
    if "<" in words:
        at = words.index("<")
        given = Path(words[at + 1]).read_bytes()
        words = words[:at] + words[at + 2 :]
    if words[0] != "tfreg":
        done = subprocess.run(words, input=given, stdout=subprocess.PIPE, check=True)
        return done.stdout
    from tfreg.cli import main

    if "--out" in words:  # examples are for themselves, and may share a name
        shutil.rmtree(words[words.index("--out") + 1], ignore_errors=True)
    bytes_said = io.BytesIO()
    said = io.TextIOWrapper(bytes_said, encoding="utf-8")
    stdin = io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")
    with redirect_stdout(said), mock.patch.object(sys, "stdin", stdin):
        code = main(words[1:])
    if code:
        raise AssertionError(f"`{shlex.join(words)}` ended with exit code {code}")
    said.flush()
    return bytes_said.getvalue()
