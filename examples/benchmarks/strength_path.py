"""What a path of strengths costs beside scikit-learn's fits and a KerasTuner search.

    python strength_path.py --data DATA

Heads on the features of the frozen packaged encoder, λ from 1 to 1e-6, side by side in
one run. Peers are timed at every so-manieth strength (`--every`), and the sum is scaled
to all of them. A head of scikit-learn is fitted to the gradient its documentation takes
by default, and to a smaller one; the gaps are those of the objectives. A head of the
search is a Dense layer that Keras fits for `--epochs` passes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from tasks import CUT_SEED, write_result

import tfreg
from tfreg.functional.linear_losses import Softmax
from tfreg.functional.linear_path import linear_path
from tfreg.models.frozen_features import frozen_features

PACKAGES = "tfreg", "tensorflow", "keras", "keras-tuner", "scikit-learn"
STRENGTHS = np.geomspace(1.0, 1e-6, 100)


def features(folder: Path, rows: int, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and class ids of some training rows."""
    corpus = tfreg.load_corpus(folder, task="classify")
    order = np.random.default_rng(CUT_SEED).permutation(len(corpus.train))[:rows]
    model = tfreg.build_classifier(
        "minilm",
        corpus.labels,
        freeze="backbone",
        head=tfreg.heads.Linear("mean"),
        precision="bfloat16",
    )
    found = frozen_features(model, corpus.train.take(order.tolist()), cache)
    _, ids = np.unique(found.targets, return_inverse=True)
    return found.values.astype("float64"), ids


def objective(x: Any, ids: Any, kernel: Any, bias: Any, strength: float) -> float:
    """Mean cross-entropy and λ·ΣW²."""
    z = x @ kernel + bias
    losses = logsumexp(z, axis=1) - z[np.arange(len(z)), ids]
    return float(losses.mean() + strength * (kernel**2).sum())


def sklearn_fit(
    x: Any, ids: Any, strength: float, tolerance: float
) -> tuple[float, float]:
    """Seconds and objective of one of scikit-learn's fits."""
    two = ids.max() == 1
    inverse = 1 / ((1 if two else 2) * len(x) * strength)
    began = time.perf_counter()
    peer = LogisticRegression(C=inverse, tol=tolerance, max_iter=100_000).fit(x, ids)
    seconds = time.perf_counter() - began
    kernel, bias = peer.coef_.T, peer.intercept_
    if two:  # as two columns, whose squares add up to half
        kernel = np.concatenate([-kernel, kernel], axis=1) / 2
        bias = np.concatenate([-bias, bias]) / 2
    return seconds, objective(x, ids, kernel, bias, strength)


def search(x: Any, ids: Any, strengths: list[float], epochs: int) -> float:
    """Seconds of a grid search over heads."""

    def build(hp: Any) -> Any:
        penalty = keras.regularizers.L2(hp.Choice("l2", strengths))
        head = keras.layers.Dense(int(ids.max()) + 1, kernel_regularizer=penalty)
        model = keras.Sequential([keras.Input((x.shape[1],)), head])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(1e-2), loss, ["accuracy"])
        return model

    cut = len(x) * 4 // 5
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.GridSearch(build, "val_accuracy", directory=folder)
        began = time.perf_counter()
        tuner.search(
            x[:cut],
            ids[:cut],
            validation_data=(x[cut:], ids[cut:]),
            epochs=epochs,
            verbose=0,
        )
        return time.perf_counter() - began


def measure(task: str, args: argparse.Namespace) -> dict[str, Any]:
    """One data set, all ways."""
    x, ids = features(args.data / task, args.rows, args.results / "features")
    targets = np.eye(ids.max() + 1)[ids]
    linear_path(x[:50], targets[:50], Softmax(), STRENGTHS[:12])  # sets things up
    own = []
    for _ in range(args.rounds):
        began = time.perf_counter()
        path = linear_path(x, targets, Softmax(), STRENGTHS)
        own.append(time.perf_counter() - began)
    chosen = range(0, len(STRENGTHS), args.every)
    scale = len(STRENGTHS) / len(chosen)
    result: dict[str, Any] = {
        "task": task,
        "rows": len(x),
        "classes": int(ids.max()) + 1,
        "tfreg_seconds": float(np.median(own)),
        "tfreg_gradient": float(path.gradients.max()),
        "timed_strengths": len(chosen),
    }
    for tolerance in (1e-4, 1e-6):
        fits = [sklearn_fit(x, ids, STRENGTHS[i], tolerance) for i in chosen]
        result[f"sklearn_{tolerance:.0e}"] = {
            "seconds": scale * sum(seconds for seconds, _ in fits),
            "largest_gap_of_tfreg": max(
                path.objectives[i] / reached - 1
                for i, (_, reached) in zip(chosen, fits)
            ),
        }
    seconds = search(x, ids, [float(STRENGTHS[i]) for i in chosen], args.epochs)
    result["search_seconds"] = scale * seconds
    return result


def main() -> None:
    """Measure, and print a line a data set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--tasks", nargs="+", default=["sst2", "banking77"])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=9)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    args.results.mkdir(parents=True, exist_ok=True)
    for task in args.tasks:
        result = measure(task, args)
        write_result(args.results / f"path.{task}.json", result, PACKAGES)
        own = result["tfreg_seconds"]
        print(json.dumps(result, indent=1))
        for name in ("sklearn_1e-04", "sklearn_1e-06"):
            ratio = result[name]["seconds"] / own
            print(f"{task}: {name} takes {ratio:.1f} times as long")
        ratio = result["search_seconds"] / own
        print(f"{task}: a search takes {ratio:.1f} times as long")


if __name__ == "__main__":
    main()
