"""oneDNN is on where tfreg is imported first, and said to be off elsewhere."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import warnings

import pytest

import tfreg
from tests import backbones
from tfreg import _compat, _onednn
from tfreg._onednn import SETTING

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="TensorFlow is left to choose here",
)

REPORT = f"""
import os
from tensorflow.python.framework.test_util import IsMklEnabled
print(os.environ.get({SETTING!r}), IsMklEnabled())
"""


def reported(first: str, **environment: str) -> list[str]:
    """The setting, and whether oneDNN is on, in a fresh interpreter."""
    kept = {name: value for name, value in os.environ.items() if name != SETTING}
    done = subprocess.run(
        [sys.executable, "-c", f"{first}\n{REPORT}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**kept, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_it_is_on_where_tfreg_comes_first():
    assert reported("import tfreg, keras") == ["1", "True"]


def test_what_the_user_has_set_stays():
    assert reported("import tfreg, keras", **{SETTING: "0"}) == ["0", "False"]


def test_too_late_the_setting_is_left_alone():
    assert reported("import tensorflow, tfreg")[0] == "None"


@pytest.fixture
def off(monkeypatch):
    """As where TensorFlow came first, on an older processor."""
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setattr(_compat, "lacks_onednn", lambda: True)


def test_a_new_model_says_that_it_is_off(off):
    with pytest.warns(UserWarning, match=f"Import tfreg first, or set {SETTING}=1"):
        tfreg.build_classifier(backbones.tiny(), ("a", "b"), sequence_length=8)


@pytest.mark.parametrize("value", ["0", "1"])
def test_nothing_is_said_where_the_user_has_set_it(off, monkeypatch, value):
    monkeypatch.setenv(SETTING, value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _onednn.warn_if_off()


def test_here_it_is_on():
    """Every other test runs with it, unless whoever runs them has turned it off."""
    assert _compat.lacks_onednn() == (os.environ[SETTING] == "0")
