"""Fine-tunings of one method on one cut, a seed after the other, in one process."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import tfreg  # isort: skip  (before Keras: it turns oneDNN on)

import keras
from catalogue_plan import CUTS, PATIENCE, Run
from scores_tfreg import PACKAGES, scores
from tasks import SETTINGS, write_result

from tfreg._checks import InputError


def run(run: Run, corpus: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """Fit, restore the best dev epoch, score; the test split in the final."""
    settings = {**SETTINGS, **settings, "seed": run.seed}
    cut = CUTS[run.cut]
    settings |= {"epochs": cut.epochs, "patience": PATIENCE, **run.fields}
    began = time.perf_counter()
    try:
        model = _build(corpus, settings)
    except InputError as error:
        return {**run._asdict(), "refused": str(error)}
    stopping = keras.callbacks.EarlyStopping(
        f"val_{cut.metric}",
        mode="max",
        patience=PATIENCE,
        restore_best_weights=True,
        # A score may stay at 0 while the learning rate rises.
        start_from_epoch=int(cut.epochs * SETTINGS["warmup"]),
    )
    clock = _Clock()
    history = model.fit(
        corpus.train,
        validation_data=corpus.dev,
        callbacks=[clock, *([stopping] if cut.metric in model.score_names else [])],
        verbose=0,
    )
    result = {
        **run._asdict(),
        "recipe": settings,
        "epochs": len(history.epoch),
        "seconds": round(time.perf_counter() - began, 1),
        # Of an epoch's training: the first also compiles, and others take longer where
        # something else runs beside.
        "epoch_seconds": round(min(clock.seconds[1:]), 3),
        "dev": scores(model, corpus.dev),
    }
    if run.stage == "final":
        result["test"] = scores(model, corpus.test)
    return result


class _Clock(keras.callbacks.Callback):
    """Seconds that each epoch trains, without its dev scores."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._began = time.perf_counter()
        self.seconds.append(0.0)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seconds[-1] = time.perf_counter() - self._began


def _build(corpus: Any, settings: dict[str, Any]) -> Any:
    recipe = tfreg.Recipe.from_json(settings)
    if corpus.task == "regress":
        return tfreg.build_regressor("minilm", recipe=recipe)
    build = tfreg.build_tagger if corpus.task == "tag" else tfreg.build_classifier
    return build("minilm", labels=corpus.labels, recipe=recipe)


def main() -> None:
    """Do the runs given as JSON, one file each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=json.loads, help="a list of [stage, cut, ...]")
    parser.add_argument("--folder", type=Path, required=True, help="train, dev, test")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="of every run")
    args = parser.parse_args()
    runs = [Run(*given) for given in args.runs]
    corpus = tfreg.load_corpus(args.folder, task=CUTS[runs[0].cut].kind)
    for one in runs:
        result = run(one, corpus, args.settings)
        write_result(args.results / f"{one.name}.json", result, PACKAGES)
        said = [result[key] for key in ("dev", "refused", "seconds") if key in result]
        print(f"catalogue: {one.name}: {said[0]}", flush=True)


if __name__ == "__main__":
    main()
