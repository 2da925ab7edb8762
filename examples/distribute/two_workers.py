"""The same command in several processes on this machine, which fit together.

    python two_workers.py tfreg train classify --data DATA --out RUN

Each is a worker of a MultiWorkerMirroredStrategy. On one machine with
several GPUs `--strategy mirrored` is faster; this is to try what a cluster will do.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """Ports nobody listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


def main() -> int:
    """Start all, wait for all; the exit code is that of the first that failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    places = [f"localhost:{port}" for port in free_ports(args.workers)]
    processes = []
    for number in range(args.workers):
        task = {"type": "worker", "index": number}
        config = json.dumps({"cluster": {"worker": places}, "task": task})
        environment = {**os.environ, "TF_CONFIG": config}
        processes.append(subprocess.Popen(args.command, env=environment))
    codes = [process.wait() for process in processes]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
