"""Speed and memory of tfreg beside KerasHub and Transformers, side by side.

    python speed.py --data DATA --peer-python PEER/bin/python --results RESULTS

One JSON file a measure, and the table in README.md.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import time
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from speed_plan import SYSTEMS, TASKS, Measure, planned
from speed_rounds import Worker, environment, take_turns
from speed_samples import encoder_folder, sample
from speed_worker import Job

SESSION = time.strftime("%Y-%m-%dT%H:%M:%S")


def processor() -> dict[str, Any]:
    """The processor's name, and whether it has bfloat16 instructions."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    fields = dict(
        re.split(r"\s*:\s*", line, maxsplit=1) for line in lines if ":" in line
    )
    flags = fields.get("flags", "").split()
    return {
        "model": fields.get("model name"),
        "processors": len(os.sched_getaffinity(0)),
        "amx_bf16": "amx_bf16" in flags,
        "avx512_bf16": "avx512_bf16" in flags,
    }


def start(measure: Measure, args: argparse.Namespace) -> Worker:
    """A worker for a measure, with its model loaded."""
    owner = SYSTEMS[measure.system]
    python = args.peer_python if owner == "transformers" else sys.executable
    work = args.results / "work"
    job = Job(
        measure.system,
        encoder_folder(measure.encoder, work, args.peer_python),
        TASKS[measure.task].kind,
        sample(measure.task, args.data, measure.rows, work),
        measure.part,
        TASKS[measure.task].length,
        args.precision,
    )
    return Worker(python, f"speed_{owner}.py", job, environment(args.threads, work))


def side_by_side(measures: list[Measure], args: argparse.Namespace) -> None:
    """Time one part of one task on one encoder: the systems take turns."""
    workers: list[Worker] = []
    found: list[dict[str, Any]] = []
    try:
        for measure in measures:
            worker = start(measure, args)
            workers.append(worker)
            tokens = worker.ask("tokens")["tokens"]
            choice = worker.ask("tune")["choice"]
            warm = worker.ask(measure.part)["seconds"]
            print(f"speed: {measure.name}: warm after {warm:.1f} s", flush=True)
            found.append({"rows": measure.rows, "tokens": tokens, "choice": choice})
        check_tokens(measures, found)
        replies = take_turns(workers, measures[0].part, args.runs)
        for measure, worker, result, runs in zip(measures, workers, found, replies):
            rates = [result["tokens"] / run["seconds"] for run in runs]
            result |= {"runs": runs, "tokens_per_second": median(rates)}
            write(measure, worker, result, args)
            print(f"speed: {measure.name}: {median(rates):,.0f} tokens/s", flush=True)
    finally:
        for worker in workers:
            worker.end()


def check_tokens(measures: Iterable[Measure], found: list[dict[str, Any]]) -> None:
    """The same rows must be the same number of word pieces for everyone."""
    counted: dict[int, dict[str, int]] = {}
    for measure, result in zip(measures, found):
        counted.setdefault(result["rows"], {})[measure.system] = result["tokens"]
    for rows, tokens in counted.items():
        if len(set(tokens.values())) > 1:
            raise SystemExit(f"speed: {rows} rows are not the same to all: {tokens}")


def write(
    measure: Measure, worker: Worker, result: dict[str, Any], args: argparse.Namespace
) -> None:
    """Let the process that was measured write the result, with its own versions."""
    result = {
        **measure._asdict(),
        "session": SESSION,
        "threads": args.threads,
        "precision": args.precision if measure.system == "tfreg" else "float32",
        "processor": processor(),
        **result,
    }
    worker.ask("write", path=str(args.results / f"{measure.name}.json"), result=result)


def main() -> int:
    """Measure what is asked for, then show the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--peer-python", help="Python of the PyTorch environment")
    parser.add_argument(
        "--only",
        type=re.compile,
        default=re.compile(""),
        metavar="REGEX",
        help="measures to do, as part.encoder.task.system",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--precision", default="bfloat16", help="of tfreg")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("speed: ended"))
    args.results = args.results.resolve()
    args.results.mkdir(parents=True, exist_ok=True)
    chosen = [measure for measure in planned() if args.only.search(measure.name)]
    for _, group in groupby(chosen, lambda measure: measure[:3]):
        side_by_side(list(group), args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
