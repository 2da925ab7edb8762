"""A tiny preset, once for all tests of a folder."""

from __future__ import annotations

import pytest

from tests.tiny_preset import save_tiny_preset


@pytest.fixture(scope="session")
def preset(tmp_path_factory) -> str:
    """A local preset with an encoder of 2 layers x 32."""
    return str(save_tiny_preset(tmp_path_factory.mktemp("presets") / "tiny"))
