"""Making Keras know tfreg's classes, without making `import tfreg` heavy.

`keras.saving.load_model` finds only classes that were registered, which happens when
their modules are imported. Those import Keras and TensorFlow; so it is done as soon as
Keras is there anyway, whoever imports it, before or after tfreg.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from types import ModuleType
from typing import Any

_MODULES = ("tfreg.builders", "tfreg.regularizers")


def register_if_keras_is_there() -> None:
    """Import what registers classes, once, and never in the middle of an import."""
    if "keras" not in sys.modules or _busy("keras") or _busy("keras_hub"):
        return
    if any(_busy(name) for name in list(sys.modules) if name.startswith("tfreg.")):
        return  # called again when that import is done
    for name in _MODULES:
        if name not in sys.modules:
            importlib.import_module(name)


def _busy(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


class _Package(ModuleType):
    """A package of tfreg, which hears when one of its modules has been imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if isinstance(value, ModuleType):
            if hasattr(value, "__path__"):
                value.__class__ = _Package
            register_if_keras_is_there()


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Lets Keras and KerasHub load as they would, then registers."""

    def __init__(self) -> None:
        self.names = {"keras", "keras_hub"}

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name not in self.names:
            return None
        self.names.remove(name)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_then_register(module: ModuleType) -> None:
            load(module)
            setattr(spec, "_initializing", False)  # it is loaded by now
            register_if_keras_is_there()

        setattr(spec.loader, "exec_module", load_then_register)
        return spec


def watch(package: str) -> None:
    """Register now if Keras is there, otherwise when it comes."""
    sys.modules[package].__class__ = _Package
    sys.meta_path.insert(0, _AfterKeras())
    register_if_keras_is_there()
