"""Which method helps with few examples? Differences from plain, over seeds.

    python few_examples.py                   # 200 film reviews, the packaged encoder
    python few_examples.py --methods lora rdrop --seeds 5

The score is the test accuracy of the best dev epoch; a difference is between fits of
the same seed, ± the standard error of its mean. On two CPU cores the first line takes
about a quarter of an hour.
"""

from __future__ import annotations

import argparse
from statistics import fmean, stdev

import tfreg
from tfreg.data.augment import Masking

METHODS = {
    "lora": {"adapter": tfreg.adapt.LoRA(rank=8), "learning_rate": 1e-3},
    "projection": {"head": tfreg.heads.Projection(pooling="mean")},
    "mixout": {"mixout": 0.2},
    "rdrop": {"objective": tfreg.objectives.RDrop(1.0)},
    "masking": {"augment": Masking(0.15)},
}


def main() -> None:
    """All methods with all seeds, then a line each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="demo")
    parser.add_argument("--preset", default="minilm")
    parser.add_argument("--rows", type=int, default=200, help="of train and of dev")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3, help="at least 2")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    args = parser.parse_args()
    if args.seeds < 2:
        parser.error("--seeds: a standard error needs at least 2")

    data = tfreg.load_corpus(args.data)
    train, dev = data.train[: args.rows], data.dev[: args.rows]
    scores: dict[str, list[float]] = {"plain": [], **{m: [] for m in args.methods}}
    for seed in range(args.seeds):
        for name, found in scores.items():
            settings = {
                "learning_rate": 1e-4,
                "epochs": args.epochs,
                "batch_size": 16,
                "sequence_length": 64,
                **METHODS.get(name, {}),
            }
            model = tfreg.build_classifier(
                args.preset, data.labels, seed=seed, **settings
            )
            model.fit(train, validation_data=dev, verbose=0)
            judged = data.test or data.dev
            scored = model.evaluate(judged, return_dict=True, verbose=0)
            found.append(scored["accuracy"])
            print(f"seed {seed}, {name}: {found[-1]:.3f}", flush=True)

    print(f"plain: {fmean(scores['plain']):.1%}")
    for name in args.methods:
        pairs = [100 * (a - b) for a, b in zip(scores[name], scores["plain"])]
        error = stdev(pairs) / len(pairs) ** 0.5
        print(f"{name}: {fmean(pairs):+.1f} ± {error:.1f} points")


if __name__ == "__main__":
    main()
