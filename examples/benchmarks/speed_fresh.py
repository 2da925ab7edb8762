"""What is measured in processes of its own: memory, starts, small fits, full fits."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import tasks
from speed_launch import launch, record, result_path, work_folder
from speed_plan import FIT_EPOCHS, SCORE_EPOCHS, SCORE_ROWS, SCORED, Measure
from speed_rounds import turns
from speed_samples import sample


def memory(measures: list[Measure], args: argparse.Namespace) -> None:
    """The most memory a process held at once that loads, and trains some steps."""
    for measure in measures:
        folder = sample(measure.task, args.data, measure.rows, work_folder(args))
        with launch(measure, folder, args) as worker:
            worker.ask("train")
            result = {"rows": measure.rows, "peak_bytes": worker.peak_memory()}
            record(measure, worker, result, args)
        print(f"speed: {measure.name}: {result['peak_bytes'] / 1e9:.2f} GB", flush=True)


def start(measures: list[Measure], args: argparse.Namespace) -> None:
    """Seconds from a process's start to its imports, and to its first step's end."""
    _from_the_start(measures, args, "first_step", epochs=1)


def fit(measures: list[Measure], args: argparse.Namespace) -> None:
    """Seconds from a process's start to the end of a small fit, and of another."""
    _from_the_start(measures, args, "fit", epochs=FIT_EPOCHS, again=True)


def _from_the_start(
    measures: list[Measure],
    args: argparse.Namespace,
    name: str,
    epochs: int,
    again: bool = False,
) -> None:
    """Seconds from a process's start to its imports, and to the end of some epochs.

    And, if they are done again, those of a new model: what a search's trial takes.
    """
    runs: list[list[dict[str, float]]] = [[] for _ in measures]
    for index in turns(len(measures), args.runs):
        measure = measures[index]
        folder = sample(measure.task, args.data, measure.rows, work_folder(args))
        with launch(measure, folder, args, epochs=epochs) as worker:
            for _ in range(epochs):
                worker.ask("train")
            taken = time.monotonic() - worker.started
            runs[index].append({"import": worker.imported, name: taken})
            if again:
                began = time.monotonic()
                worker.ask("renew")
                for _ in range(epochs):
                    worker.ask("train")
                runs[index][-1]["again"] = time.monotonic() - began
            if len(runs[index]) == args.runs:
                record(measure, worker, _medians(runs[index]), args)
                print(f"speed: {measure.name}: {taken:.1f} s", flush=True)


def _medians(runs: list[dict[str, float]]) -> dict[str, Any]:
    return {"runs": runs, **{key: median(run[key] for run in runs) for key in runs[0]}}


def scores(measures: list[Measure], args: argparse.Namespace) -> None:
    """Full fits, a seed each, and their dev scores; what is there is not repeated."""
    for measure in measures:
        fits = finished(measure, args)
        folder = score_folder(measure.task, args)
        rate = SCORED[measure.task].learning_rate
        asked = {"epochs": SCORE_EPOCHS, "learning_rate": rate}
        for seed in range(len(fits), args.seeds):
            with launch(measure, folder, args, seed=seed) as worker:
                fits.append(worker.ask("score", epochs=SCORE_EPOCHS))
                record(measure, worker, {**asked, "fits": fits}, args)
            print(f"speed: {measure.name}: {fits[-1]['scores']}", flush=True)


def finished(measure: Measure, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The fits that are there and were made as asked, by seed."""
    path = result_path(measure, args)
    if not path.exists():
        return []
    result = json.loads(path.read_text(encoding="utf-8"))
    precision = args.precision if measure.system == "tfreg" else None
    asked = SCORE_EPOCHS, precision, SCORED[measure.task].learning_rate
    names = "epochs", "precision", "learning_rate"
    return result["fits"] if tuple(map(result.get, names)) == asked else []


def score_folder(task: str, args: argparse.Namespace) -> Path:
    """The folder of train and dev that every system fits and scores."""
    plan = SCORED[task]
    data_set = tasks.Task(plan.folder, plan.kind, (), seeds=1)
    if plan.folder == "sst2":
        data_set = replace(data_set, cut=SCORE_ROWS)
    return tasks.prepare(data_set, args.data, work_folder(args))
