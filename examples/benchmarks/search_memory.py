"""Memory and disk of a search, trial by trial.

    python search_memory.py

Resident memory, what of it the C library has given out, and the search's folder, each
after a trial, for 50 trials on the packaged encoder; and the largest the folder was at
any moment, beside a saved model. Needs Linux with glibc 2.33 or later.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import tfreg

HEAP = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
MB = 1e6


class Heap(ctypes.Structure):
    """What `mallinfo2` tells."""

    _fields_ = [(name, ctypes.c_size_t) for name in HEAP.split()]


def given_out() -> float:
    """MB that the C library has given out."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Heap
    heap = mallinfo2()
    return float(heap.uordblks + heap.hblkhd) / MB


def resident() -> float:
    """MB of this process in memory."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = text.partition("VmRSS:")[2].split()[0]
    return int(kilobytes) * 1024 / MB


def size(folder: Path) -> float:
    """MB of all files below a folder; files come and go as they are counted."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.path.getsize(os.path.join(place, name))
    return total / MB


def main() -> None:
    """Search, and print a line every few trials."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", default="minilm")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--rows", type=int, default=64, help="of train and of dev")
    args = parser.parse_args()
    demo = tfreg.load_corpus("demo")
    train, dev = (
        split.take(range(min(args.rows, len(split))))
        for split in (demo.train, demo.dev)
    )
    corpus = replace(demo, train=train, dev=dev, test=None)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "search"
        largest, ended, seen = 0.0, threading.Event(), []

        def watch() -> None:
            nonlocal largest
            while not ended.wait(0.1):
                largest = max(largest, size(out))

        def said(name: str, values: Any, scores: list[float]) -> None:
            seen.append((resident(), given_out(), size(out)))
            if len(seen) % 10 in (0, 2):  # the two baselines are the first
                now = " | ".join(f"{value:,.1f}" for value in seen[-1])
                print(f"| {len(seen)} | {now} |", flush=True)

        print("| trials | resident, MB | given out, MB | folder, MB |")
        print("|---|---|---|---|")
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            tfreg.search(
                corpus,
                args.preset,
                out=out,
                trials=args.trials,
                epochs=2,
                said=said,
            )
        finally:
            ended.set()
            watcher.join()
        model = tfreg.build_classifier(args.preset, ["a", "b"], epochs=2)
        model.optimizer.build(model.trainable_variables)
        model.save(Path(folder) / "model.keras")
        saved = (Path(folder) / "model.keras").stat().st_size / MB
        print(f"folder at most {largest:,.1f} MB; a saved model {saved:,.1f} MB")


if __name__ == "__main__":
    main()
