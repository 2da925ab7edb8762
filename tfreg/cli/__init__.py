"""The command line: ``tfreg train``, ``path``, ``predict`` and so on.

Nothing heavy is imported before a command needs it, so that help comes at once.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from tfreg._checks import InputError, WorkerLost
from tfreg.cli.parser import build_parser
from tfreg.cli.session import die_tidily, show_warnings_in_one_line

WORKER_LOST, BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141

# What the place we write to can do wrong: the user's to mend, not ours.
_PLACE = {
    errno.EACCES,
    errno.EDQUOT,
    errno.ENAMETOOLONG,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; what it returns is the exit code.

    Args:
        argv: the words after ``tfreg``; by default the process's own.

    Returns:
        0; 1 if another worker of the fit is gone; 2 for input that cannot be used (one
        line on standard error says why); 130 after Ctrl-C; 141 if the reader of
        standard output went away.
    """
    # TensorFlow's notes on devices and threads are not about the user's data.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if hasattr(sys.stdout, "reconfigure"):  # a terminal that knows no λ, say
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        arguments = build_parser().parse_args(argv)
        with die_tidily(), show_warnings_in_one_line():
            arguments.run(arguments)
            sys.stdout.flush()
    except SystemExit as stop:  # --help, --version, SIGTERM
        return int(stop.code or 0)
    except InputError as error:
        return _fail(str(error))
    except WorkerLost as error:
        _say(f"error: {error}")
        return WORKER_LOST
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more at exit: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        if error.errno not in _PLACE:
            raise
        name = f"{error.filename}: " if error.filename else ""
        return _fail(f"{name}{error.strerror}")
    return 0


def _fail(message: str) -> int:
    _say(f"error: {message}")
    return BAD_INPUT


def _say(message: str) -> None:
    sys.stdout.flush()
    print("tfreg: " + " ".join(message.splitlines()), file=sys.stderr)
