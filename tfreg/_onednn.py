"""oneDNN's operations in TensorFlow, also on processors where they are off by default.

TensorFlow turns them on by itself where a processor has AVX512_VNNI or the like.
Without them (AMD before Zen 4, Intel before Cascade Lake) they are off, though a
training step of an encoder takes a good half of the time with them. TensorFlow reads
the setting once, when it is loaded.
"""

from __future__ import annotations

import os
import platform
import sys
import warnings

SETTING = "TF_ENABLE_ONEDNN_OPTS"


def _left_to_us() -> bool:
    """Whether it may be off, and nobody has said that it should be.

    On Windows it is always on; on other processors than x86 it was not measured.
    """
    here = sys.platform, platform.machine()
    return here == ("linux", "x86_64") and SETTING not in os.environ


def turn_on() -> None:
    """Turn oneDNN on for when TensorFlow is loaded, unless the user has set it."""
    if _left_to_us() and "tensorflow" not in sys.modules:
        os.environ[SETTING] = "1"


def warn_if_off() -> None:
    """Say so where it is off because TensorFlow was loaded before tfreg."""
    from tfreg import _compat  # loads TensorFlow

    if _left_to_us() and _compat.lacks_onednn():
        warnings.warn(
            "TensorFlow was loaded before tfreg, and leaves oneDNN off on this kind of "
            "processor: fits take up to twice as long. Import tfreg first, or set "
            f"{SETTING}=1 (0 if it should be off)",
            stacklevel=2,
        )
