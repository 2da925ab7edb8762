"""The model card: what was fitted to what, how well, and how to use it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tfreg.runs.run import Run

_TASKS = {
    "classify": "one label a text",
    "multilabel": "any number of labels a text",
    "regress": "one number a text",
    "tag": "one tag a word",
}
_INPUTS = {
    "text": '["A text.", "Another."]',
    "pair": '[("A text.", "Its partner.")]',
    "words": '[["One", "sentence", "in", "words"]]',
}
_FILES = {
    "text": "new.txt",
    "pair": "new.tsv",
    "words": "--input-format text new.txt",
}


def model_card(run: Run, *, split: str, picture: str) -> str:
    """The card of a run, in Markdown, without any path of the machine it ran on.

    Args:
        run: a finished run.
        split: the split that report and picture show, ``"test"`` or ``"dev"``.
        picture: file name of the picture of true against predicted.
    """
    facts, metrics = run.facts, run.metrics
    rows = ", ".join(f"{count} {name}" for name, count in facts["rows"].items())
    names = ", ".join(f"`{label}`" for label in run.labels)
    reliability = "\n\n![probability against share that is right](reliability.png)"
    if run.task == "regress":
        reliability = ""
    place = "model.keras" if facts.get("self_contained", True) else "FOLDER"
    parts = [
        f"# {facts['data']}: {_TASKS[run.task]}",
        f"A `{facts['preset']}` encoder, fine-tuned with tfreg "
        f"{facts['versions']['tfreg']} on `{facts['data']}`.",
        "## Data",
        f"Rows: {rows}." + (f"\n\n{len(run.labels)} labels: {names}." if names else ""),
    ]
    if facts["report"]:
        parts.append("\n".join(f"- {line}" for line in facts["report"]))
    if place == "FOLDER":
        parts.append(
            f"The folder holds what was trained; the rest is read from "
            f"`{facts['preset']}`."
        )
    parts += [
        "## Scores",
        "Without penalties, dropout or label smoothing.",
        score_table({name: metrics[name] for name in ("dev", "test")}),
        f"Classes one by one: `report.txt` ({split} split).",
        f"![true against predicted]({picture})\n\n"
        "![learning curve](learning_curve.png)" + reliability,
        "## Recipe",
        "Fields that are not listed have their default; `recipe.json` has them all.",
        recipe_table(run.recipe),
        f"{len(metrics['epochs'])} epochs in {metrics['seconds']:.0f} s, "
        f"{metrics['real_tokens_per_second']:.0f} word pieces a second.",
        "## Use",
        '```python\nimport tfreg\n\nmodel = tfreg.load_model("'
        f'{place}")\n'
        f"model.{'predict' if run.task == 'regress' else 'predict_labels'}"
        f"({_INPUTS[run.kind]})\n```",
        f"```sh\ntfreg predict FOLDER {_FILES[run.kind]}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def score_table(scores: Mapping[str, Mapping[str, float | None]]) -> str:
    """Scores by split as a Markdown table; splits without scores are left out.

    Example:
        >>> print(score_table({"dev": {"mcc": 0.5}, "test": {}}))
        | score | dev |
        |:--|--:|
        | mcc | 0.5000 |
    """
    splits = [split for split, values in scores.items() if values]
    names = list(dict.fromkeys(n for split in splits for n in scores[split]))
    body = [[name, *(_number(scores[s].get(name)) for s in splits)] for name in names]
    return _table(["score", *splits], body)


def recipe_changes(recipe: Mapping[str, Any]) -> dict[str, str]:
    """The fields whose value is not the default, as short text.

    Example:
        >>> recipe_changes({"epochs": 3, "dropout": 0.2})
        {'dropout': '0.2'}
    """
    from tfreg.recipe import Recipe

    default = Recipe().to_json()
    return {
        name: setting(value)
        for name, value in recipe.items()
        if name not in default or value != default[name]
    }


def recipe_table(recipe: Mapping[str, Any]) -> str:
    """The changed fields of a recipe as a Markdown table, or a line that says none."""
    changes = recipe_changes(recipe)
    if not changes:
        return "The default recipe."
    return _table(["field", "value"], [[f"`{k}`", v] for k, v in changes.items()])


def setting(value: Any) -> str:
    """A recipe value as text; an object as a call.

    Example:
        >>> setting({"class_name": "L2", "config": {"l2": 0.1}})
        'L2(l2=0.1)'
    """
    if isinstance(value, Mapping) and "class_name" in value:
        config = value.get("config") or {}
        inner = ", ".join(f"{k}={setting(v)}" for k, v in config.items())
        return f"{value['class_name'].removeprefix('tfreg>')}({inner})"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {setting(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(setting, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rule = "|:--|" + "--:|" * (len(head) - 1)
    rows = [
        "| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |"
        for row in (head, *body)
    ]
    return "\n".join([rows[0], rule, *rows[1:]])


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.4f}"
