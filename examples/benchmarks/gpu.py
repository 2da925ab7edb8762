"""Training speed of BERT-base on one GPU: tfreg on JAX beside Transformers on PyTorch.

    python gpu.py --peer-python PEER/bin/python --results gpu.json

Each system has a process of its own; they take turns on the device. A machine without
an accelerator is refused, unless `--cpu` asks for tiny shapes, which check the script.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpu_table import table
from gpu_work import CASES, PRODUCTS, Case
from tasks import write_whole

HERE = Path(__file__).resolve().parent
PEERS = ("Transformers", "Transformers, compiled")
FRAMEWORKS = {"tfreg": "JAX", **dict.fromkeys(PEERS, "PyTorch")}


class Worker:
    """One process with one system, which works when it is asked to."""

    def __init__(self, system: str, case: Case, args: argparse.Namespace) -> None:
        self.system = system
        ours = system == "tfreg"
        python = sys.executable if ours else args.peer_python
        script = HERE / f"gpu_{'tfreg' if ours else 'transformers'}.py"
        job = {
            "shape": args.shape,
            "case": [case.batch, case.length],
            "system": system,
        }
        self.process = subprocess.Popen(
            [python, str(script), json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(args.cpu),
        )

    def hear(self) -> dict[str, Any]:
        """Its next reply."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"gpu: {self.system}: ended with {self.process.wait()}")
        return json.loads(line)

    def tell(self, do: str, **details: Any) -> None:
        """Let it do one thing, to be heard of later."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **details}) + "\n")
        self.process.stdin.flush()

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """Let it do one thing."""
        self.tell(do, **details)
        return self.hear()

    def end(self) -> None:
        """Free the device."""
        self.process.kill()
        self.process.wait()


def environment(cpu: bool) -> dict[str, str]:
    """JAX must leave memory to the others."""
    chosen = {
        "KERAS_BACKEND": "jax",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    if cpu:
        chosen |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    return {**os.environ, **chosen}


def measure(case: Case, args: argparse.Namespace, results: dict[str, Any]) -> None:
    """One case: the systems take turns, in turning order; then, once, the products."""
    systems = ("tfreg", *(PEERS if args.peer_python else ()))
    workers: list[Worker] = []
    try:
        workers += [Worker(system, case, args) for system in systems]
        for worker in workers:
            about = worker.hear()
            check_device(worker, about.pop("accelerator"), args.cpu)
            results["frameworks"][FRAMEWORKS[worker.system]] = about
        for worker in workers:
            worker.tell("load")
        for worker in workers:
            worker.hear()
        found: dict[str, Any] = {w.system: w.ask("warm up") for w in workers}
        runs: dict[str, list[Any]] = {system: [] for system in systems}
        for number in range(args.runs):
            for place in range(len(workers)):
                worker = workers[(number + place) % len(workers)]
                steps = max(3, round(args.seconds / found[worker.system]["step"]))
                runs[worker.system].append(worker.ask("train", steps=steps))
        for worker in workers:
            found[worker.system] |= worker.ask("memory")
            found[worker.system]["runs"] = runs[worker.system]
        results["cases"].append({"case": [case.batch, case.length], "systems": found})
        for worker in workers:
            framework = FRAMEWORKS[worker.system]
            if framework not in results["products"]:
                results["products"][framework] = [
                    {"product": product, **worker.ask("multiply", product=product)}
                    for product in PRODUCTS[args.shape]
                ]
    finally:
        for worker in workers:
            worker.end()


def check_device(worker: Worker, accelerator: bool, cpu: bool) -> None:
    """No number that looks like a GPU's may come from a processor."""
    if not accelerator and not cpu:
        raise SystemExit(
            f"gpu: not run: {FRAMEWORKS[worker.system]} sees no accelerator on this "
            "machine (--cpu runs tiny shapes, to check the script)"
        )


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer-python", help="Python of the PyTorch environment")
    parser.add_argument("--batch", type=int, help="with --length: this case alone")
    parser.add_argument("--length", type=int)
    parser.add_argument("--shape", choices=CASES, help="base, or tiny with --cpu")
    parser.add_argument("--runs", type=int, default=5, help="of each system (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run (2)")
    parser.add_argument("--results", type=Path, help="JSON file to write")
    parser.add_argument("--cpu", action="store_true", help="without an accelerator")
    args = parser.parse_args(given)
    if (args.batch is None) != (args.length is None):
        parser.error("--batch and --length go together")
    if args.peer_python and not shutil.which(args.peer_python):
        parser.error(f"--peer-python {args.peer_python}: no such program")
    if args.cpu and args.shape == "base":
        parser.error("--cpu is for tiny shapes")
    args.shape = args.shape or ("tiny" if args.cpu else "base")
    return args


def main() -> int:
    """Measure every case, and print the table."""
    args = arguments()
    alone = args.batch is not None
    cases = [Case(args.batch, args.length)] if alone else CASES[args.shape]
    results: dict[str, Any] = {
        "shape": args.shape,
        "runs": args.runs,
        "frameworks": {},
        "products": {},
        "cases": [],
    }
    for case in cases:
        print(f"gpu: {case}", file=sys.stderr, flush=True)
        measure(case, args, results)
        if args.results:  # after each case: a lease may end
            write_whole(args.results, json.dumps(results, indent=1) + "\n")
    print(table(results))
    if not args.peer_python:
        print("gpu: not run: Transformers (give --peer-python)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
