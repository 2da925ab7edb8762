"""The tables of speed, memory, starts and sizes, from the JSON files that are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from scores_table import spread, write_between_markers
from speed_plan import (
    ENCODERS,
    FIT_EPOCHS,
    FIT_ROWS,
    SCORED,
    SIZES,
    SYSTEMS,
    TASKS,
    Measure,
    planned,
)

README = Path(__file__).resolve().parent / "README.md"
NAMES = {
    "tfreg": "tfreg",
    "kerashub": "KerasHub",
    "kerashub-length": "KerasHub, length set",
    "transformers": "Transformers",
    "transformers-best": "Transformers, best",
}
RATIOS = {
    "kerashub-length": "to KerasHub, length set",
    "transformers": "to Transformers",
    "transformers-best": "to its best",
}
TITLES = {
    "train": "Training, real tokens a second",
    "predict": "Prediction from raw text, real tokens a second",
}

FRESH: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "memory": (
        "Peak memory of a process that trains minilm for 20 steps, GB",
        lambda result: f"{result['peak_bytes'] / 1e9:.2f}",
    ),
    "start": (
        "Seconds from a process's start to its first step's end (to its imports)",
        lambda result: f"{result['first_step']:.1f} ({result['import']:.1f})",
    ),
    "fit": (
        "Seconds from a process's start to the end of a small fit of minilm: "
        f"{FIT_EPOCHS} epochs, {FIT_ROWS} rows (to its imports); of another such fit "
        "of a new model in the same process",
        lambda result: f"{result['fit']:.1f} ({result['import']:.1f})"
        + (f"; {result['again']:.1f}" if "again" in result else ""),
    ),
}

Results = Mapping[Measure, Mapping[str, Any]]


def read(folder: Path) -> Results:
    """What was measured, by measure."""
    paths = ((measure, folder / f"{measure.name}.json") for measure in planned())
    return {
        measure: json.loads(path.read_text(encoding="utf-8"))
        for measure, path in paths
        if path.exists()
    }


def tables(folder: Path) -> dict[str, str]:
    """The tables there are results for, and what they were made with.

    By the place in README.md where they stand: scores need not be measured in the same
    hours, nor on the same machine, as times.
    """
    results = read(folder)
    fits = {measure: r for measure, r in results.items() if measure.part == "scores"}
    times = {measure: r for measure, r in results.items() if measure not in fits}
    blocks = {
        "speed": [
            *(steady(part, times) for part in TITLES),
            fresh("memory", times),
            fresh("start", times),
            fresh("fit", times),
            growth(times),
            choices(times),
            made_with(times),
        ],
        "speed-scores": [scores(fits), made_with(fits)],
    }
    texts = ((name, "\n\n".join(filter(None, texts))) for name, texts in blocks.items())
    return {name: text for name, text in texts if text}


def write(name: str, text: str) -> None:
    """Put tables into their place in README.md."""
    write_between_markers(README, text, name)


def row(cells: Iterable[str]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table, or nothing if it would have no rows."""
    lines = [row(cells) for cells in rows]
    return "\n".join([row(header), "|---" * len(header) + "|", *lines]) if lines else ""


def ratio(ours: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None) -> str:
    """How many times their speed ours is, if they were measured side by side."""
    if ours is None or theirs is None or ours["session"] != theirs["session"]:
        return ""
    return f"{ours['tokens_per_second'] / theirs['tokens_per_second']:.2f}"


def steady(part: str, results: Results) -> str:
    """Tokens a second of every system, and tfreg's ratio to its peers."""
    lines = []
    for encoder in ENCODERS:
        for task in TASKS:
            found = {s: results.get(Measure(part, encoder, task, s)) for s in SYSTEMS}
            if not any(found.values()):
                continue
            cells = [encoder, task]
            for result in found.values():
                cells.append(f"{result['tokens_per_second']:,.0f}" if result else "")
            cells += [ratio(found["tfreg"], found[system]) for system in RATIOS]
            lines.append(cells)
    header = ["encoder", "task", *NAMES.values(), *RATIOS.values()]
    text = table(header, lines)
    return f"{TITLES[part]}:\n\n{text}" if text else ""


def scores(results: Results) -> str:
    """Dev scores of full fits."""
    lines = []
    for task, plan in SCORED.items():
        cells = [task, plan.metric]
        for system in SYSTEMS:
            result = results.get(Measure("scores", "minilm", task, system))
            fits = result["fits"] if result else []
            found = [100 * fit["scores"][plan.metric] for fit in fits]
            cells.append(f"{spread(found)} ({len(found)})" if found else "")
        if any(cells[2:]):
            lines.append(cells)
    text = table(["task", "metric (%)", *NAMES.values()], lines)
    title = "Dev scores of full fits of minilm, mean ± standard deviation (fits)"
    return f"{title}:\n\n{text}" if text else ""


def fresh(part: str, results: Results) -> str:
    """Peak memory, or the seconds of a start or a small fit."""
    title, show = FRESH[part]
    lines = []
    for task in TASKS:
        found = [results.get(Measure(part, "minilm", task, s)) for s in SYSTEMS]
        if any(found):
            lines.append([task, *(show(result) if result else "" for result in found)])
    text = table(["task", *NAMES.values()], lines)
    return f"{title}:\n\n{text}" if text else ""


COLUMNS = {
    "tokens": ("tokens", "{:,}", 1),
    "rows": ("rows", "{:,}", 1),
    "train_seconds": ("training (s)", "{:.1f}", 1.0),
    "train_tokens_per_second": ("training (tokens/s)", "{:,.0f}", 1.0),
    "predict_seconds": ("prediction (s)", "{:.1f}", 1.0),
    "predict_tokens_per_second": ("prediction (tokens/s)", "{:,.0f}", 1.0),
    "peak_bytes": ("peak memory (GB)", "{:.2f}", 1e-9),
}
SIZE_TITLES = {
    "train": "times the data, trained on in memory",
    "stream": "times the data, streamed by `tfreg predict`, start included",
    "length": "pieces a text",
    "labels": "labels",
}


def sizes(kind: str, results: Results) -> str:
    """What one kind of growth costs tfreg."""
    found = {
        size: results[measure]
        for size in SIZES[kind]
        if (measure := Measure("size", "minilm", f"{kind}-{size}", "tfreg")) in results
    }
    if not found:
        return ""
    keys = [key for key in COLUMNS if key in next(iter(found.values()))]
    header = [SIZE_TITLES[kind], *(COLUMNS[key][0] for key in keys)]
    lines = [
        [str(size), *(COLUMNS[k][1].format(result[k] * COLUMNS[k][2]) for k in keys)]
        for size, result in found.items()
    ]
    return table(header, lines)


def growth(results: Results) -> str:
    """What all kinds of growth cost."""
    blocks = [block for kind in SIZES if (block := sizes(kind, results))]
    title = "What growth costs tfreg, minilm"
    return "\n\n".join([f"{title}:", *blocks]) if blocks else ""


def choices(results: Results) -> str:
    """What the trials of Transformers' best chose."""
    lines = []
    for measure, result in results.items():
        choice = result.get("choice")
        if choice and measure.system == "transformers-best":
            kept = [
                f"{key} {choice[key]}" for key in ("bfloat16", "multiple", "compiled")
            ]
            where = f"{measure.part} {measure.encoder} {measure.task}"
            lines.append(f"{where}: {', '.join(kept)}")
    return f"Chosen by trial for its best: {'; '.join(lines)}." if lines else ""


def made_with(results: Results) -> str:
    """When, on what, and with which versions."""
    if not results:
        return ""
    every = results.values()
    versions = {name: n for result in every for name, n in result["versions"].items()}
    known = {name: n for name, n in versions.items() if n != "not installed"}
    days = sorted(result["session"][:10] for result in every)
    runs = (
        len(runs) for result in every if isinstance(runs := result.get("runs"), list)
    )
    precisions = (result["precision"] for result in every if result["precision"])
    counted = listed(runs)
    facts = (
        f"Measured {listed(days[:1] + days[-1:])}",
        f"threads: {listed(result['threads'] for result in every)}",
        *([f"medians of {counted} runs"] if counted else []),
        f"tfreg in {listed(precisions)}",
        *{processor(result["processor"]): None for result in every},
        f"versions: {listed(f'{name} {n}' for name, n in known.items())}",
    )
    return "; ".join(facts) + "."


def listed(values: Iterable[Any]) -> str:
    """Each value once, in order.

    >>> listed([5, 1, 5])
    '1, 5'
    """
    return ", ".join(str(value) for value in sorted(set(values)))


def processor(found: Mapping[str, Any]) -> str:
    """A processor and its bfloat16 instructions in words."""
    has = [name for name in ("amx_bf16", "avx512_bf16") if found[name]]
    return f"{found['model']}, {found['usable']} used, {' and '.join(has) or 'no bf16'}"
