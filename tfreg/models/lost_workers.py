"""One clear error where a worker of a fit is gone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from tfreg import _compat
from tfreg._checks import WorkerLost

Model = TypeVar("Model")
Given = ParamSpec("Given")
Found = TypeVar("Found")


def naming_lost_workers(
    method: Callable[Concatenate[Model, Given], Found],
) -> Callable[Concatenate[Model, Given], Found]:
    """A method of a model that raises `WorkerLost` for all that TensorFlow raises."""

    @wraps(method)
    def named(self: Model, /, *args: Given.args, **kwargs: Given.kwargs) -> Found:
        try:
            return method(self, *args, **kwargs)
        except _compat.WORKER_ERRORS as error:
            if not _compat.several_workers(self):
                raise
            raise WorkerLost(
                "another worker is gone, and none can go on without it; start all "
                "of them again: with --resume or an ExactCheckpoint they go on"
            ) from error

    return named
