"""Training and prediction in the steady state: warm workers take turns."""

from __future__ import annotations

import argparse
from statistics import median
from typing import Any

from speed_launch import launch, record, work_folder
from speed_plan import Measure
from speed_rounds import Worker, turns
from speed_samples import sample


def measure(measures: list[Measure], args: argparse.Namespace) -> None:
    """Time one part of one task on one encoder: the systems take turns."""
    workers: list[Worker] = []
    found: list[dict[str, Any]] = []
    try:
        for measure in measures:
            folder = sample(measure.task, args.data, measure.rows, work_folder(args))
            worker = launch(measure, folder, args, epochs=1 + args.runs)
            workers.append(worker)
            found.append(warm(worker, measure))
        check_tokens(measures, found)
        for index in turns(len(workers), args.runs):
            found[index]["runs"].append(run(workers[index], measures[index]))
        for measure, worker, result in zip(measures, workers, found):
            rates = [result["tokens"] / run["seconds"] for run in result["runs"]]
            result["tokens_per_second"] = median(rates)
            record(measure, worker, result, args)
            print(f"speed: {measure.name}: {median(rates):,.0f} tokens/s")
    finally:
        for worker in workers:
            worker.end()


def warm(worker: Worker, measure: Measure) -> dict[str, Any]:
    """Let a worker count, choose, trace and compile before it is timed."""
    tokens = worker.ask("tokens")["tokens"]
    choice = worker.ask("tune")["choice"]
    first = run(worker, measure)
    print(f"speed: {measure.name}: warm after {first['seconds']:.1f} s", flush=True)
    return {"rows": measure.rows, "tokens": tokens, "choice": choice, "runs": []}


def run(worker: Worker, measure: Measure) -> dict[str, Any]:
    """One timed segment."""
    reply = worker.ask(measure.part)
    if measure.part == "predict" and reply.pop("answers") != measure.rows:
        raise SystemExit(f"speed: {measure.name}: not one answer a row")
    return reply


def check_tokens(measures: list[Measure], found: list[dict[str, Any]]) -> None:
    """The same rows must be the same number of word pieces for everyone."""
    counted: dict[int, dict[str, int]] = {}
    for measure, result in zip(measures, found):
        counted.setdefault(result["rows"], {})[measure.system] = result["tokens"]
    for rows, tokens in counted.items():
        if len(set(tokens.values())) > 1:
            raise SystemExit(f"speed: {rows} rows are not the same to all: {tokens}")
