"""Choose the strength λ of a penalty: a path, a search, and learned while training.

    python choose_strength.py                # 400 film reviews, the packaged encoder
    python choose_strength.py --data reviews/ --trials 20 --out chosen

The folder `--out` gets tables, pictures and recipes for `tfreg train --config`. Started
again with the same words, the search goes on where it was. On two CPU cores the first
line takes about ten minutes.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import tfreg


def main() -> None:
    """All three ways, each with its dev score."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="demo")
    parser.add_argument("--preset", default="minilm")
    parser.add_argument("--rows", type=int, default=400, help="of train; 0: all")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--trials", type=int, default=4, help="of the search")
    parser.add_argument("--out", type=Path, default=Path("strength"))
    args = parser.parse_args()

    data = tfreg.load_corpus(args.data)
    data = dataclasses.replace(data, train=data.train[: args.rows or None])
    recipe = tfreg.Recipe(learning_rate=1e-4, epochs=args.epochs, sequence_length=64)

    # 1. A frozen encoder: the heads of a hundred strengths, each the exact minimum.
    path = tfreg.regularization_path(data, args.preset, "l2", verbose=0)
    (args.out / "path").mkdir(parents=True, exist_ok=True)
    path.write(args.out / "path")
    print(
        f"path: best λ {path.best:.2g}, simplest {path.simplest:.2g}, "
        f"dev {path.monitor[0]} {path.scores.max():.3f}"
    )

    # 2. Fits of the whole encoder; the recipe without the penalty is among them.
    found = tfreg.search(
        data,
        args.preset,
        {"l2sp": "log:1e-3:1"},
        out=args.out / "search",
        trials=args.trials,
        recipe=recipe,
    )
    best, score = found.best.values or "no penalty", found.score(found.best)
    print(f"search: {best}, dev {found.metric} {score:.3f}")
    print(*found.verdict(), sep="\n")

    # 3. One fit in which λ follows the loss of a fifth of the rows, held out.
    model = tfreg.build_classifier(
        args.preset,
        data.labels,
        recipe=recipe,
        backbone_regularizer=tfreg.regularizers.L2SP(1e-2),
    )
    adaptive = tfreg.callbacks.AdaptiveStrength(held_out=0.2)
    history = model.fit(
        data.train, validation_data=data.dev, callbacks=[adaptive], verbose=0
    ).history
    strength, score = history["strength/l2sp"][-1], max(history["val_accuracy"])
    print(f"adaptive: λ {strength:.2g} at the end, dev accuracy {score:.3f}")
    print(f"tables and pictures: {args.out}")


if __name__ == "__main__":
    main()
