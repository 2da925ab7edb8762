"""What tfreg's time and memory do as data, texts and labels grow."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from speed_launch import environment, launch, record, work_folder
from speed_plan import Measure
from speed_rounds import Worker
from speed_samples import minilm_folder, sample, write_rows
from tasks import CUT_SEED, read_table, write_whole

TRAIN_ROWS = 400
"""Training rows of size 1; SST-2 has 16 times as many."""
STREAM_ROWS = 1000
"""Lines of the file of size 1 that `tfreg predict` reads."""
LENGTH_TOKENS = 16_384
"""Word pieces of the data of each length."""
LABEL_ROWS = 512


def measure(measures: list[Measure], args: argparse.Namespace) -> None:
    """One size of one kind."""
    (measure,) = measures
    kind, size = measure.task.split("-")
    result = {"train": train, "stream": stream, "length": length, "labels": labels}[
        kind
    ](measure, int(size), args)
    shown = {key: value for key, value in result.items() if key != "runs"}
    print(f"speed: {measure.name}: {shown}", flush=True)


def train(measure: Measure, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """An epoch over more and more rows, and the most memory it takes."""
    folder = sample("sst2", args.data, TRAIN_ROWS * size, work_folder(args))
    with worker(measure, folder, args, "classify", 64) as own:
        return finish(measure, own, ["train"], args)


def length(measure: Measure, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """Training and predicting texts of so many word pieces exactly."""
    folder = work_folder(args) / measure.task
    vocabulary = minilm_folder() / "vocab.txt"
    pieces = vocabulary.read_text(encoding="utf-8").split("\n")
    words = [word for word in pieces if word.isascii() and word.isalpha()]
    random_words = random.Random(CUT_SEED)
    rows = ["text\tlabel"]
    for row in range(max(LENGTH_TOKENS // size, 32)):
        text = " ".join(random_words.choices(words, k=size - 2))
        rows.append(f"{text}\t{'ab'[row % 2]}")
    write_rows(folder, ".tsv", rows)
    with worker(measure, folder, args, "classify", size) as own:
        return finish(measure, own, ["train", "predict"], args)


def labels(measure: Measure, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """Training on so many labels; one is a regressor's single output."""
    source = sample("sst2", args.data, LABEL_ROWS, work_folder(args))
    texts, _ = read_table(source / "train.tsv")
    kind, targets = ("classify", size) if size > 1 else ("regress", LABEL_ROWS)
    rows = [f"{text}\t{row % targets}" for row, (text,) in enumerate(texts)]
    folder = work_folder(args) / measure.task
    write_rows(folder, ".tsv", ["text\tlabel", *rows])
    with worker(measure, folder, args, kind, 64) as own:
        return finish(measure, own, ["train"], args)


def worker(
    measure: Measure, folder: Path, args: argparse.Namespace, kind: str, length: int
) -> Worker:
    """A worker for one epoch that traces and those that are timed."""
    return launch(measure, folder, args, kind, length, epochs=1 + args.runs)


def finish(
    measure: Measure, worker: Worker, parts: list[str], args: argparse.Namespace
) -> dict[str, Any]:
    """Time what a worker does; its memory is that of its first part."""
    tokens = worker.ask("tokens")["tokens"]
    result: dict[str, Any] = {"tokens": tokens, "runs": {}}
    for part in parts:
        worker.ask(part)  # traces
        result.setdefault("peak_bytes", worker.peak_memory())
        runs = [worker.ask(part)["seconds"] for _ in range(args.runs)]
        result["runs"][part] = runs
        result[f"{part}_seconds"] = median(runs)
        result[f"{part}_tokens_per_second"] = tokens / median(runs)
    record(measure, worker, result, args)
    return result


def stream(measure: Measure, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """`tfreg predict` on a longer and longer file, its start included."""
    work = work_folder(args)
    source = sample("sst2", args.data, STREAM_ROWS, work)
    run = trained_run(source, args)
    texts = [text for (text,) in read_table(source / "train.tsv")[0]]
    file = work / f"{measure.task}.txt"
    write_whole(file, "\n".join(texts * size) + "\n")
    with (work / f"{measure.task}.answers").open("w+b") as answers:
        command = [sys.executable, "-m", "tfreg", "predict", str(run), str(file)]
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment(args), stdout=answers)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        answers.seek(0)
        lines = sum(1 for _ in answers)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or lines != len(texts) * size:
        raise SystemExit(f"speed: {measure.name}: {lines} answers, exit {status}")
    result = {
        "rows": lines,
        "predict_seconds": seconds,
        "peak_bytes": usage.ru_maxrss * 1024,
    }
    record(measure, None, result, args)
    return result


def trained_run(source: Path, args: argparse.Namespace) -> Path:
    """A run folder that `tfreg predict` can read."""
    run = work_folder(args) / "run"
    if not run.exists():  # whole or not there
        command = [
            *(sys.executable, "-m", "tfreg", "train", "classify"),
            *("--data", source, "--preset", minilm_folder()),
            *("--epochs", "1", "--precision", args.precision, "--out", run),
        ]
        words = [str(word) for word in command]
        subprocess.run(words, env=environment(args), check=True)
    return run
