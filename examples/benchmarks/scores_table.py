"""The table of scores: mean ± sd, and paired differences ± their standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from tasks import TASKS, Task

HEADER = """\
| task | train rows | metric (%) | seeds | tfreg | Transformers | difference |
|---|---|---|---|---|---|---|"""

Results = Mapping[tuple[str, str, int], Mapping[str, Any]]
"""The result of each finished run, by (task, system, seed)."""


def spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation (n - 1).

    >>> spread([1.0, 2.0, 3.0])
    '2.0 ± 1.0'
    """
    if not values:
        return "not run"
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{mean(values):.1f} ± {stdev(values):.1f}"


def difference(ours: Mapping[int, float], theirs: Mapping[int, float]) -> str:
    """Mean over common seeds of (ours - theirs) ± its standard error, sd / √n.

    >>> difference({0: 3.0, 1: 5.0}, {0: 2.0, 1: 2.0, 2: 9.0})
    '+2.00 ± 1.00'
    """
    gaps = [ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]
    if not gaps:
        return ""
    if len(gaps) == 1:
        return f"{gaps[0]:+.2f}"
    return f"{mean(gaps):+.2f} ± {stdev(gaps) / len(gaps) ** 0.5:.2f}"


def table(results: Results) -> str:
    """The Markdown table of every task, with what is known so far.

    Args:
        results: one mapping a finished run: `{"dev": {...}, "test": {...}}`, metrics
            between -1 and 1.
    """
    rows, notes = [HEADER], []
    for name, task in TASKS.items():
        for split, metric in task.shown:
            rows.append(_row(name, task, split, metric, results))
        if task.note:
            notes.append(f"- {name}: {task.note}.")
    notes.append("- Starred: a fixed reference, one seed; not run here.")
    return "\n".join([*rows, "", *notes])


def _row(name: str, task: Task, split: str, metric: str, results: Results) -> str:
    ours, theirs = (
        {
            seed: 100.0 * result[split][metric]
            for (task_name, by, seed), result in results.items()
            if (task_name, by) == (name, system)
        }
        for system in ("tfreg", "transformers")
    )
    fixed = task.reference.get((split, metric))
    if fixed is not None:
        peer = f"{fixed:.1f}*"
        gap = f"{mean(ours.values()) - fixed:+.2f}" if ours else ""
    else:
        peer = spread(list(theirs.values())) if "transformers" in task.systems else ""
        gap = difference(ours, theirs)
    seeds = len(ours) or len(theirs)
    shown = spread(list(ours.values()))
    size = "all" if task.cut is None else f"{task.cut:,}"
    cells = name, size, f"{split} {metric}", str(seeds), shown, peer, gap
    return f"| {' | '.join(cells)} |"


def write_between_markers(path: Path, text: str, name: str = "scores") -> None:
    """Replace what stands between the two marker lines of a file."""
    first, last = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = path.read_text(encoding="utf-8").partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise SystemExit(f"{name}: {path}: the lines {first} and {last} are missing")
    path.write_text(f"{before}{first}\n{text}\n{last}{after}", encoding="utf-8")
