"""The documentation site builds without a warning, stands alone, and names all."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tfreg
from tests.docs.blocks import ROOT, files

# Besides those of `tfreg`; all have an `__all__`.
PACKAGES = ("data.augment", "recipe", "runs")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_FETCHED = re.compile(r"<(?:script|img|link)\b[^>]*?(?:src|href)=\"?(https?:[^\s\">]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site."""
    for name in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is None:
            pytest.skip(f'{name} is not installed: pip install "tfreg[docs]"')
    folder = tmp_path_factory.mktemp("site")
    # Material announces the end of MkDocs in every build.
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir"]
    done = subprocess.run(
        [*words, str(folder)], cwd=ROOT, env=quiet, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_nothing_is_fetched_by_a_reader(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    found = {url for page in pages for url in _FETCHED.findall(page.read_text("utf-8"))}
    assert found == set()


def test_every_public_name_is_in_the_reference(site):
    pages = [page.read_text("utf-8") for page in (site / "api").rglob("*.html")]
    known = {name for page in pages for name in re.findall(r"\btfreg(?:\.\w+)+", page)}
    # Griffe takes a function that is called as its module for the module.
    known |= {re.sub(r"\.(\w+)\.\1$", r".\1", name) for name in known}
    missing = [name for name in public_names() if name not in known]
    assert missing == []


def public_names() -> list[str]:
    """Dotted, of tfreg and of its packages."""
    found = [f"tfreg.{name}" for name in tfreg.__all__]
    for package in (*tfreg._PACKAGES, *PACKAGES):
        module = importlib.import_module(f"tfreg.{package}")
        found += [f"tfreg.{package}.{name}" for name in getattr(module, "__all__", ())]
    return found


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_relative_links_lead_somewhere(file):
    text = _FENCED.sub("", file.read_text("utf-8"))
    broken = []
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = file.parent / path if path else file
        if not place.exists():
            broken.append(target)
        elif anchor and place.suffix == ".md" and anchor not in anchors(place):
            broken.append(target)
    assert broken == []


def anchors(file: Path) -> set[str]:
    """Of a file's headings, as GitHub and MkDocs make them."""
    text = _FENCED.sub("", file.read_text("utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}
