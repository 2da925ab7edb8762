"""Recipes by name: what was measured to be a good start for a kind of data.

Chosen on dev rows by `examples/benchmarks/catalogue.py` with the packaged encoder; its
table is in `examples/benchmarks/README.md`. All but "plain" have more epochs than it
takes until dev stops them. No penalty is among them: none that was tried was better
than these settings without it by more than chance. A tagger's CRF was not either, but
costs next to nothing, and gives spans without stray tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMED: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "small-data": {"learning_rate": 1e-4, "epochs": 24, "patience": 3},
    "small-data-tagging": {
        "learning_rate": 2e-4,
        "epochs": 32,
        "patience": 3,
        "head": "crf",
    },
    "many-labels": {"learning_rate": 2e-4, "epochs": 48, "patience": 3},
}
