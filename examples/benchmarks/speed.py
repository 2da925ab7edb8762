"""Speed and memory of tfreg, KerasHub and Transformers, side by side.

    python speed.py --data DATA --peer-python PEER/bin/python --results RESULTS

One JSON file a measure, then the tables in README.md. Every measure is made anew but
the scores, which take hours and are resumed. See README.md for what is compared.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

import speed_fresh
import speed_size
import speed_steady
import speed_table
from speed_plan import Measure, planned

Part = Callable[[list[Measure], argparse.Namespace], None]

PARTS: dict[str, Part] = {
    "train": speed_steady.measure,
    "predict": speed_steady.measure,
    "memory": speed_fresh.memory,
    "start": speed_fresh.start,
    "fit": speed_fresh.fit,
    "size": speed_size.measure,
    "scores": speed_fresh.scores,
}


def together(measures: Iterable[Measure]) -> Iterable[list[Measure]]:
    """The measures that are made side by side: those of a part, encoder and task."""
    for _, group in groupby(measures, lambda measure: measure[:3]):
        yield list(group)


def main() -> int:
    """Measure what is asked for, then show the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--peer-python", help="Python of the PyTorch environment")
    parser.add_argument(
        "--only",
        type=re.compile,
        default=re.compile(""),
        metavar="REGEX",
        help="measures to do, found in part.encoder.task.system, such as "
        "'train.minilm.sst2'; 'table' only writes the tables of what was measured",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1, help="of each full fit")
    parser.add_argument(
        "--precision", default="bfloat16", help="of tfreg's matrix products"
    )
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("speed: ended"))
    # Not every pool of threads can be told its size.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    args.results = args.results.resolve()
    args.results.mkdir(parents=True, exist_ok=True)
    chosen = [measure for measure in planned() if args.only.search(measure.name)]
    write = bool(args.only.search("table"))
    if not chosen and not write:
        parser.error(f"--only {args.only.pattern}: no measure has such a name")
    for group in together(chosen):
        PARTS[group[0].part](group, args)
    for name, text in speed_table.tables(args.results).items():
        print(text)
        if write:
            speed_table.write(name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
