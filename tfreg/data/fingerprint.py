"""Arrays as one short number, to know them again by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from keras import ops

from tfreg.data.features import as_bytes


def fingerprint(arrays: Iterable[tuple[str, Any]]) -> str:
    """The first 16 digits of the SHA-256 of named arrays, in any order.

    Example:
        >>> import numpy as np
        >>> fingerprint([("a", np.zeros(2))]) == fingerprint([("a", np.ones(2))])
        False
    """
    key = hashlib.sha256()
    for name, array in sorted(arrays, key=lambda pair: pair[0]):
        values = ops.convert_to_numpy(array)
        key.update(f"{name} {values.shape} {values.dtype}\n".encode())
        key.update(as_bytes(values))
    return key.hexdigest()[:16]
