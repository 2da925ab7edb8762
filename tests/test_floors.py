"""The house stands: imports go down its floors, and TensorFlow keeps to its rooms.

The floors are those of docs/architecture.md: a module imports from lower floors only.
On its own floor it may import a single module, never another package.
`tfreg/__init__.py` and `tfreg/__main__.py` are the doors, above all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tfreg"
FLOORS = {
    "_compat": -1,  # the cellar: it knows nothing of tfreg
    "_checks": 0,
    "_differences": 0,
    "_outcome": 2,
    "_figures": 0,
    "_onednn": 0,
    "_registration": 0,
    "_tensors": 0,
    "_wordpiece": 0,
    "selection": 0,
    "functional": 0,
    "regularizers": 1,
    "layers": 1,
    "metrics": 1,
    "optimizers": 1,
    "objectives": 2,
    "heads": 2,
    "adapt": 2,
    "data": 2,
    "callbacks": 2,
    "_huggingface": 3,
    "_huggingface_tokenizer": 3,
    "recipe": 3,
    "serial": 3,
    "presets": 3,
    "precision": 3,
    "models": 4,
    "builders": 5,
    "distribute": 6,
    "inspect": 6,
    "runs": 7,
    "tuning": 8,
    "cli": 9,
}
DOORS = ("__init__", "__main__")
TENSORFLOW_ROOMS = ("data", "distribute", "callbacks", "_compat")
PRIVATE = ("keras.src", "keras_hub.src", "keras_nlp.src", "keras.legacy")


def breaches(root: Path) -> list[str]:
    """Every breach below a package folder, as ``file:line: what``."""
    found = []
    for path in sorted(root.rglob("*.py")):
        where = path.relative_to(root)
        room = where.parts[0].removesuffix(".py")
        if not (path.parent / "__init__.py").exists():
            found.append(f"{where}:1: its folder has no __init__.py")
        for line, name in imports(path, root):
            found += [
                f"{where}:{line}: {what}" for what in complaints(root, room, name)
            ]
    return found


def complaints(root: Path, room: str, name: str) -> Iterator[str]:
    """What is wrong with a module of `room` importing `name`."""
    top = name.partition(".")[0]
    if top.startswith("tensorflow") and room not in TENSORFLOW_ROOMS:
        yield f"{name}: TensorFlow outside {', '.join(TENSORFLOW_ROOMS)}"
    if any(f"{name}.".startswith(f"{private}.") for private in PRIVATE):
        if room != "_compat":
            yield f"{name}: private API outside _compat"
    if top != root.name or room in DOORS:
        return
    target = name.split(".")[1] if "." in name else ""
    if target == room:
        return
    for part in (room, target):
        if part and part not in FLOORS:
            yield f"{part} has no floor in {Path(__file__).name}"
            return
    if not target:
        yield f"{name} itself: the door is above all"
    elif FLOORS[target] > FLOORS[room]:
        yield f"{name} is above (floor {FLOORS[target]} from {FLOORS[room]})"
    elif FLOORS[target] == FLOORS[room] and (root / target).is_dir():
        yield f"{name} is a package beside (floor {FLOORS[room]})"


def imports(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of a file, at any depth of its tree."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    package = [root.name, *path.relative_to(root).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                yield node.lineno, deepest(source, alias.name, root)
        elif isinstance(node, ast.Call) and called(node).endswith("import_module"):
            argument = node.args[0] if node.args else None
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield node.lineno, argument.value
        elif isinstance(node, ast.Attribute) and node.attr == "src":
            if isinstance(node.value, ast.Name):
                yield node.lineno, f"{node.value.id}.src"


def deepest(source: str, name: str, root: Path) -> str:
    """``from tfreg import data`` brings a module, ``from tfreg import fit`` a name."""
    if source != root.name:
        return f"{source}.{name}" if name == "src" else source
    is_module = (root / name).is_dir() or (root / f"{name}.py").exists()
    return f"{source}.{name}" if is_module else source


def called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    function = node.func
    return getattr(function, "attr", None) or getattr(function, "id", "")


def test_no_breach():
    assert breaches(PACKAGE) == []


def test_every_room_has_a_floor():
    rooms = {p.name.removesuffix(".py") for p in PACKAGE.iterdir() if is_room(p)}
    assert rooms - set(FLOORS) - set(DOORS) == set()


def is_room(path: Path) -> bool:
    return path.suffix == ".py" or path.is_dir() and any(path.glob("*.py"))


@pytest.mark.parametrize(
    "where, code, what",
    [
        (
            "metrics/f1.py",
            "from tfreg.data.corpus import Corpus",
            "data.corpus is above",
        ),
        ("metrics/f1.py", "import tfreg.models", "tfreg.models is above"),
        ("metrics/f1.py", "from tfreg import cli", "tfreg.cli is above"),
        ("metrics/f1.py", "from ..heads import linear", "tfreg.heads is above"),
        ("metrics/f1.py", "def f():\n    import tfreg.recipe", "f1.py:2: tfreg.recipe"),
        ("metrics/f1.py", "import_module('tfreg.recipe')", "tfreg.recipe is above"),
        ("metrics/f1.py", "from tfreg.layers import x", "a package beside (floor 1)"),
        ("selection.py", "import tfreg.functional", "a package beside (floor 0)"),
        ("metrics/f1.py", "import tfreg", "tfreg itself: the door is above all"),
        ("metrics/f1.py", "from tfreg import fit", "the door is above all"),
        ("cellar.py", "import tfreg.metrics", "cellar has no floor"),
        ("metrics/f1.py", "import tfreg.cellar", "cellar has no floor"),
        ("metrics/f1.py", "import tensorflow as tf", "TensorFlow outside data"),
        ("__init__.py", "def f():\n    import tensorflow", "TensorFlow outside data"),
        ("cli/x.py", "from tensorflow_text import ops", "TensorFlow outside data"),
        ("metrics/f1.py", "from keras.src import ops", "private API outside"),
        ("metrics/f1.py", "from keras import src", "private API outside"),
        ("metrics/f1.py", "import keras\nkeras.src.ops.add", "f1.py:2: keras.src"),
        ("data/x.py", "import keras_hub.src.utils", "private API outside"),
        ("metrics/deep/x.py", "import numpy", "its folder has no __init__.py"),
    ],
)
def test_a_planted_breach_is_found(tmp_path, where, code, what):
    root = plant(tmp_path, where, code)
    found = breaches(root)
    assert len(found) == 1 and what in found[0], found


@pytest.mark.parametrize(
    "where, code",
    [
        ("metrics/f1.py", "from tfreg.functional.spans import x"),
        ("metrics/f1.py", "from tfreg._checks import x\nfrom . import y\nimport keras"),
        ("functional/f.py", "import tfreg._checks\nimport tfreg.selection"),
        ("data/x.py", "import tensorflow as tf\nimport tfreg.metrics"),
        ("_compat/x.py", "import tensorflow\nfrom keras.src import x"),
        ("selection.py", "from tfreg import _compat"),
        ("models/x.py", "from tfreg.models import y\nfrom tfreg.recipe import Recipe"),
        ("__init__.py", "from tfreg.models import x"),
    ],
)
def test_what_is_allowed(tmp_path, where, code):
    assert breaches(plant(tmp_path, where, code)) == []


def plant(tmp_path: Path, where: str, code: str) -> Path:
    """A house of empty rooms with one file of code in it."""
    root = tmp_path / "tfreg"
    rooms = [
        "_compat",
        "cli",
        "data",
        "functional",
        "heads",
        "layers",
        "metrics",
        "models",
    ]
    for package in ["", *rooms]:
        (root / package).mkdir()
        (root / package / "__init__.py").touch()
    for module in ("_checks", "recipe", "selection"):
        (root / f"{module}.py").touch()
    (root / where).parent.mkdir(exist_ok=True)
    (root / where).write_text(code, encoding="utf-8")
    return root
