"""The devices of a command: none where none was asked for on another backend."""

from __future__ import annotations

import pytest

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.cli.devices import picked_strategy, scope


@pytest.fixture
def on_jax(monkeypatch):
    monkeypatch.setattr(_compat, "on_tensorflow", lambda: False)
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")


def test_another_backend_has_no_strategy_and_needs_none(on_jax):
    assert picked_strategy(None) is None
    with scope(None):
        pass


def test_another_backend_refuses_what_is_asked_for(on_jax):
    with pytest.raises(InputError, match="TensorFlow's; Keras runs on jax"):
        scope("mirrored")


def test_what_was_picked_is_said_if_it_was_asked_for(capsys):
    with scope("cpu"):
        assert "strategy: none needed" in capsys.readouterr().err
    with scope(None):
        assert capsys.readouterr().err == ""
