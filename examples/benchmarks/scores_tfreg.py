"""One fine-tuning run with tfreg, through its public doors: tfreg's own score."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from tasks import SETTINGS, TASKS, write_result

import tfreg
from tfreg.metrics.scores import (
    classification_scores,
    regression_scores,
    tagging_scores,
)

PACKAGES = "tfreg", "tensorflow", "keras", "keras-hub", "scikit-learn", "seqeval"


def build(corpus: Any, **recipe: Any) -> Any:
    """The model for a corpus, on the packaged encoder."""
    if corpus.task == "regress":
        return tfreg.build_regressor("minilm", **recipe)
    if corpus.task == "tag":
        return tfreg.build_tagger("minilm", labels=corpus.labels, **recipe)
    return tfreg.build_classifier("minilm", labels=corpus.labels, **recipe)


def scores(model: Any, split: Any) -> dict[str, float]:
    """Metrics of one split; for tags also how many words there are and got one."""
    logits = model.predict(split, verbose=0)
    if model.task == "regress":
        return regression_scores(split.targets, logits)
    if model.task == "classify":
        return classification_scores(split.targets, logits, model.labels)
    words = [len(sentence) for sentence in split.inputs]
    if words != [len(sentence) for sentence in logits]:
        raise SystemExit("scores_tfreg: a sentence got more or fewer tags than words")
    found = tagging_scores(split.targets, logits, model.labels)
    return {**found, "words": sum(words)}


def run(task: str, folder: Path, seed: int, precision: str) -> dict[str, Any]:
    """Fine-tune once; the scores of the best dev epoch, which `fit` restores."""
    started = time.perf_counter()
    corpus = tfreg.load_corpus(folder, task=TASKS[task].kind)
    model = build(corpus, **SETTINGS, seed=seed, precision=precision)
    history = model.fit(corpus.train, validation_data=corpus.dev, verbose=2)
    return {
        "task": task,
        "system": "tfreg",
        "seed": seed,
        "precision": precision,
        "dev": scores(model, corpus.dev),
        "test": scores(model, corpus.test),
        "epochs": {
            name: [float(value) for value in values]
            for name, values in history.history.items()
        },
        "seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    """Read the arguments, run once, write one JSON file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--folder", type=Path, required=True, help="train, dev, test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=["float32", "bfloat16"])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.set_defaults(precision="bfloat16")
    args = parser.parse_args()
    result = run(args.task, args.folder, args.seed, args.precision)
    write_result(args.out, result, PACKAGES)


if __name__ == "__main__":
    main()
