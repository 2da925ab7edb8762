"""KerasTuner's own tuners drive the space of a recipe."""

from __future__ import annotations

from dataclasses import replace

import keras_tuner
import pytest

from tests.tuning.conftest import corpus_of
from tfreg._checks import InputError
from tfreg.tuning import Choice, FineTuneHyperModel, LogUniform

QUICK = {"learning_rate": 1e-2, "batch_size": 8, "sequence_length": 16}


def model_of(preset, task="classify", **fields):
    space = {"l2sp": LogUniform(1e-4, 0.1), "objective.rdrop": Choice(0.0, 1.0)}
    return FineTuneHyperModel(corpus_of(task), preset, space, **{**QUICK, **fields})


def test_a_model_is_that_of_its_hyperparameters(preset):
    hypermodel = model_of(preset)
    hp = keras_tuner.HyperParameters()
    hp.values = {"l2sp": 0.01, "objective.rdrop": 1.0}
    model = hypermodel.build(hp)
    assert model.recipe.backbone_regularizer.alpha == 0.01
    assert type(model.recipe.objective).__name__ == "RDrop"
    hp.values["objective.rdrop"] = 0.0
    assert hypermodel.build(hp).recipe.objective is None


def test_a_precision_is_picked_before_the_encoder_is_read(preset):
    hypermodel = model_of(preset, precision="auto")
    assert hypermodel.shared.precision in ("float32", "bfloat16")
    recipe = hypermodel.build(keras_tuner.HyperParameters()).recipe
    assert recipe.precision == hypermodel.shared.precision


def test_random_search(preset, tmp_path):
    hypermodel = model_of(preset, epochs=1)
    tuner = keras_tuner.RandomSearch(
        hypermodel, hypermodel.objective, max_trials=2, directory=tmp_path, seed=1
    )
    tuner.search(verbose=0)
    trials = tuner.oracle.get_best_trials(2)
    assert [trial.status for trial in trials] == ["COMPLETED"] * 2
    best = tuner.get_best_hyperparameters()[0]
    assert hypermodel.recipe(best).backbone_regularizer.alpha == best.get("l2sp")


@pytest.mark.slow
def test_hyperband_goes_on_with_the_optimizer(preset, tmp_path):
    space = {"l2sp": LogUniform(1e-4, 0.1)}
    hypermodel = FineTuneHyperModel(corpus_of("classify"), preset, space, **QUICK)
    tuner = keras_tuner.Hyperband(
        hypermodel, hypermodel.objective, max_epochs=2, factor=2, directory=tmp_path
    )
    tuner.search(verbose=0)
    second = [
        trial
        for trial in tuner.oracle.trials.values()
        if trial.hyperparameters.values["tuner/initial_epoch"]
    ]
    assert second and all(trial.status == "COMPLETED" for trial in second)


def test_what_judges(preset):
    assert model_of(preset).objective.name == "val_accuracy"
    assert model_of(preset, "regress").objective.name == "val_pearson"
    assert model_of(preset, "multilabel").objective.name == "val_macro_f1"
    assert model_of(preset, "tag").objective.name == "val_span_f1_strict"


def test_refused(preset):
    with pytest.raises(InputError, match="`corpus` must be a Corpus"):
        FineTuneHyperModel("reviews", preset)
    with pytest.raises(InputError, match="no dev split"):
        FineTuneHyperModel(replace(corpus_of("classify"), dev=None), preset)
