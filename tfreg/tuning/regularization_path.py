"""Fits along the strength of a penalty, from strong to weak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tfreg._checks import InputError, check_number, fail
from tfreg.data.corpus import Corpus
from tfreg.recipe import PENALTIES, Recipe, check_fields
from tfreg.tuning.judging import check_judges
from tfreg.tuning.path import RegularizationPath
from tfreg.tuning.strengths import read_strengths

ELASTIC_NET = "elastic_net"
_CONVEX = {"l1": 1.0, "l2": 0.0, "proximal_l1": 1.0}  # the share of L1 in each
FROZEN, FINE_TUNED = 100, 7  # strengths, by default


def regularization_path(
    corpus: Corpus,
    preset: Any = "minilm",
    penalty: str = "l2",
    strengths: Any = None,
    *,
    l1_ratio: float | None = None,
    recipe: Recipe | None = None,
    feature_cache: Any = None,
    tolerance: float | None = None,
    verbose: Any = 1,
    **fields: Any,
) -> RegularizationPath:
    """Fit a model for each of many strengths, and score them on the dev rows.

    A frozen encoder's features are computed once, and all heads are then the exact
    minima of mean loss + λ·Ω(W), found together in one batched problem: a hundred cost
    about what one fit costs. Ω is ΣW² for ``"l2"``, Σ|W| for ``"l1"`` (with exact
    zeros), and ρ·Σ|W| + (1 − ρ)·ΣW² for ``"elastic_net"``; dropout and the settings of
    the optimiser play no part, but the path's recipes have those that bring a fit near
    the minimum, where they are the defaults here. An encoder that trains is fitted for
    every strength, each fit beginning at the weights of the stronger one before it.

    Args:
        corpus: with a train and a dev split.
        preset: what the builders take.
        penalty: a short name of the command line (``"l2"``, ``"l2sp"``, ...), or
            ``"elastic_net"`` over a frozen encoder.
        strengths: λ: how many, from 1 to 1e-6 on a log scale, or which. Defaults to
            100 over a frozen encoder, and to 7 else.
        l1_ratio: ρ in [0, 1], of ``"elastic_net"`` alone; defaults to 0.5.
        recipe: settings of all fits; defaults to an encoder that is frozen,
            ``freeze="backbone"``, and a head that reads the mean of a text's pieces.
        feature_cache: where features of a frozen encoder are kept, as for `fit`.
        tolerance: norm of the gradient at which a head over a frozen encoder is done;
            defaults to 1e-6.
        verbose: Keras's.
        **fields: single fields of `Recipe`, over those of ``recipe``.

    Raises:
        InputError: no dev split, no such penalty, or one that acts on nothing; an
            argument that this path has no use for.

    Example:
        >>> path = regularization_path(corpus, "minilm", "l2")  # doctest: +SKIP
        >>> path.best, path.simplest  # doctest: +SKIP
        (0.0002, 0.0015)
        >>> model = path.model()  # doctest: +SKIP

    Friedman, Hastie & Tibshirani (2010), "Regularization paths for generalized linear
    models via coordinate descent", is where paths by warm starts and the choice within
    one standard error are usual.
    """
    if not isinstance(corpus, Corpus):
        raise fail("corpus", "a Corpus (see tfreg.load_corpus)", corpus)
    if corpus.dev is None:
        raise InputError("the corpus has no dev split to choose the strength by")
    check_judges(corpus)
    check_fields(fields)
    if recipe is None:
        fields = {**frozen_by_default(corpus.task, fields), **fields}
    recipe = replace(recipe or Recipe(), **fields)
    frozen = recipe.freeze == "backbone"
    if penalty != ELASTIC_NET and penalty not in PENALTIES:
        known = ", ".join(map(repr, (*PENALTIES, ELASTIC_NET)))
        raise fail("penalty", f"one of {known}", penalty)
    if frozen and penalty not in (*_CONVEX, ELASTIC_NET):
        raise InputError(
            f"`penalty='{penalty}'` acts on the encoder, which `freeze='backbone'` "
            "keeps as it is; fine-tune with `freeze=None`"
        )
    if not frozen and penalty == ELASTIC_NET:
        raise InputError("`penalty='elastic_net'` needs `freeze='backbone'`")
    if strengths is None:
        strengths = FROZEN if frozen else FINE_TUNED
    strengths = read_strengths(strengths)
    if l1_ratio is not None:
        check_number("l1_ratio", l1_ratio, low=0, high=1)
        if penalty != ELASTIC_NET:
            raise InputError("`l1_ratio` needs `penalty='elastic_net'`")
    if tolerance is not None:
        check_number("tolerance", tolerance, low=0, open_low=True)
        if not frozen:
            raise InputError("`tolerance` needs `freeze='backbone'`")
    if frozen:
        from tfreg.tuning.convex_path import convex_path

        return convex_path(
            corpus,
            preset,
            recipe,
            penalty,
            _CONVEX.get(penalty, 0.5 if l1_ratio is None else l1_ratio),
            strengths,
            feature_cache=feature_cache,
            tolerance=1e-6 if tolerance is None else tolerance,
            verbose=verbose,
        )
    from tfreg.tuning.warm_path import warm_path

    return warm_path(
        corpus, preset, recipe, penalty, strengths,
        feature_cache=feature_cache, verbose=verbose,
    )  # fmt: skip


def frozen_by_default(task: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a path's recipe that are not given: few poolers say much untrained."""
    found: dict[str, Any] = {}
    if "freeze" not in fields:
        found["freeze"] = "backbone"
    if task != "tag" and {**fields, **found}["freeze"] == "backbone":
        if "head" not in fields:
            config = {"pooling": "mean"}
            found["head"] = {"class_name": "tfreg>Linear", "config": config}
    return found
