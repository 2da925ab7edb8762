"""The files of a run folder, written and read."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfreg._checks import InputError
from tfreg._outcome import Outcome
from tfreg.runs.folder import MODEL_FILE, has_model

_JSON_FILES = ("recipe", "labels", "metrics", "run")
_CURVES = {
    "classify": ("cross_entropy", "macro_f1"),
    "multilabel": ("cross_entropy", "macro_f1"),
    "regress": ("mse", "pearson"),
    "tag": ("cross_entropy", "span_f1_strict"),
}


@dataclass(frozen=True)
class Run:
    """What a fit left behind, without the model itself.

    Args:
        recipe: the recipe's fields, as `Recipe.to_json` gives them.
        labels: names in id order, none for regression.
        metrics: ``task``, ``dev`` and ``test`` (scores by name; ``test`` is empty
            if there was no test split), ``epochs`` (one dictionary an epoch),
            ``seconds`` and ``real_tokens_per_second`` (of the fit, dev scoring
            included; pieces that are not padding).
        facts: ``kind`` (what one input is: ``"text"``, ``"pair"`` or ``"words"``),
            ``data``, ``preset``, ``rows``, ``report``, ``penalties``,
            ``trainable_parameters``, ``versions`` and ``self_contained`` (whether it
            holds all of its model).
        path: the folder it was read from.
    """

    recipe: dict[str, Any]
    labels: list[str]
    metrics: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    path: Path = Path()

    @property
    def task(self) -> str:
        """``"classify"``, ``"multilabel"``, ``"regress"`` or ``"tag"``."""
        return self.metrics["task"]

    @property
    def kind(self) -> str:
        """What one input is: ``"text"``, ``"pair"`` or ``"words"``."""
        return self.facts["kind"]

    def load_model(self, *, compile: bool = True) -> Any:
        """The trained model.

        Args:
            compile: as for `tfreg.load_model`.

        Raises:
            InputError: the model file, or the preset it stands on, cannot be read.
        """
        from tfreg.models import load_model

        return load_model(self.path, compile=compile)


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read a run folder; its model stays on disk until `Run.load_model`.

    Raises:
        InputError: no such folder, not a run, or a file of it is missing or broken.

    Example:
        >>> read_run("no/such/run")
        Traceback (most recent call last):
        tfreg._checks.InputError: no/such/run: no such folder
    """
    folder = Path(path)
    if not folder.exists():
        raise InputError(f"{path}: no such folder")
    if not folder.is_dir() or not has_model(folder):
        raise InputError(f"{path}: not a run folder (no {MODEL_FILE} in it)")
    content = {name: _read_json(folder / f"{name}.json") for name in _JSON_FILES}
    metrics, facts = content["metrics"], content["run"]
    for name, values, key in (("metrics", metrics, "task"), ("run", facts, "kind")):
        if not isinstance(values, dict) or key not in values:
            raise InputError(f"{folder / name}.json: has no `{key}`")
    return Run(content["recipe"], content["labels"], metrics, facts, folder)


def write_run(
    folder: str | os.PathLike[str],
    run: Run,
    model: Any,
    outcomes: Mapping[str, Outcome],
    preset: str | None = None,
) -> None:
    """Write the model, the four JSON files, report, pictures and card of a run.

    Args:
        folder: an existing empty folder.
        run: what goes into the JSON files and the card.
        model: saved as ``model.keras``, preprocessing included; or, given a preset,
            only what was trained of it, as ``trained.safetensors``.
        outcomes: by split; report and pictures show the test split if it is there.
        preset: what the rest of the model is loaded from.
    """
    from tfreg.inspect.confusion import draw_answers
    from tfreg.inspect.learning_curves import draw_learning_curves
    from tfreg.inspect.reliability import draw_certainty
    from tfreg.runs.card import model_card

    folder = Path(folder)
    split = "test" if "test" in outcomes else "dev"
    outcome = outcomes[split]
    if preset is None:
        model.save(str(folder / MODEL_FILE))
    else:
        from tfreg.models.trained import save_trained

        save_trained(model, folder, preset)
    for name, content in (
        ("recipe", run.recipe),
        ("labels", run.labels),
        ("metrics", run.metrics),
        ("run", run.facts),
    ):
        (folder / f"{name}.json").write_text(to_json(content), encoding="utf-8")
    title = f"{split}, {len(outcome.targets)} rows"
    report = f"{title}\n\n{outcome.report().rstrip()}\n"
    (folder / "report.txt").write_text(report, encoding="utf-8")
    history = by_metric(run.metrics["epochs"])
    curves = [name if name in history else "accuracy" for name in _CURVES[run.task]]
    draw_learning_curves({"": history}, curves, folder / "learning_curve.png")
    picture = "scatter.png" if outcome.task == "regress" else "confusion_matrix.png"
    draw_answers(outcome, title, folder / picture)
    if outcome.task != "regress":
        draw_certainty(outcome, folder / "reliability.png")
    card = model_card(run, split=split, picture=picture)
    (folder / "README.md").write_text(card, encoding="utf-8")


def by_metric(epochs: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Logs of epochs as Keras's history has them.

    Example:
        >>> by_metric([{"epoch": 1, "train": {"mse": 2.0}, "dev": {"mse": 3.0}}])
        {'mse': [2.0], 'val_mse': [3.0]}
    """
    history: dict[str, list[float]] = {}
    for epoch in epochs:
        for prefix, split in (("", "train"), ("val_", "dev")):
            for name, value in epoch[split].items():
                history.setdefault(f"{prefix}{name}", []).append(value)
    return history


def to_json(content: Any) -> str:
    """Indented JSON in UTF-8; a number that is not finite becomes null."""
    return json.dumps(_plain(content), indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """JSON's own types, from NumPy's scalars too."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error
