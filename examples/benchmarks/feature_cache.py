"""What a frozen encoder costs once its features are kept, and that nothing changes.

    python feature_cache.py --data DATA

`DATA` holds the folder `sst2`. Times are medians over alternating runs in one process,
given as ratios; every run builds its model anew, outside the clock. On a busy machine
read the processor's time, which waits for nobody. Scores are those of one fit each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from tasks import write_whole

import tfreg

PACKAGES = "tensorflow", "keras", "keras-hub"
HEAD_RATE = 1e-3  # a head alone learns nothing at the rate of an encoder
PRECISIONS = ("float32", "bfloat16")
DEV_ROWS = 200


class Seconds(NamedTuple):
    """How long something took."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> Seconds:
        return cls(time.perf_counter(), time.process_time())

    @classmethod
    def since(cls, started: Seconds) -> Seconds:
        return cls(*(b - a for a, b in zip(started, cls.now())))


class Bench:
    """One set of rows, and what is timed with them.

    Args:
        preset: the encoder.
        data: the folder of data sets.
        rows: training rows, evenly taken.
        epochs: of a fit.
        fields: of the recipe.
    """

    def __init__(
        self, preset: str, data: Path, rows: int, epochs: int, **fields: Any
    ) -> None:
        self.preset = preset
        corpus = tfreg.load_corpus(data / "sst2")
        assert corpus.dev is not None
        self.labels = corpus.labels
        self.train = corpus.train[:: max(1, len(corpus.train) // rows)][:rows]
        self.dev = corpus.dev[:DEV_ROWS]
        self.epochs = epochs
        self.fields = fields
        self.scores: dict[str, dict[str, list[float]]] = {}

    def model(self) -> tuple[Any, Any, Any]:
        """A new model, and the rows as it takes them."""
        model = tfreg.build_classifier(self.preset, labels=self.labels, **self.fields)
        return model, model.encode(self.train), model.encode(self.dev)

    def forward(self) -> Seconds:
        """One forward pass over all rows."""
        model, train, dev = self.model()
        started = Seconds.now()
        model.predict(train, verbose=0)
        model.predict(dev, verbose=0)
        return Seconds.since(started)

    def fit(self, name: str, cache: Any) -> Seconds:
        """A fit with dev scores after each epoch, which are kept by name."""
        model, train, dev = self.model()
        started = Seconds.now()
        history = model.fit(
            train,
            validation_data=dev,
            epochs=self.epochs,
            verbose=0,
            feature_cache=cache,
        ).history
        seconds = Seconds.since(started)
        self.scores[name] = {k: v for k, v in history.items() if k.startswith("val_")}
        return seconds

    def run(self, runs: int, base: str, folder: Path) -> dict[str, Any]:
        """Alternate, with new folders for the cold runs; then compare."""
        new = (folder / str(number) for number in range(runs))
        work: dict[str, Callable[[], Seconds]] = {
            "forward": self.forward,
            "uncached": lambda: self.fit("uncached", False),
            "cold": lambda: self.fit("cold", next(new)),
            "warm": lambda: self.fit("warm", folder / "0"),
        }
        kinds = dict.fromkeys([base, "cold", "warm"])
        seconds: dict[str, list[Seconds]] = {kind: [] for kind in kinds}
        for _ in range(runs):
            for kind in kinds:
                seconds[kind].append(work[kind]())
                print(f"{kind}: {seconds[kind][-1].wall:.1f} s", flush=True)
        if base != "uncached":
            seconds["uncached"] = [work["uncached"]()]
        medians = {
            kind: Seconds(*map(statistics.median, zip(*found)))
            for kind, found in seconds.items()
        }
        one, other = self.scores["cold"], self.scores["uncached"]
        return {
            "seconds": seconds,
            "median": medians,
            "ratio": {
                kind: [a / b for a, b in zip(found, medians[base])]
                for kind, found in medians.items()
            },
            "dev_accuracy": {k: v["val_accuracy"] for k, v in self.scores.items()},
            "largest_difference": max(
                abs(a - b) for name in one for a, b in zip(one[name], other[name])
            ),
            "megabytes": sum(p.stat().st_size for p in (folder / "0").iterdir()) / 1e6,
        }


def show(title: str, result: dict[str, Any]) -> None:
    """Print a result in a few lines."""
    print(f"\n{title}\n  {'':9}{'wall':>15}{'processor':>18}")
    for kind, (wall, processor) in result["median"].items():
        by_wall, by_processor = result["ratio"][kind]
        print(
            f"  {kind:9}{wall:8.2f} s {by_wall:4.2f}x"
            f"{processor:9.2f} s {by_processor:5.2f}x"
        )
    for kind, accuracy in result["dev_accuracy"].items():
        print(f"  dev accuracy, {kind}: " + " ".join(f"{x:.4f}" for x in accuracy))
    print(f"  scores of all epochs apart: {result['largest_difference']:.1e} at most")
    print(f"  kept on disk: {result['megabytes']:.1f} MB")


def main() -> None:
    """Read the arguments, run both parts, print and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="holds sst2/")
    parser.add_argument("--preset", default="minilm", help="encoder")
    parser.add_argument("--rows", type=int, default=2000, help="training rows")
    parser.add_argument("--runs", type=int, default=5, help="runs of each kind")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    args = parser.parse_args()
    parts = {
        # Name, base of the ratios, rows, epochs; an uncached run must stay short.
        "backbone": ("forward", args.rows, 5),
        3: ("uncached", args.rows // 4, 2),
    }
    results = {}
    for freeze, (base, rows, epochs) in parts.items():
        fields: dict[str, Any] = {"freeze": freeze, "precision": args.precision}
        if freeze == "backbone":
            fields["learning_rate"] = HEAD_RATE
        bench = Bench(args.preset, args.data, rows, epochs, **fields)
        with tempfile.TemporaryDirectory() as folder:
            results[freeze] = bench.run(args.runs, base, Path(folder))
    for freeze, (base, rows, epochs) in parts.items():
        title = f"freeze={freeze!r}, {rows} rows, {epochs} epochs, against: {base}"
        show(title, results[freeze])
    if args.out:
        versions = {"tfreg": tfreg.__version__, **{p: version(p) for p in PACKAGES}}
        content = {
            "preset": args.preset,
            "precision": args.precision,
            "results": results,
            "versions": versions,
        }
        write_whole(args.out, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
