"""What helps: seed-paired differences from the plain recipe, with standard errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import mean, stdev
from typing import Any

from catalogue_plan import (
    BEST,
    CUTS,
    LEARNING_RATES,
    METHODS,
    PLAIN,
    SCREEN,
    Run,
)

Results = Mapping[Run, Mapping[str, Any]]


def gaps(
    results: Results, stage: str, cut: str, method: str, split: str
) -> list[float]:
    """Score minus the plain recipe's of the same seed, in points of 100."""
    found = []
    for run, result in results.items():
        plain = results.get(run._replace(method=PLAIN))
        if run[:3] == (stage, cut, method) and plain and split in result:
            metric = CUTS[cut].metric
            found.append(100 * (result[split][metric] - plain[split][metric]))
    return found


def shown(values: list[float]) -> str:
    """Mean ± standard error; a star where the mean exceeds twice that.

    >>> shown([1.0, 2.0, 3.0]), shown([0.5])
    ('+2.0 ± 0.6 *', '+0.5')
    """
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:+.1f}"
    star = " *" if is_beyond(values) else ""
    return f"{mean(values):+.1f} ± {standard_error(values):.1f}{star}"


def standard_error(values: list[float]) -> float:
    """Of a mean of several values."""
    return stdev(values) / len(values) ** 0.5


def is_beyond(values: list[float]) -> bool:
    """Whether the mean exceeds twice its standard error, of several values.

    >>> is_beyond([1.0, 2.0, 3.0]), is_beyond([-1.0, 1.0]), is_beyond([0.5])
    (True, False, False)
    """
    return len(values) > 1 and abs(mean(values)) > 2 * standard_error(values)


def best(
    results: Results, count: int = BEST, methods: Iterable[str] = METHODS
) -> list[str]:
    """The methods with the largest mean difference on dev, over those of the screen's
    tasks that can have them."""
    means = {}
    for method in methods:
        each = [gaps(results, "screen", cut, method, "dev") for cut in SCREEN]
        if method != PLAIN and any(each):
            means[method] = mean(mean(values) for values in each if values)
    return sorted(means, key=lambda method: -means[method])[:count]


def points(
    results: Results, stage: str, cut: str, method: str, split: str
) -> list[float]:
    """Scores of every seed, in points of 100."""
    return [
        100 * result[split][CUTS[cut].metric]
        for run, result in results.items()
        if run[:3] == (stage, cut, method) and split in result
    ]


def best_learning_rate(results: Results, cut: str) -> float:
    """The plain recipe's, by its mean dev score."""

    scores = {
        rate: points(results, "learning-rate", cut, f"{rate:.0e}", "dev")
        for rate in LEARNING_RATES
    }
    if not all(scores.values()):
        raise SystemExit(f"catalogue: {cut}: run its learning rates first")
    return max(scores, key=lambda rate: mean(scores[rate]))


def learning_rate_table(results: Results) -> str:
    """Mean ± standard deviation of the plain recipe at every learning rate."""
    heads = [f"{cut}, {CUTS[cut].metric}" for cut in CUTS]
    rows = [f"| learning rate | {' | '.join(heads)} |", "|---" * (len(CUTS) + 1) + "|"]
    for rate in (f"{rate:.0e}" for rate in LEARNING_RATES):
        each = [points(results, "learning-rate", cut, rate, "dev") for cut in CUTS]
        rows.append(f"| {rate} | {' | '.join(map(mean_and_sd, each))} |")
    return "\n".join(rows)


def mean_and_sd(values: list[float]) -> str:
    """Mean ± standard deviation.

    >>> mean_and_sd([1.0, 3.0])
    '2.0 ± 1.4'
    """
    if len(values) < 2:
        return f"{values[0]:.1f}" if values else "not run"
    return f"{mean(values):.1f} ± {stdev(values):.1f}"


def cost(results: Results, stage: str, method: str) -> str:
    """Seconds that an epoch trains, over the plain recipe's of the same seed: the mean
    of the stage's tasks and seeds."""
    ratios = []
    for run, result in results.items():
        plain = results.get(run._replace(method=PLAIN), {})
        timed = "epoch_seconds" in result.keys() & plain.keys()
        if run[::2] == (stage, method) and timed:
            ratios.append(result["epoch_seconds"] / plain["epoch_seconds"])
    return f"{mean(ratios):.2f}" if ratios else ""


def table(
    results: Results,
    stage: str,
    cuts: Iterable[str],
    methods: Iterable[str],
    split: str,
) -> str:
    """One stage as a Markdown table: differences; after the screen, scores too."""
    cuts = list(cuts)

    def cell(cut: str, method: str) -> str:
        difference = shown(gaps(results, stage, cut, method, split))
        if stage == "screen" or not difference:
            return difference
        scores = mean_and_sd(points(results, stage, cut, method, split))
        return f"{scores} ({difference})"

    heads = [f"{cut}, {CUTS[cut].metric}" for cut in cuts]
    rows = [
        f"| method | {' | '.join(heads)} | time | failed |",
        "|---" * (len(cuts) + 3) + "|",
    ]
    plain = [points(results, stage, cut, PLAIN, split) for cut in cuts]
    rows.append(f"| {PLAIN} | {' | '.join(map(mean_and_sd, plain))} | 1 | |")
    for method in methods:
        if method == PLAIN:
            continue
        cells = [cell(cut, method) for cut in cuts]
        own = [r for run, r in results.items() if run[:1] + run[2:3] == (stage, method)]
        for place, cut in enumerate(cuts):
            refused = [
                r
                for run, r in results.items()
                if run[:3] == (stage, cut, method) and "refused" in r
            ]
            cells[place] = "refused" if refused else cells[place]
        failed = sum("failed" in result for result in own)
        row = [method, *cells, cost(results, stage, method), str(failed or "")]
        rows.append(f"| {' | '.join(row)} |")
    return "\n".join(rows)
