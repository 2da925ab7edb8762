"""Every benchmark score of tfreg and of its peer, resumed where it stopped.

    python scores.py --data DATA --peer-python PEER/bin/python --results RESULTS

One JSON file a run; a run whose file is there is not repeated. With everything run,
the table in README.md is written anew; with `--only` it is printed alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from scores_table import table, write_between_markers
from tasks import SETTINGS, TASKS, prepare

HERE = Path(__file__).resolve().parent


class Run(NamedTuple):
    """One fine-tuning of one system."""

    task: str
    system: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.task}.{self.system}.{self.seed}"


def planned() -> Iterator[Run]:
    """Every run, seed by seed, so that an early table is a fair one."""
    for task, setting in TASKS.items():
        for seed in range(setting.seeds):
            for system in setting.systems:
                yield Run(task, system, seed)


def read_result(path: Path, precision: str) -> dict[str, Any] | None:
    """A finished run, or None; one made otherwise than asked is an error."""
    if not path.exists():
        return None
    result = json.loads(path.read_text(encoding="utf-8"))
    found = result["settings"], result["precision"]
    if found != (SETTINGS, precision):
        raise SystemExit(
            f"scores: {path}: made with {found}, asked for {(SETTINGS, precision)}; "
            "delete it or give another --results"
        )
    return result


def execute(run: Run, args: argparse.Namespace) -> bool:
    """Run one system once in its own process; whether it finished."""
    python = args.peer_python if run.system == "transformers" else sys.executable
    folder = prepare(TASKS[run.task], args.data, args.results / "data")
    command = [
        *(python, HERE / f"scores_{run.system}.py", run.task),
        *("--folder", folder, "--seed", run.seed),
        *("--precision", args.precision),
        *("--out", args.results / f"{run.name}.json"),
    ]
    threads = str(args.threads)
    names = "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    environment = {**os.environ, **dict.fromkeys(names, threads)}
    done = subprocess.run([str(part) for part in command], env=environment, check=False)
    return done.returncode == 0


def main() -> int:
    """Run what is missing, then show the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--peer-python", help="Python of the PyTorch environment")
    parser.add_argument(
        "--only",
        default="*",
        metavar="PATTERN",
        help="runs to do, as task.system.seed, such as 'rte-1000.tfreg.*'",
    )
    parser.add_argument(
        "--precision", choices=["float32", "bfloat16"], default="bfloat16"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    args.results.mkdir(parents=True, exist_ok=True)
    chosen = [run for run in planned() if fnmatch(run.name, args.only)]
    if not chosen:
        parser.error(f"--only {args.only}: no run has such a name")
    missing = []
    for run in chosen:
        path = args.results / f"{run.name}.json"
        if read_result(path, args.precision) is not None:
            continue
        if run.system == "transformers" and args.peer_python is None:
            missing.append(f"{run.name} (give --peer-python)")
            continue
        print(f"scores: {run.name}", flush=True)
        if not execute(run, args):
            missing.append(f"{run.name} (failed)")
    results: dict[tuple[str, str, int], dict[str, Any]] = {}
    for run in planned():
        found = read_result(args.results / f"{run.name}.json", args.precision)
        if found is not None:
            results[run] = found
    text = table(results)
    print(text)
    for name in missing:
        print(f"scores: not run: {name}", file=sys.stderr)
    if args.only == "*" and not missing:
        write_between_markers(HERE / "README.md", text)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
