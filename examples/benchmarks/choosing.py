"""What choosing λ brings, and costs: ways to do it on three small tasks.

    python choosing.py --data DATA --results RESULTS

Plain: the strong recipe without a penalty, its learning rate chosen on dev before (see
catalogue.py). Long plain: the same with as many epochs as the path has in all. Search:
eight random trials from the default space of the task around it. Path: L2SP from strong
to weak, fine-tuned, seven strengths. Frozen path: L2 on a head over the encoder as it
is, a hundred strengths. Adaptive: L2SP and L2 learned in one fit on a tenth of the
training rows. Dev chooses, test is read once. One JSON file a run; a run whose file is
there is not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

from catalogue_data import cut_folder
from catalogue_plan import CUTS, PATIENCE
from catalogue_table import mean_and_sd, shown
from scores_table import write_between_markers
from scores_tfreg import PACKAGES
from tasks import MONITOR, SETTINGS, write_result

import tfreg
from tfreg.callbacks import AdaptiveStrength
from tfreg.regularizers import L2, L2SP
from tfreg.runs import score
from tfreg.runs.fit import build

HERE = Path(__file__).resolve().parent
LEARNING_RATES = {"sst2-500": 1e-4, "conll2003-500": 2e-4, "stsb-500": 1e-4}
"""Of every task; the plain recipe's best on dev with six to eight epochs."""
EPOCHS = 6
SEEDS = (0, 1, 2)
TRIALS = 8


def plain(corpus: Any, recipe: Any) -> tuple[Any, Any]:
    """A fit of the recipe as it is."""
    model = build(corpus, "minilm", recipe)
    model.fit(corpus.train, validation_data=corpus.dev, verbose=0)
    return model, None


def long_plain(corpus: Any, recipe: Any) -> tuple[Any, Any]:
    """As many epochs as the path takes in all: what it gains by them alone."""
    return plain(corpus, replace(recipe, epochs=7 * recipe.epochs, patience=None))


def search(corpus: Any, recipe: Any) -> tuple[Any, Any]:
    """The best of a search, fitted again."""
    with tempfile.TemporaryDirectory() as folder:
        found = tfreg.search(corpus, "minilm", out=folder, trials=TRIALS, recipe=recipe)
    model, _ = plain(corpus, found.recipe())
    return model, found.best.values


def path(corpus: Any, recipe: Any) -> tuple[Any, Any]:
    """The best of the strengths of L2SP."""
    found = tfreg.regularization_path(
        corpus, "minilm", "l2sp", recipe=recipe, verbose=0
    )
    return found.model(), found.best


def frozen_path(corpus: Any, recipe: Any) -> tuple[Any, Any]:
    """The best of the strengths of L2 on a head over a frozen encoder."""
    with tempfile.TemporaryDirectory() as folder:
        found = tfreg.regularization_path(
            corpus, "minilm", "l2", seed=recipe.seed, precision=recipe.precision,
            feature_cache=folder, verbose=0,
        )  # fmt: skip
        return found.model(), found.best


def adaptive(corpus: Any, recipe: Any) -> tuple[Any, Any]:
    """Strengths learned on a tenth of the training rows."""
    recipe = tfreg.Recipe.from_json(
        {
            **recipe.to_json(),
            "backbone_regularizer": L2SP(1e-2),
            "kernel_regularizer": L2(1e-3),
        }
    )
    model = build(corpus, "minilm", recipe)
    learned = AdaptiveStrength(0.1)
    model.fit(corpus.train, validation_data=corpus.dev, callbacks=[learned], verbose=0)
    found = learned.recipe().to_json()
    return model, [found["backbone_regularizer"], found["kernel_regularizer"]]


WAYS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "plain": plain,
    "long plain": long_plain,
    "search": search,
    "path": path,
    "frozen path": frozen_path,
    "adaptive": adaptive,
}


def name_of(cut: str, way: str, seed: int) -> str:
    """A run's, and its file's."""
    return f"choosing.{cut}.{way.replace(' ', '_')}.{seed}"


def run(cut: str, way: str, seed: int, args: argparse.Namespace) -> None:
    """One way on one task; writes its file."""
    settings = {
        **SETTINGS,
        "epochs": EPOCHS,
        "learning_rate": LEARNING_RATES[cut],
        "patience": PATIENCE,
        "precision": args.precision,
        "seed": seed,
    }
    folder = cut_folder(CUTS[cut], args.data, args.results / "data")
    corpus = tfreg.load_corpus(folder, task=CUTS[cut].kind)
    wall, processor = time.perf_counter(), time.process_time()
    model, chosen = WAYS[way](corpus, tfreg.Recipe.from_json(settings))
    result = {
        "cut": cut,
        "way": way,
        "seed": seed,
        "recipe": settings,
        "chosen": chosen,
        "seconds": round(time.perf_counter() - wall, 1),
        "processor_seconds": round(time.process_time() - processor, 1),
        "dev": score(model, corpus.dev).scores(),
        "test": score(model, corpus.test).scores(),
    }
    write_result(args.results / f"{name_of(cut, way, seed)}.json", result, PACKAGES)


def start(cut: str, way: str, seed: int, args: argparse.Namespace) -> None:
    """One run in a process of its own."""
    command = [
        *(sys.executable, HERE / "choosing.py", "--run", cut, way, str(seed)),
        *("--data", args.data, "--results", args.results),
        *("--precision", args.precision),
    ]
    threads = str(max(args.threads // args.jobs, 1))
    names = "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    environment = {**os.environ, **dict.fromkeys(names, threads)}
    subprocess.run([str(part) for part in command], env=environment, check=True)
    print(f"choosing: {name_of(cut, way, seed)}", flush=True)


def table(results: list[dict[str, Any]]) -> str:
    """Scores of every way, and its processor time over the plain recipe's."""
    heads = [f"{cut}, {MONITOR[CUTS[cut].kind]}" for cut in LEARNING_RATES]
    rows = [f"| way | {' | '.join(heads)} | processor time |", "|---" * 5 + "|"]
    for split in ("dev", "test"):
        for way in WAYS:
            cells = [_cell(results, cut, way, split) for cut in LEARNING_RATES]
            rows.append(
                f"| {way}, {split} | {' | '.join(cells)} | {_cost(results, way)} |"
            )
    return "\n".join(rows)


def _cell(results: list[dict[str, Any]], cut: str, way: str, split: str) -> str:
    metric = MONITOR[CUTS[cut].kind]
    own, base = (
        {
            one["seed"]: 100 * one[split][metric]
            for one in results
            if (one["cut"], one["way"]) == (cut, name)
        }
        for name in (way, "plain")
    )
    text = mean_and_sd(list(own.values()))
    gaps = [own[seed] - base[seed] for seed in sorted(own.keys() & base.keys())]
    return text if way == "plain" or not gaps else f"{text} ({shown(gaps)})"


def _cost(results: list[dict[str, Any]], way: str) -> str:
    own, base = (
        [one["processor_seconds"] for one in results if one["way"] == name]
        for name in (way, "plain")
    )
    return f"{mean(own) / mean(base):.1f}" if own and base else ""


def main() -> None:
    """Run what is missing, then show the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--only", type=re.compile, help="runs whose names match")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.results.mkdir(parents=True, exist_ok=True)
    if args.run:
        cut, way, seed = args.run
        return run(cut, way, int(seed), args)
    missing = [
        (cut, way, seed)
        for cut in LEARNING_RATES
        for seed in SEEDS
        for way in WAYS
        if not (args.results / f"{name_of(cut, way, seed)}.json").exists()
        and (not args.only or args.only.search(name_of(cut, way, seed)))
    ]
    with ThreadPoolExecutor(args.jobs) as pool:
        for one in [pool.submit(start, *each, args) for each in missing]:
            one.result()
    files = sorted(args.results.glob("choosing.*.json"))
    text = table([json.loads(file.read_text(encoding="utf-8")) for file in files])
    print(text)
    if not args.only:
        write_between_markers(HERE / "README.md", text, "choosing")


if __name__ == "__main__":
    main()
