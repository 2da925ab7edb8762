"""One clear error where a worker of a fit is gone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from tfreg import _compat
from tfreg._checks import WorkerLost

Method = TypeVar("Method", bound=Callable[..., Any])


def naming_lost_workers(method: Method) -> Method:
    """A method of a model that raises `WorkerLost` for all that TensorFlow raises."""

    @wraps(method)
    def named(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            if _compat.several_workers(self) and _compat.is_lost_worker(error):
                raise WorkerLost(
                    "another worker is gone, and none can go on without it; start all "
                    "of them again: with --resume or an ExactCheckpoint they go on"
                ) from error
            raise

    return named  # type: ignore[return-value]
