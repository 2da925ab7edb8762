"""Which regulariser helps: every method screened, the best run on five tasks.

    python catalogue.py --data DATA --results RESULTS

One JSON file a run; a run whose file is there is not repeated. Dev chooses the plain
recipe's learning rate on every task. The screen runs every method with one seed, and
the best of them with a second; its dev scores choose what the final runs, and the
final's test scores are reported. What it claims is run once more with four times the
epochs. With everything run, the tables in README.md are
written anew; with `--only` they are printed alone. The final's scores are kept in
`catalogue.jsonl`, and what was chosen in `catalogue_plan.py`: `--only ^final` goes on
with it on a machine that has no other runs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, groupby, product
from pathlib import Path
from statistics import mean
from typing import Any

from catalogue_data import cut_folder
from catalogue_plan import (
    CHOSEN,
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
    gaps,
    is_beyond,
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
    """The plain recipe at several learning rates, on tasks that have no final yet: that
    holds to the rate that was chosen."""
    settled = {run.cut for run in results if run.stage == "final"}
    for cut in CUTS:
        for rate in LEARNING_RATES if cut not in settled else ():
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


def longer(results: Results) -> Iterator[Run]:
    """What the final claims on the screen's tasks, where plain may train longer too."""
    for cut in SCREEN:
        claims = claimed(results, cut)
        for method in (PLAIN, *claims) if claims else ():
            for seed in FINAL_SEEDS:
                yield Run("long", cut, method, seed)


def claimed(results: Results, cut: str) -> list[str]:
    """The methods better on dev in the final, beyond twice the standard error."""
    found = {m: gaps(results, "final", cut, m, "dev") for m in finalists(results)}
    return [m for m, each in found.items() if is_beyond(each) and mean(each) > 0]


def chosen(results: Results) -> Iterable[str]:
    """What the screen chose, now or in README.md's tables."""
    whole = near(results) and all(run in results for run in screen(results))
    return best(results, methods=near(results)) if whole else CHOSEN["methods"]


def together(results: Results, cut: str) -> list[str]:
    """The two best that a task can have together, once it is known what it refuses."""
    tried = [Run("final", cut, method, FINAL_SEEDS[0]) for method in chosen(results)]
    if any(run not in results for run in tried):
        return []
    able = [run.method for run in tried if "refused" not in results[run]]
    pairs = (" + ".join(pair) for pair in combinations(able, 2))
    return [pair for pair in pairs if combine(pair)][:1]


def finalists(results: Results) -> list[str]:
    """The rows of the final's tables."""
    pairs = (pair for cut in CUTS for pair in together(results, cut))
    return [PLAIN, *chosen(results), *dict.fromkeys(pairs)]


def keep(results: Results) -> None:
    """Write what the final found to `KEPT`, a line a run: its scores on its metric."""
    lines = []
    for run, result in sorted(results.items()):
        if run.stage in ("final", "long"):
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
    """Groups of like runs, `jobs` at once."""
    with ThreadPoolExecutor(args.jobs) as pool:
        waiting = []
        for _, group in groupby(runs, key=lambda run: run[:3]):
            like = list(group)
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
    for planned in (learning_rates, screen, screen, final, final, longer):
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

    def tables(stage: str) -> str:
        """Of the tasks and methods that the stage has, a table a split."""
        cuts = [cut for cut in CUTS if any(r[:2] == (stage, cut) for r in results)]
        rows = [m for m in shown if any(r[::2] == (stage, m) for r in results)]
        found = [
            f"{stage.capitalize()}, {split}:\n\n"
            + table(results, stage, cuts, rows, split)
            for split in splits
        ]
        return "\n\n".join(found)

    blocks = {
        "learning-rate": learning_rate_table(results),
        "screen": table(results, "screen", SCREEN, METHODS, "dev"),
        "final": tables("final"),
        "long": tables("long"),
    }
    for stage, text in blocks.items():
        if any(run.stage == stage for run in results):
            print(text)
            if not args.only:
                write_between_markers(HERE / "README.md", text, f"catalogue-{stage}")


if __name__ == "__main__":
    main()
