"""Keras's JAX backend trains the same models as TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_jax_equals_tensorflow(tmp_path):
    root = Path(__file__).parents[2]
    runs = {}
    for backend in ("tensorflow", "jax"):
        out = tmp_path / f"{backend}.npz"
        chosen = {"KERAS_BACKEND": backend, "PYTHONPATH": str(root)}
        done = subprocess.run(
            [sys.executable, "-m", "tests.models.on_a_backend", str(out)],
            capture_output=True,
            text=True,
            env={**os.environ, "JAX_PLATFORMS": "cpu", **chosen},
            cwd=root,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert "float64" not in done.stderr  # JAX warns where it must truncate
        runs[backend] = dict(np.load(out))
        assert runs[backend].pop("backend") == backend
    ours, theirs = runs.values()
    assert not ours.pop("classifier/compiled") and theirs.pop("classifier/compiled")
    assert set(ours) == set(theirs) and len(ours) > 70
    for name in ours:
        np.testing.assert_allclose(
            theirs[name], ours[name], rtol=1e-5, atol=1e-5, err_msg=name
        )
