"""Help comes at once, covers every recipe field, and shows defaults."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import time

import pytest

from tfreg.cli import main
from tfreg.cli.options import option_name
from tfreg.recipe import SHORT_NAMES, Recipe

COMMANDS = ("train", "search", "path", "evaluate", "predict", "explain", "demo", "info")


def help_of(capsys, *command: str) -> str:
    assert main([*command, "--help"]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_every_command_is_listed(capsys):
    text = help_of(capsys)
    assert all(re.search(rf"\b{command}\b", text) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys, command):
    assert f"usage: tfreg {command}" in help_of(capsys, command)


@pytest.mark.parametrize("field", dataclasses.fields(Recipe), ids=lambda f: f.name)
def test_every_recipe_field_is_an_option_with_its_default(capsys, field):
    text = help_of(capsys, "train")
    default = "none" if field.default is None else str(field.default)
    start = text.index(f" {option_name(field.name)} ", text.index(" recipe: "))
    described = text[start : text.index("(default: ", start) + 60]
    assert field.metadata["help"].split("(")[0].strip() in described
    assert f"(default: {default})" in described


@pytest.mark.parametrize("name", SHORT_NAMES)
def test_every_short_name_is_an_option(capsys, name):
    assert f" {option_name(name)} X " in help_of(capsys, "train")


def test_plain_options_show_their_defaults_too(capsys):
    assert "or minilm (default: minilm)" in help_of(capsys, "train")
    assert "(default: test)" in help_of(capsys, "evaluate")
    assert "(default: None)" not in help_of(capsys, "predict")


def test_versions(capsys):
    assert main(["--version"]) == 0
    assert re.search(r"^keras \d", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("command", [[], *[[command] for command in COMMANDS]])
def test_help_loads_nothing_heavy(command):
    code = (
        "import sys; from tfreg.cli import main; "
        f"main({[*command, '--help']!r}); "
        "print({'tensorflow', 'keras', 'numpy', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.slow  # a clock, on a machine that may be busy
def test_help_answers_in_under_a_second():
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "tfreg", "--help"], check=True)
    assert time.perf_counter() - started < 1
