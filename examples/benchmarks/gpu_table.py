"""The table of the GPU benchmark: medians over runs, from what the driver wrote."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from gpu_work import SHAPES, Case, step_operations

HEADER = """\
| batch x length | system | step, ms | tokens/s | beside best Transformers \
| model TFLOP/s | of the ceiling | peak memory, GiB | first step, s | loss |
|---|---|---|---|---|---|---|---|---|---|"""


def table(results: Mapping[str, Any]) -> str:
    """Markdown: a row a case and system, then what was measured and on what."""
    ceiling = best_rate(results)
    shape = SHAPES[results["shape"]]
    rows = [HEADER]
    for entry in results["cases"]:
        case = Case(*entry["case"])
        steps = {
            name: median(run["step"] for run in found["runs"])
            for name, found in entry["systems"].items()
        }
        peers = [step for name, step in steps.items() if name != "tfreg"]
        for name, step in steps.items():
            found = entry["systems"][name]
            rate = step_operations(shape, case) / step
            spread = [1000 * run["step"] for run in found["runs"]]
            cells = (
                str(case),
                name,
                f"{1000 * step:.2f} ({min(spread):.2f} to {max(spread):.2f})",
                f"{case.batch * case.length / step:,.0f}",
                f"{min(peers) / step:.2f}x" if peers else "",
                f"{rate / 1e12:.4g}",
                f"{rate / ceiling:.1%}" if ceiling else "",
                f"{found['peak'] / 2**30:.2f}" if found["peak"] is not None else "",
                f"{found['first_step']:.1f}",
                f"{found['runs'][-1]['loss']:.3f}",
            )
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, "", *_notes(results)])


def best_rate(results: Mapping[str, Any]) -> float:
    """The ceiling: the fastest product of any framework, in operations a second."""
    rates = [
        product["rate"]
        for products in results["products"].values()
        for product in products
    ]
    return max(rates, default=0.0)


def _notes(results: Mapping[str, Any]) -> list[str]:
    notes = []
    for framework, products in results["products"].items():
        best = max(products, key=lambda product: product["rate"])
        size = " x ".join(str(side) for side in best["product"])
        notes.append(
            f"- Fastest bfloat16 matrix product, {framework}: "
            f"{best['rate'] / 1e12:.4g} TFLOP/s ({size})."
        )
    for framework, about in results["frameworks"].items():
        versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
        notes.append(f"- {framework}: {about['device']}; {versions}.")
    return notes
