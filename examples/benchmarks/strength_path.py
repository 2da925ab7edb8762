"""What a path of strengths costs beside scikit-learn's fits and a KerasTuner search.

    python strength_path.py --data DATA --results RESULTS

Heads on the features of the frozen packaged encoder, λ from 1 to 1e-6, side by side in
one run, each peer beside the path of its own tolerance. Peers that fit a strength at a
time are timed at every so-manieth (`--every`), and the sum is scaled to all of them;
`enet_path` does all of them. The gap is how far the peer's objective lies above
tfreg's, over tfreg's, where it is smallest and where it is largest. A head of the
search is a Dense layer that Keras fits for `--epochs` passes.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scores_table import write_between_markers
from scores_tfreg import build
from sklearn.exceptions import ConvergenceWarning
from strength_peers import grid_search, logistic, objective, squared_path
from tasks import CUT_SEED, write_result

import tfreg
from tfreg.functional.linear_losses import Softmax, Squared
from tfreg.functional.linear_path import LinearPath, linear_path
from tfreg.models.frozen_features import frozen_features

HERE = Path(__file__).resolve().parent
PACKAGES = "tfreg", "tensorflow", "keras", "keras-tuner", "scikit-learn"
STRENGTHS = np.geomspace(1.0, 1e-6, 100)
TOLERANCES = 1e-4, 1e-6  # scikit-learn's default, and tfreg's
KINDS = {"sst2": "classify", "banking77": "classify", "stsb": "regress"}


class Row(NamedTuple):
    """One line of the table."""

    task: str
    penalty: str
    peer: str
    seconds: float  # of tfreg's path
    tolerance: float  # of both
    ratio: float  # of the peer's time
    gaps: tuple[float, float] | None
    zeros: float  # share of tfreg's weights


def features(folder: Path, kind: str, rows: int, cache: Path) -> tuple[Any, Any]:
    """Vectors, and class ids or numbers, of some training rows."""
    corpus = tfreg.load_corpus(folder, task=kind)
    order = np.random.default_rng(CUT_SEED).permutation(len(corpus.train))[:rows]
    head = tfreg.heads.Linear("mean")
    model = build(corpus, freeze="backbone", head=head, precision="bfloat16")
    found = frozen_features(model, corpus.train.take(order.tolist()), cache)
    targets = np.asarray(found.targets)
    if kind == "classify":
        _, targets = np.unique(targets, return_inverse=True)
    return found.values.astype("float64"), targets


def path(
    x: Any, y: Any, l1_ratio: float, tolerance: float, rounds: int
) -> tuple[float, LinearPath]:
    """Seconds, the median of some rounds, and the path."""
    options: Any = {"l1_ratio": l1_ratio, "tolerance": tolerance}
    if y.dtype.kind == "i":
        targets, loss = np.eye(y.max() + 1)[y], Softmax()
    else:
        targets, loss = y[:, None], Squared()
    linear_path(x[:50], targets[:50], loss, STRENGTHS[:12], **options)  # set up
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        found = linear_path(x, targets, loss, STRENGTHS, **options)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)), found


def classes(task: str, x: Any, y: Any, args: Any) -> Iterator[Row]:
    """L2 beside scikit-learn's default solver and a search; L1 beside SAGA."""

    def row(penalty: str, peer: str, theirs: float, gaps: Any) -> Row:
        zeros = float(np.mean(found.kernels == 0))
        ratio = theirs / seconds
        return Row(task, penalty, peer, seconds, tolerance, ratio, gaps, zeros)

    def fits(every: int, l1_ratio: float) -> tuple[float, tuple[float, float]]:
        chosen = range(0, len(STRENGTHS), every)
        taken, gaps = 0.0, []
        for i in chosen:
            began = time.perf_counter()
            kernel, bias = logistic(x, y, STRENGTHS[i], l1_ratio, tolerance)
            taken += time.perf_counter() - began
            reached = objective(x, y, kernel, bias, STRENGTHS[i], l1_ratio)
            gaps.append(reached / found.objectives[i] - 1)
        return taken * len(STRENGTHS) / len(chosen), (min(gaps), max(gaps))

    for tolerance in TOLERANCES:
        seconds, found = path(x, y, 0.0, tolerance, args.rounds)
        yield row("L2", "scikit-learn, lbfgs", *fits(args.every, 0.0))
    some = [float(s) for s in STRENGTHS[:: args.every]]
    theirs = grid_search(x, y, some, args.epochs) * len(STRENGTHS) / len(some)
    yield row("L2", f"KerasTuner, {args.epochs} epochs", theirs, None)
    if y.max() == 1:
        tolerance = TOLERANCES[0]
        seconds, found = path(x, y, 1.0, tolerance, args.rounds)
        yield row("L1", "scikit-learn, saga", *fits(args.every * 2, 1.0))


def numbers(task: str, x: Any, y: Any, args: Any) -> Iterator[Row]:
    """L1 and elastic net beside scikit-learn's `enet_path`."""
    for penalty, l1_ratio in (("L1", 1.0), ("elastic net, 0.5", 0.5)):
        for tolerance in TOLERANCES:
            seconds, found = path(x, y, l1_ratio, tolerance, args.rounds)
            zeros = float(np.mean(found.kernels == 0))
            began = time.perf_counter()
            reached = squared_path(x, y, STRENGTHS, l1_ratio, tolerance)
            ratio = (time.perf_counter() - began) / seconds
            far = reached / found.objectives - 1
            gaps = float(far.min()), float(far.max())
            peer = "scikit-learn, enet_path"
            yield Row(task, penalty, peer, seconds, tolerance, ratio, gaps, zeros)


def table(rows: list[Row]) -> str:
    """As Markdown."""
    lines = [
        "| features | penalty | tolerance | tfreg, 100 strengths | zeros | peer "
        "| its time | its gap |",
        "|---" * 8 + "|",
    ]
    for row in rows:
        gap = "" if row.gaps is None else " to ".join(f"{g:+.0e}" for g in row.gaps)
        zeros = f"{row.zeros:.0%}" if row.zeros else ""
        tolerance = f"{row.tolerance:.0e}"
        cells = (
            row.task,
            row.penalty,
            tolerance,
            f"{row.seconds:.2f} s",
            zeros,
            row.peer,
        )
        lines.append(f"| {' | '.join(cells)} | {row.ratio:.1f}x | {gap} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and show the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--tasks", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--every", type=int, default=9)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    args.results.mkdir(parents=True, exist_ok=True)
    # That a peer has not converged in its steps shows in the gap.
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    for task in args.tasks:
        kind = KINDS[task]
        cache = args.results / "features"
        x, y = features(args.data / task, kind, args.rows, cache)
        measure = classes if kind == "classify" else numbers
        for row in measure(task, x, y, args):
            rows.append(row)
            print(json.dumps(row._asdict()), flush=True)
    result = {"rows": [row._asdict() for row in rows], "examples": args.rows}
    write_result(args.results / "strength_path.json", result, PACKAGES)
    print(table(rows))
    if args.tasks == list(KINDS):
        write_between_markers(HERE / "README.md", table(rows), "strength-path")


if __name__ == "__main__":
    main()
