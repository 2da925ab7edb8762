"""Searches of a recipe's settings, by KerasTuner."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfreg import _compat
from tfreg._checks import InputError, check_choice, check_integer, fail
from tfreg.data.corpus import Corpus
from tfreg.models.encoder import load_encoder
from tfreg.precision import pick_precision
from tfreg.recipe import Recipe, check_fields
from tfreg.tuning.journal import Journal
from tfreg.tuning.judging import check_judges, judge
from tfreg.tuning.oracles import EPOCHS, TUNERS, make_oracle, replay
from tfreg.tuning.rounds import Rounds
from tfreg.tuning.search_result import SearchResult, read_trial
from tfreg.tuning.settled import fingerprint, fingerprint_of_weights, named, settle
from tfreg.tuning.space import (
    default_space,
    read_space,
    recipe_of,
    without_strengths,
)
from tfreg.tuning.tuner import RecipeTuner, own

TRIALS = 20  # by default
Said = Callable[[str, Mapping[str, Any], list[float]], None]


def search(
    corpus: Corpus,
    preset: Any = "minilm",
    space: Any = None,
    *,
    out: str | os.PathLike[str],
    tuner: str = "random",
    trials: int | None = None,
    seeds: int = 1,
    folds: int | None = None,
    metric: str | None = None,
    recipe: Recipe | None = None,
    strategy: Any = None,
    said: Said | None = None,
    **fields: Any,
) -> SearchResult:
    """Try recipes from a space, and judge them by a dev score without penalties.

    Always among them are the recipe all share, and the same without the penalties and
    objectives searched. Killed at any moment and called again with the same arguments,
    it goes on: no fit that ended is lost or done again, and one that had not ended goes
    on from its last epoch. More ``trials`` go on from fewer.

    With KerasTuner's environment variables (``KERASTUNER_TUNER_ID`` ``chief`` or
    another name, ``KERASTUNER_ORACLE_IP``, ``KERASTUNER_ORACLE_PORT``) one process
    chooses the trials, and others on the same folder run them.

    Args:
        corpus: with a train and a dev split.
        preset: what the builders take; it is read once.
        space: {name: range} or a JSON file of it: see `read_space`; None: learning
            rate, dropout and the penalties that suit the task.
        out: a folder for what is found, new or of the same search.
        tuner: ``"random"``, ``"grid"`` (10 values of each range), ``"hyperband"``
            (trials begin with few epochs, and the best get more), or ``"bayesian"``.
        trials: at most so many, at least 1; defaults to 20. Hyperband has its own
            number.
        seeds: fits of each trial, at least 1.
        folds: in place of seeds and the dev rows, parts of the training rows of which
            each is left out once, at least 2.
        metric: the score that judges; None: that by which `fit` chooses the epoch.
        recipe: what all trials share; defaults to the plain strong recipe.
        strategy: of `tfreg.distribute.strategy`, on one host: its devices share the
            batches of each trial; None: one device. Call this outside its scope.
        said: told the name, values and scores of every trial that ends.
        **fields: single fields of `Recipe`, over those of ``recipe``.

    Returns:
        The result; where others run the trials, a worker's is what is done so far.

    Raises:
        InputError: an argument that is impossible, or a folder of another search.
        WorkerLost: in a chief, where the last worker is gone and trials are left.

    Warns:
        DataWarning: in a chief: a worker gave no sign of life for a minute; others run
            its trial.

    Example:
        >>> found = search(  # doctest: +SKIP
        ...     corpus, "minilm", {"l2": "log:1e-6:0.1"}, out="search", trials=8
        ... )
        >>> found.recipe().to_json()["kernel_regularizer"]  # doctest: +SKIP
        {'class_name': 'L2', 'config': {'l2': 0.0003}}
    """
    if not isinstance(corpus, Corpus):
        raise fail("corpus", "a Corpus (see tfreg.load_corpus)", corpus)
    check_choice("tuner", tuner, TUNERS)
    if (reason := _compat.unsearchable(strategy)) is not None:
        raise InputError(reason)
    if trials is not None:
        check_integer("trials", trials, low=1)
        if tuner == "hyperband":
            raise InputError(
                "`trials` cannot be set with `tuner='hyperband'`, whose `epochs` say "
                "how many trials it has"
            )
    check_integer("seeds", seeds, low=1)
    if folds is not None:
        check_integer("folds", folds, low=2)
        if seeds != 1:
            raise InputError("`seeds` and `folds` cannot be combined; set one of them")
    elif corpus.dev is None:
        raise InputError("the corpus has no dev split to judge by; give `folds`")
    else:
        check_judges(corpus)
    check_fields(fields)
    recipe = replace(recipe or Recipe(), **fields)
    if recipe.precision == "auto":
        recipe = replace(recipe, precision=pick_precision(preset)[0])
    space = read_space(default_space(corpus.task) if space is None else space, recipe)
    if tuner == "hyperband" and "epochs" in space:
        raise InputError(
            "`space`: 'epochs' cannot be searched with `tuner='hyperband'`, which "
            "gives each trial its own"
        )
    objective = judge(corpus, metric)
    chief, worker = _role()
    encoder, _ = load_encoder(preset, None, recipe, corpus.task, corpus.labels)
    folder = _folder(out)
    settle(
        folder,
        {
            "space": {name: str(dimension) for name, dimension in space.items()},
            "tuner": tuner,
            "seeds": seeds,
            "folds": folds,
            "metric": objective[0],
            "recipe": recipe.to_json(),
            "preset": named(preset),
            "weights": fingerprint_of_weights(encoder.backbone.weights),
            "data": fingerprint(corpus),
        },
    )
    rounds = Rounds(
        corpus,
        encoder,
        seeds,
        folds,
        objective[0],
        folder,
        worker or "chief",
        strategy,
    )
    said = said or (lambda *_: None)
    oracle = make_oracle(
        tuner,
        space,
        objective,
        trials=TRIALS if trials is None else trials,
        epochs=recipe.epochs,
        seed=recipe.seed,
    )
    role = "chief" if chief else "worker" if worker else "alone"
    searching = RecipeTuner(oracle, rounds, recipe, folder, role, said)
    if worker is None:
        replay(oracle, Journal(folder / "trials.jsonl"))
    with _what_is_there_stays():
        if worker is None and not chief:
            _baselines(rounds, recipe, space, said)
        searching.search()
        if chief:  # it was busy with choosing
            _baselines(rounds, recipe, space, said)
    result = _result(rounds, recipe, space, objective)
    if worker is None:
        result.write(folder)
    return result


@contextmanager
def _what_is_there_stays() -> Iterator[None]:
    """Inside, garbage is looked for among new objects alone.

    Each trial leaves a model to be found, and the million objects of the libraries are
    looked through for it twice a trial: half a second.
    """
    if gc.get_freeze_count():  # somebody has chosen already
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _folder(out: str | os.PathLike[str]) -> Path:
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise InputError(f"`out`: {out}: {error.strerror}") from error
    if others and "search.json" not in others:
        raise InputError(f"`out`: {out}: the folder is not empty, and not a search's")
    return folder


def _role() -> tuple[bool, str | None]:
    """Whether this process chooses trials for others; its name if it runs them so."""
    names = (f"KERASTUNER_{name}" for name in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT"))
    given = {name: os.environ.get(name) for name in names}
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return False, None
    if missing:
        raise InputError(
            f"{', '.join(given)} are set together, for a search of several processes, "
            f"or none of them; not set: {', '.join(missing)}"
        )
    name = str(given["KERASTUNER_TUNER_ID"])
    return "chief" in name, None if "chief" in name else name


def _compared(recipe: Recipe, space: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The values of the baselines, by their names."""
    zero = without_strengths(space)
    found: dict[str, dict[str, Any]] = {"default": {}}
    if recipe_of(zero, recipe) != recipe:
        found["zero"] = zero
    return found


def _baselines(
    rounds: Rounds, recipe: Recipe, space: Mapping[str, Any], said: Said
) -> None:
    done = {one["trial"] for one in rounds.done()}
    for name, values in _compared(recipe, space).items():
        found = rounds.run(name, recipe_of(values, recipe), values=values)
        if name not in done:
            said(name, values, [one["scores"][rounds.metric] for one in found])


def _result(
    rounds: Rounds, recipe: Recipe, space: Mapping[str, Any], objective: Any
) -> SearchResult:
    by_trial: dict[str, list[Any]] = {}
    for one in rounds.done():
        by_trial.setdefault(one["trial"], []).append(one)
    begun: dict[str, dict[str, Any]] = {}
    ended: dict[str, str] = {}
    for event in Journal(rounds.folder / "trials.jsonl").events():
        if event["event"] == "begin":
            begun[event["trial"]] = event["values"]
        elif event["event"] == "end":
            ended[event["trial"]] = event["message"] or ""
    trials = []
    for name in sorted(ended, key=int):
        values, found = begun[name], by_trial.get(name, [])
        trials.append(
            read_trial(name, found, own(values), ended[name], values.get(EPOCHS))
        )
    baselines = [
        read_trial(name, by_trial[name], values)
        for name, values in _compared(recipe, space).items()
        if name in by_trial
    ]
    metric, mode = objective
    return SearchResult(metric, mode, tuple(trials), tuple(baselines), recipe)
