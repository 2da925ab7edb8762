"""By which score trials are judged."""

from __future__ import annotations

from tfreg._checks import InputError, check_choice
from tfreg.data.corpus import Corpus
from tfreg.functional.spans import is_iob

_SCORES = {
    "classify": ("accuracy", "macro_f1", "weighted_f1", "mcc", "cross_entropy"),
    "multilabel": ("macro_f1", "accuracy", "weighted_f1", "mcc", "cross_entropy"),
    "regress": ("pearson", "spearman", "mse"),
    "tag": ("accuracy", "macro_f1", "weighted_f1", "mcc", "cross_entropy"),
}
_SPANS = ("span_f1_strict", "span_f1_lenient")
_LOSSES = ("cross_entropy", "mse")


def judge(corpus: Corpus, metric: str | None = None) -> tuple[str, str]:
    """The score of dev rows that counts, and whether ``"max"`` or ``"min"`` is better.

    Args:
        corpus: whose task it is.
        metric: one of its scores; None: that by which `fit` chooses the epoch.

    Raises:
        InputError: no score of this task.

    Example:
        >>> from tfreg import Examples
        >>> corpus = Corpus("regress", Examples("text", ["a"], [1.0]))
        >>> judge(corpus), judge(corpus, "mse")
        (('pearson', 'max'), ('mse', 'min'))
    """
    known = _SCORES[corpus.task]
    if corpus.task == "tag" and is_iob(corpus.labels):
        known = (*_SPANS, *known)
    metric = check_choice("metric", known[0] if metric is None else metric, known)
    return metric, "min" if metric in _LOSSES else "max"


def check_judges(corpus: Corpus) -> None:
    """Refuse dev rows that cannot tell how sure a score is.

    Raises:
        InputError: there is one alone.
    """
    if corpus.dev is not None and len(corpus.dev) < 2:
        raise InputError(
            "the dev split must have at least 2 rows to judge by; "
            f"got {len(corpus.dev)}"
        )
