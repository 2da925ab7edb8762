"""Which regulariser helps: every method screened, the best run on five tasks.

    python catalogue.py --data DATA --results RESULTS

One JSON file a run; a run whose file is there is not repeated. Dev chooses the plain
recipe's learning rate on every task. The screen runs every method with one seed, and
the best of them with a second; its dev scores choose what the final runs, and the
final's test scores are reported. With everything run, the tables in README.md are
written anew; with `--only` they are printed alone. The scores of every run are kept in
`catalogue.jsonl`, so that it goes on where it stopped on another machine; to run all of
it anew, delete that file.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, groupby, product
from pathlib import Path
from typing import Any

from catalogue_data import cut_folder
from catalogue_plan import (
    CUTS,
    FINAL_SEEDS,
    LEARNING_RATES,
    METHODS,
    NEAR,
    PLAIN,
    RATE_SEED,
    SCREEN,
    SCREEN_SEEDS,
    Run,
    fields_of,
)
from catalogue_table import (
    Results,
    best,
    best_learning_rate,
    learning_rate_table,
    table,
)
from scores_table import write_between_markers
from tasks import write_whole

import tfreg
from tfreg._checks import InputError

HERE = Path(__file__).resolve().parent
KEPT = HERE / "catalogue.jsonl"


def learning_rates(results: Results) -> Iterator[Run]:
    """The plain recipe at several learning rates."""
    for cut in CUTS:
        for rate in LEARNING_RATES:
            yield Run("learning-rate", cut, f"{rate:.0e}", RATE_SEED)


def screen(results: Results) -> Iterator[Run]:
    """Every method on two tasks, then the best by that with the other seeds."""
    for cut in SCREEN:
        for method in METHODS:
            yield Run("screen", cut, method, SCREEN_SEEDS[0])
    for cut in SCREEN:
        for method in (PLAIN, *near(results)):
            for seed in SCREEN_SEEDS[1:]:
                yield Run("screen", cut, method, seed)


def near(results: Results) -> list[str]:
    """The methods near the best by the screen's first seed, once it is through."""
    first = [Run("screen", *both, SCREEN_SEEDS[0]) for both in product(SCREEN, METHODS)]
    if any(run not in results for run in first):
        return []
    return best({run: results[run] for run in first}, NEAR)


def final(results: Results) -> Iterator[Run]:
    """The plain recipe, the best methods, and the two best of a task together."""
    for cut in CUTS:
        for method in (PLAIN, *chosen(results), *together(results, cut)):
            for seed in FINAL_SEEDS:
                yield Run("final", cut, method, seed)


def chosen(results: Results) -> list[str]:
    """What the screen chose, once it is through."""
    whole = near(results) and all(run in results for run in screen(results))
    return best(results, methods=near(results)) if whole else []


def together(results: Results, cut: str) -> list[str]:
    """The two best that a task can have together, once it is known what it refuses."""
    tried = [Run("final", cut, method, FINAL_SEEDS[0]) for method in chosen(results)]
    if not tried or any(run not in results for run in tried):
        return []
    able = [run.method for run in tried if "refused" not in results[run]]
    pairs = (" + ".join(pair) for pair in combinations(able, 2))
    return [pair for pair in pairs if combine(pair)][:1]


def finalists(results: Results) -> list[str]:
    """The rows of the final's tables."""
    pairs = (pair for cut in CUTS for pair in together(results, cut))
    return [PLAIN, *chosen(results), *dict.fromkeys(pairs)]


def keep(results: Results) -> None:
    """Write what was found to `KEPT`, a line a run: its scores on its metric."""
    lines = []
    for run, result in sorted(results.items()):
        line: dict[str, Any] = run._asdict()
        for name in ("refused", "failed", "epochs", "seconds", "epoch_seconds"):
            if name in result:
                line[name] = result[name]
        for split in ("dev", "test"):
            if split in result:
                metric = CUTS[run.cut].metric
                line[split] = {metric: round(result[split][metric], 6)}
        lines.append(json.dumps(line))
    write_whole(KEPT, "\n".join(lines) + "\n")


def combine(method: str) -> bool:
    """Whether a recipe can have both of two methods."""
    try:
        tfreg.Recipe.from_json(fields_of(method))
    except InputError:
        return False
    return True


def read_results(folder: Path) -> Results:
    """Every finished run."""
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.json")]
    if KEPT.exists():
        texts = [*KEPT.read_text(encoding="utf-8").splitlines(), *texts]
    found = {}
    for result in map(json.loads, texts):
        found[Run(*(result[name] for name in Run._fields))] = result
    return found


def execute(runs: list[Run], settings: dict[str, Any], args: Any) -> None:
    """Runs of one method on one cut, in one process; what it leaves out has failed."""
    folder = cut_folder(CUTS[runs[0].cut], args.data, args.results / "data")
    command = [
        *(sys.executable, HERE / "catalogue_run.py", json.dumps(runs)),
        *("--folder", folder, "--results", args.results),
        *("--settings", json.dumps(settings)),
    ]
    threads = str(max(args.threads // args.jobs, 1))
    names = "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    environment = {**os.environ, **dict.fromkeys(names, threads)}
    done = subprocess.run([str(part) for part in command], env=environment, check=False)
    if done.returncode < 0 or done.returncode == 130:
        raise SystemExit(f"catalogue: {runs[0].name}: ended by a signal")
    for run in runs:
        path = args.results / f"{run.name}.json"
        if not path.exists():
            failed = {**run._asdict(), "failed": done.returncode}
            write_whole(path, json.dumps(failed) + "\n")


def execute_all(runs: list[Run], results: Results, args: Any) -> None:
    """Groups of like runs, `jobs` at once; of few groups each run by itself."""
    groups = [list(like) for _, like in groupby(runs, key=lambda run: run[:3])]
    if 1 < args.jobs and len(groups) < 4 * args.jobs:  # or one would wait for the last
        groups = [[run] for run in runs]
    with ThreadPoolExecutor(args.jobs) as pool:
        waiting = []
        for like in groups:
            settings = {"precision": args.precision}
            if like[0].stage != "learning-rate":
                settings["learning_rate"] = best_learning_rate(results, like[0].cut)
            waiting.append(pool.submit(execute, like, settings, args))
        for one in waiting:
            try:
                one.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def main() -> None:
    """Run what is missing, then show the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--only", type=re.compile, help="runs whose names match")
    args = parser.parse_args()
    args.results.mkdir(parents=True, exist_ok=True)
    # Twice: the second seed is for the best by the first, and which two methods go
    # together is known when each is done by itself.
    for planned in (learning_rates, screen, screen, final, final):
        results = read_results(args.results)
        missing = [
            run
            for run in planned(results)
            if run not in results and (not args.only or args.only.search(run.name))
        ]
        if missing:
            execute_all(missing, results, args)
    results = read_results(args.results)
    keep(results)
    shown = finalists(results)
    # Test scores are read when nothing can be chosen by them any more.
    whole = all(run in results for run in final(results))
    splits = ("dev", "test") if whole else ("dev",)

    finals = [
        f"Final, {split}:\n\n" + table(results, "final", CUTS, shown, split)
        for split in splits
    ]
    blocks = {
        "learning-rate": learning_rate_table(results),
        "screen": table(results, "screen", SCREEN, METHODS, "dev"),
        "final": "\n\n".join(finals),
    }
    for stage, text in blocks.items():
        if any(run.stage == stage for run in results):
            print(text)
            if not args.only:
                write_between_markers(HERE / "README.md", text, f"catalogue-{stage}")


if __name__ == "__main__":
    main()
