"""From a corpus, a preset and a recipe to a finished run folder."""

from __future__ import annotations

import io
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfreg._checks import InputError
from tfreg.runs.folder import new_folder
from tfreg.runs.run import Run, read_run, write_run
from tfreg.runs.scoring import score

if TYPE_CHECKING:
    from tfreg.data.corpus import Corpus
    from tfreg.recipe import Recipe

_APART = 60.0  # seconds
_PACKAGES = ("tfreg", "keras", "keras-hub", "tensorflow")


def fit_run(
    corpus: Corpus,
    preset: str,
    recipe: Recipe,
    out: str | os.PathLike[str],
    *,
    data: str,
    overwrite: bool = False,
    verbose: int = 1,
    feature_cache: Any = None,
    self_contained: bool = False,
    checkpoint_every: int | None = None,
    resume: bool = False,
    allow_changes: Sequence[str] = (),
) -> Run:
    """Build a model, fit it to a corpus, score it, and write all that to a folder.

    Args:
        corpus: with a train and a dev split; a test split is scored if there is one.
        preset: what the builders take as their first argument.
        recipe: every setting of the fit.
        out: the folder; missing or empty.
        data: the data's source; its name, without the path, goes into the card.
        overwrite: replace a run that is in the folder, once the new one is complete.
        verbose: Keras's: 0 silent, 1 progress bars, 2 one line an epoch.
        feature_cache: where features of a frozen encoder are kept, as for `fit`.
        self_contained: keep all of the model, also where the recipe has an ``adapter``
            and what was trained, with a reference to the preset, says it all.
        checkpoint_every: updates from one checkpoint to the next; None: the ends of
            epochs, a minute apart or more. They lie beside `out` until the run is
            complete.
        resume: go on from the last checkpoint, if there is one.
        allow_changes: as for `ExactCheckpoint`.

    Raises:
        InputError: the folder cannot be written, the preset not be loaded, the corpus
            has no dev split, the fit diverged, or a stopped one is there that is
            neither to go on nor to be overwritten. The folder is then as it was.
    """
    if corpus.dev is None:
        raise InputError("the corpus has no dev split to choose the best epoch by")
    whole = self_contained or recipe.adapter is None
    if not whole and os.path.realpath(preset) == os.path.realpath(out):
        raise InputError("the run would refer to itself as its preset; keep all of it")
    checkpoints = checkpoint_folder(out)
    if checkpoints.exists() and overwrite and not resume:
        shutil.rmtree(checkpoints)
    if checkpoints.exists() and not resume:
        raise InputError(
            f"--out {out}: a fit was stopped, and waits in {checkpoints}; say --resume "
            "to go on with it, or --overwrite to begin anew"
        )
    # Keras comes late, so that `tfreg info` does without it.
    from tfreg.callbacks.exact_checkpoint import ExactCheckpoint
    from tfreg.distribute import is_chief

    checkpoint = ExactCheckpoint(
        checkpoints,
        checkpoint_every,
        seconds=_APART if checkpoint_every is None else 0,
        allow_changes=allow_changes,
        preset=source_name(preset),
    )
    place = new_folder(out, overwrite=overwrite) if is_chief() else _thrown_away()
    with place as folder:
        model = build(corpus, preset, recipe)
        splits = {
            name: rows
            for name in ("train", "dev", "test")
            if (rows := getattr(corpus, name)) is not None
        }
        encoded = {name: model.encode(rows) for name, rows in splits.items()}
        started = time.perf_counter()
        history = model.fit(
            encoded["train"],
            validation_data=encoded["dev"],
            verbose=verbose,
            feature_cache=feature_cache,
            callbacks=[checkpoint],
        )
        seconds = checkpoint.spent + time.perf_counter() - started
        epochs = epoch_logs(history.history)
        outcomes = {
            name: score(model, rows, encoded[name], feature_cache)
            for name, rows in splits.items()
            if name != "train"
        }
        scores = {name: outcome.scores() for name, outcome in outcomes.items()}
        pieces = int(encoded["train"].lengths.sum()) * len(epochs)
        run = Run(
            recipe=model.recipe.to_json(),
            labels=list(model.labels),
            metrics={
                "task": model.task,
                "dev": scores["dev"],
                "test": scores.get("test", {}),
                "epochs": epochs,
                "seconds": seconds,
                "real_tokens_per_second": pieces / seconds,
            },
            facts={
                "kind": corpus.train.kind,
                "data": source_name(data),
                "preset": source_name(preset),
                "rows": {name: len(rows) for name, rows in splits.items()},
                "report": named(corpus.report, data),
                "penalties": penalties(model),
                "trainable_parameters": sum(
                    math.prod(v.shape) for v in model.trainable_variables
                ),
                "versions": versions(),
                "self_contained": whole,
            },
        )
        write_run(folder, run, model, outcomes, None if whole else preset)
    if not is_chief():
        return run
    checkpoint.remove()
    return read_run(out)


@contextmanager
def _thrown_away() -> Iterator[Path]:
    """A folder for a worker that is not the chief: it does all that the chief does."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def checkpoint_folder(out: str | os.PathLike[str]) -> Path:
    """Where the checkpoints of a run lie until it is complete: beside it.

    Example:
        >>> checkpoint_folder("/runs/reviews").name
        '.reviews.checkpoints'
    """
    path = Path(out).resolve()
    return path.with_name(f".{path.name}.checkpoints")


def build(corpus: Corpus, preset: Any, recipe: Recipe) -> Any:
    """The model for the task of a corpus."""
    from tfreg import builders

    if corpus.task == "regress":
        return builders.build_regressor(preset, recipe=recipe)
    if corpus.task == "tag":
        return builders.build_tagger(preset, corpus.labels, recipe=recipe)
    multi_label = corpus.task == "multilabel"
    return builders.build_classifier(
        preset, corpus.labels, multi_label=multi_label, recipe=recipe
    )


def penalties(model: Any) -> list[dict[str, Any]]:
    """Path, penalty, strength and value of every penalised weight."""
    from tfreg.inspect import penalty_report

    names = ("path", "penalty", "strength", "value")
    rows = penalty_report(model, file=io.StringIO())
    return [{name: getattr(row, name) for name in names} for row in rows]


def epoch_logs(history: Mapping[str, list[float]]) -> list[dict[str, Any]]:
    """Keras's history as one dictionary an epoch, without what penalties are in.

    Example:
        >>> epoch_logs({"loss": [9.0], "accuracy": [0.5], "val_accuracy": [0.25]})
        [{'epoch': 1, 'train': {'accuracy': 0.5}, 'dev': {'accuracy': 0.25}}]
    """
    logs = {k: v for k, v in history.items() if k.removeprefix("val_") != "loss"}
    return [
        {
            "epoch": number + 1,
            "train": {
                k: float(v[number]) for k, v in logs.items() if not k.startswith("val_")
            },
            "dev": {
                k.removeprefix("val_"): float(v[number])
                for k, v in logs.items()
                if k.startswith("val_")
            },
        }
        for number in range(len(history["loss"]))
    ]


def source_name(source: str) -> str:
    """The name of a source or preset without the folders of this machine.

    Example:
        >>> source_name("/home/me/reviews/"), source_name("tfds:imdb_reviews")
        ('reviews', 'tfds:imdb_reviews')
    """
    if re.match(r"[a-z]+:", source) and not os.path.exists(source):
        return source
    return Path(source).resolve().name or source


def named(report: Iterable[str], source: str) -> list[str]:
    """A corpus's report, with the source's name for its place on this machine.

    Example:
        >>> named(["/home/me/reviews/dev.tsv: 9 rows in"], "/home/me/reviews/")
        ['reviews/dev.tsv: 9 rows in']
    """
    place = source.rstrip("/")
    return [line.replace(place, source_name(source), 1) for line in report]


def versions() -> dict[str, str]:
    """Installed versions of tfreg and what it stands on."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # run from a source tree
            found[package] = "unknown"
    return found
