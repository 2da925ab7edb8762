"""The processes that fit together, as the environment variable TF_CONFIG names them."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from tfreg._checks import InputError

_TASKS = ("chief", "worker")


class Cluster(NamedTuple):
    """Addresses of all, and which of them this process is."""

    workers: tuple[str, ...] = ()
    number: int = 0

    @property
    def described(self) -> str:
        """In a few words."""
        return f"worker {self.number + 1} of {len(self.workers)}"


def read_cluster() -> Cluster:
    """What TF_CONFIG says; no workers where it is not set.

    Raises:
        InputError: it is no JSON, names no worker or not this one, or names parameter
            servers.

    Example:
        >>> read_cluster()
        Cluster(workers=(), number=0)
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return Cluster()
    try:
        config: Any = json.loads(text)
    except ValueError as error:
        raise InputError(f"TF_CONFIG: no JSON ({error}): {text[:80]}") from error
    cluster = config.get("cluster") if isinstance(config, dict) else None
    if not isinstance(cluster, dict):
        raise InputError(f'TF_CONFIG: expected "cluster" and "task"; got {text[:80]}')
    others = [name for name in cluster if name not in _TASKS]
    if others:
        raise InputError(
            f"TF_CONFIG: the cluster has tasks {others[0]!r}; Keras 3 fits with "
            f"{' and '.join(_TASKS)} alone, and not with parameter servers"
        )
    task = config.get("task")
    places = [(kind, i) for kind in _TASKS for i in range(len(cluster.get(kind, ())))]
    here = (task.get("type"), task.get("index")) if isinstance(task, dict) else None
    if here not in places:
        raise InputError(
            f"TF_CONFIG: the task {json.dumps(task)} is none of the cluster's "
            f"{len(places)} workers"
        )
    addresses = [place for kind in _TASKS for place in cluster.get(kind, ())]
    return Cluster(tuple(addresses), places.index(here))
