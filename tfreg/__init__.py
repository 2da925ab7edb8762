"""tfreg: regularised fine-tuning of BERT-type encoders in Keras.

Importing this package is light: each name loads what it needs when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from tfreg import _onednn, _registration

__version__ = "0.1.0"

_HOMES = {
    "Corpus": "tfreg.data.corpus",
    "Examples": "tfreg.data.examples",
    "FeatureCache": "tfreg.data.features",
    "FineTuneHyperModel": "tfreg.tuning",
    "InputError": "tfreg._checks",
    "Recipe": "tfreg.recipe",
    "TextClassifier": "tfreg.models",
    "TextRegressor": "tfreg.models",
    "TokenTagger": "tfreg.models",
    "augment_corpus": "tfreg.data.augment",
    "build_classifier": "tfreg.builders",
    "build_regressor": "tfreg.builders",
    "build_tagger": "tfreg.builders",
    "calibrate": "tfreg.inspect",
    "estimate_fisher": "tfreg.models",
    "explain": "tfreg.inspect",
    "load_corpus": "tfreg.data.corpus",
    "load_model": "tfreg.models",
    "penalty_report": "tfreg.inspect",
    "regularization_path": "tfreg.tuning",
    "search": "tfreg.tuning",
}
_PACKAGES = (
    "adapt",
    "callbacks",
    "data",
    "distribute",
    "heads",
    "inspect",
    "layers",
    "metrics",
    "models",
    "objectives",
    "optimizers",
    "presets",
    "regularizers",
    "tuning",
)

__all__ = [*_HOMES, *_PACKAGES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"tfreg.{name}")
    raise AttributeError(f"module 'tfreg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


_onednn.turn_on()
_registration.watch(__name__)
