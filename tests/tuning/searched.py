"""One process of `test_search_on_devices`: searches whose trials use all devices."""

from __future__ import annotations

import sys
from pathlib import Path

import keras_tuner
import numpy as np

from tests.models.devices import strategy_of
from tests.tiny_preset import save_tiny_preset
from tests.tuning.conftest import corpus_of
from tfreg.tuning import FineTuneHyperModel, search

FIELDS = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 8, "sequence_length": 16}
FIELDS.update(dropout=0.0, backbone_dropout=0.0, attention_dropout=0.0)
SPACE = {"l2": "log:1e-6:0.1"}


def main(devices: int, out: Path) -> None:
    """Search by tfreg, and under a strategy by a tuner of KerasTuner's too."""
    strategy = strategy_of(devices)
    preset = str(save_tiny_preset(out.parent / f"tiny-{devices}"))
    corpus = corpus_of("classify")
    found = search(
        corpus,
        preset,
        SPACE,
        out=out.parent / f"search-{devices}",
        trials=2,
        strategy=strategy,
        **FIELDS,
    )
    scores = [found.score(trial) for trial in found.trials]
    if strategy is None:
        np.savez(out, scores=scores)
        return
    hypermodel = FineTuneHyperModel(corpus, preset, SPACE, **FIELDS)
    tuner = keras_tuner.RandomSearch(
        hypermodel,
        hypermodel.objective,
        max_trials=1,
        directory=out.parent / "keras-tuner",
        distribution_strategy=strategy,
        seed=1,
    )
    tuner.search(verbose=0)
    done = [trial.status for trial in tuner.oracle.get_best_trials()]
    replicas = strategy.num_replicas_in_sync
    np.savez(out, scores=scores, done=done, replicas=replicas)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
