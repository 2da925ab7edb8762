"""Bytes that two workers on this machine exchange for a step, beside what is computed.

    python traffic.py

Counted by Linux at the loopback device, over the steps between two batches, for a
classifier on the packaged encoder: all of it trained, LoRA, and a frozen encoder. Run
it while nothing else uses that device.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RECIPES: dict[str, dict[str, Any]] = {
    "all": {},
    "LoRA": {"adapter": {"class_name": "LoRA", "config": {"rank": 8}}},
    "frozen": {"freeze": "backbone", "feature_cache": False},
}
FIRST, LAST = 5, 25  # batches between which bytes are counted


def loopback() -> int:
    """Bytes received by the loopback device so far."""
    for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == "lo":
            return int(counts.split()[0])
    raise SystemExit("traffic.py: no loopback device in /proc/net/dev")


def work(name: str) -> None:
    """Fit as one worker; print what came through, and what all gradients take."""
    import keras

    import tfreg

    fields = dict(RECIPES[name])
    cache = fields.pop("feature_cache", None)
    recipe = tfreg.Recipe.from_options({**fields, "epochs": 1, "batch_size": 8})
    with tfreg.distribute.strategy("multiworker").scope():
        model = tfreg.build_classifier("minilm", ["a", "b"], recipe=recipe)
    seen = {}

    class Count(keras.callbacks.Callback):
        """Reads the counter after two of the batches."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch in (FIRST, LAST):
                seen[batch] = loopback()

    rows = 8 * (LAST + 5)
    model.fit(
        ["a short text of a few words"] * rows, ["a", "b"] * (rows // 2),
        callbacks=[Count()], feature_cache=cache, verbose=0,
    )  # fmt: skip
    if tfreg.distribute.is_chief():
        weights = sum(math.prod(v.shape) for v in model.trainable_variables)
        measured = (seen[LAST] - seen[FIRST]) / (LAST - FIRST)
        print(json.dumps({"gradients": 4 * weights, "measured": measured}))


def main() -> None:
    """Fit by two workers with each recipe, and show the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--work", choices=RECIPES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work)
        return
    launcher = HERE.parent / "distribute" / "two_workers.py"
    print("| trained | gradients, MB | sent by both, MB a step | of 2 x gradients |")
    print("|---|---|---|---|")
    for name in RECIPES:
        words = [sys.executable, launcher, sys.executable, __file__, "--work", name]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        gradients, measured = found["gradients"] / 1e6, found["measured"] / 1e6
        share = measured / (2 * gradients)
        print(f"| {name} | {gradients:.3f} | {measured:.3f} | {share:.2f} |")


if __name__ == "__main__":
    main()
