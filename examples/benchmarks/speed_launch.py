"""From a measure to a worker that can do it, and from its replies to a JSON file."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from speed_plan import PACKAGES, SCORED, SYSTEMS, Measure
from speed_rounds import Worker
from speed_samples import encoder_folder
from speed_worker import Job
from tasks import SETTINGS, write_result

SESSION = time.strftime("%Y-%m-%dT%H:%M:%S")
"""Only results of one session are set against each other."""


def environment(args: argparse.Namespace) -> dict[str, str]:
    """The same number of threads for every library."""
    names = (
        *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"),
        *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    )
    return {
        **os.environ,
        **dict.fromkeys(names, str(args.threads)),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TORCHINDUCTOR_CACHE_DIR": str(work_folder(args) / "inductor"),
    }


def work_folder(args: argparse.Namespace) -> Path:
    """Where samples, encoders and compiled code are kept."""
    return args.results / "work"


def launch(
    measure: Measure,
    folder: Path,
    args: argparse.Namespace,
    kind: str | None = None,
    length: int | None = None,
    epochs: int = 1,
    seed: int = 0,
) -> Worker:
    """A worker with its model and data loaded.

    Args:
        measure: what it is for.
        folder: of the data.
        args: of the command line.
        kind, length: where they are not those of the measure's task.
        epochs: how many it will be asked to train.
        seed: of its fit.
    """
    owner = SYSTEMS[measure.system]
    python = args.peer_python if owner == "transformers" else sys.executable
    if python is None:
        raise SystemExit(f"speed: {measure.name}: give --peer-python")
    task = SCORED.get(measure.task)
    encoder = encoder_folder(measure.encoder, work_folder(args), args.peer_python)
    job = Job(
        system=measure.system,
        encoder=encoder,
        kind=kind or task.kind,
        folder=folder,
        part=measure.part,
        length=length or task.length,
        precision=args.precision,
        choice=earlier_choice(measure, args),
        epochs=epochs,
        seed=seed,
        learning_rate=task.learning_rate if task else SETTINGS["learning_rate"],
    )
    return Worker(python, f"speed_{owner}.py", job, environment(args))


def earlier_choice(measure: Measure, args: argparse.Namespace) -> dict[str, Any] | None:
    """What training's trial chose, for the parts that do without a trial."""
    trained = args.results / f"{measure._replace(part='train').name}.json"
    if measure.part in ("train", "predict") or not trained.exists():
        return None
    return json.loads(trained.read_text(encoding="utf-8")).get("choice")


def record(
    measure: Measure,
    worker: Worker | None,
    result: dict[str, Any],
    args: argparse.Namespace,
) -> None:
    """Let the process that was measured write the result, with its own versions.

    Without a worker it was made in this environment, by tfreg.
    """
    result = {
        **measure._asdict(),
        "session": SESSION,
        "threads": args.threads,
        "precision": args.precision if measure.system == "tfreg" else None,
        "processor": processor(),
        **result,
    }
    path = result_path(measure, args)
    if worker is None:
        write_result(path, result, PACKAGES[measure.system])
    else:
        worker.ask("write", path=str(path), result=result)


def result_path(measure: Measure, args: argparse.Namespace) -> Path:
    """The JSON file of a measure."""
    return args.results / f"{measure.name}.json"


def processor() -> dict[str, Any]:
    """The processor's name, and whether it has bfloat16 instructions."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    pairs = (re.split(r"\s*:\s*", line, maxsplit=1) for line in lines if ":" in line)
    fields = dict(pairs)
    flags = fields.get("flags", "").split()
    return {
        "model": fields.get("model name"),
        "usable": len(os.sched_getaffinity(0)),
        "amx_bf16": "amx_bf16" in flags,
        "avx512_bf16": "avx512_bf16" in flags,
    }
