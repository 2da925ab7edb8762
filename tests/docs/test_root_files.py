"""Files that other programs read: they are what those expect."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import tfreg

ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_the_citation_is_of_this_version():
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert said["version"] == tfreg.__version__ and said["license"] == "Apache-2.0"
    required = {"cff-version", "message", "title", "authors"}
    assert required <= set(said)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert form == {"blank_issues_enabled": False}
        return
    assert {"name", "description", "body"} <= set(form)
    ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert ids and len(set(ids)) == len(ids)
    for part in form["body"]:
        assert part["type"] in ("markdown", "input", "textarea")
        assert part["attributes"].get("label") or part["type"] == "markdown"


def test_what_contributors_are_pointed_at_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:tfreg|tests|docs|examples)/[\w/.]+)`", text)
    named += re.findall(r"\]\((docs/[\w.]+)\)", text)
    assert len(named) > 10
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []
