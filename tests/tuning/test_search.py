"""A search loses nothing when it is killed, whatever chooses its trials."""

from __future__ import annotations

import csv
import gc
import json
import math
import shutil

import keras_hub
import pytest
from keras import ops

from tests.tuning.conftest import corpus_of
from tfreg._checks import InputError
from tfreg.recipe import Recipe
from tfreg.tuning import Choice, LogUniform, Uniform, search
from tfreg.tuning.journal import Journal
from tfreg.tuning.oracles import TUNERS
from tfreg.tuning.rounds import Rounds

SPACE = {"l2": LogUniform(1e-6, 0.1), "dropout": Uniform(0.0, 0.5)}
QUICK = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 8, "sequence_length": 16}


class Killed(BaseException):
    """What SIGKILL would be: nothing catches it."""


class Fake:
    """Fits that take no time: the score is a function of the recipe.

    Args:
        kill: (what, number): end the process at the so-manieth of these moments.
    """

    def __init__(self, monkeypatch, kill=(None, 0)):
        self.fitted = []
        self.kill = kill
        self.seen = {}
        add = Journal.add

        def fit(rounds, name, recipe, number, about):
            self.moment("fit begins")
            self.fitted.append((name, number))
            values = about["values"]
            strength = math.log10(values.get("l2") or 1e-6)
            score = 1 - (strength + 3) ** 2 / 100 - values.get("dropout", 0.1) / 10
            result = {
                "trial": name,
                "round": number,
                "scores": {"accuracy": score + number / 1000},
                "left_out": [score - 0.01, score + 0.01],
                "seconds": 1.0,
                "at": 0.0,
                **about,
            }
            self.moment("fit ended")
            rounds._journal.add(result)
            return result

        def noted(journal, event):
            kind = event.get("event", "round")
            self.moment(f"before {kind}")
            if self.kill == (f"half of {kind}", self.count(f"half of {kind}")):
                with journal.path.open("ab") as file:
                    file.write(json.dumps(event).encode()[:20])
                raise Killed
            add(journal, event)
            self.moment(f"after {kind}")

        monkeypatch.setattr(Rounds, "_fit", fit)
        monkeypatch.setattr(Journal, "add", noted)

    def count(self, moment):
        self.seen[moment] = self.seen.get(moment, 0) + 1
        return self.seen[moment]

    def moment(self, moment):
        if self.kill == (moment, self.count(moment)):
            raise Killed


def run(preset, out, tuner="random", **more):
    if tuner != "hyperband":
        more = {"trials": 6, **more}
    more = {"seeds": 2, **QUICK, **more}
    space = more.pop("space", SPACE)
    if tuner == "grid":
        space = {"l2": Choice(1e-4, 1e-3, 1e-2), "dropout": Choice(0.1, 0.3)}
    if tuner == "hyperband":
        more["epochs"] = 4
    return search(corpus_of("classify"), preset, space, out=out, tuner=tuner, **more)


def trials_of(result):
    return [(t.name, t.values, t.rounds, t.epochs) for t in result.trials]


POINTS = [
    ("fit begins", 3),
    ("fit ended", 6),
    ("half of round", 7),
    ("after begin", 2),
    ("before end", 3),
    ("half of end", 4),
]


@pytest.mark.parametrize(
    ("tuner", "point"),
    [
        pytest.param(
            tuner,
            point,
            id=f"{tuner}-{point[0]}",
            # In CI one tuner is killed everywhere, the others after a fit.
            marks=() if tuner == "random" or point == POINTS[1] else pytest.mark.slow,
        )
        for tuner in TUNERS
        for point in POINTS
    ],
)
def test_killed_and_started_again(tuner, point, preset, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        whole = Fake(patch)
        expected = run(preset, tmp_path / "whole", tuner)
    with monkeypatch.context() as patch:
        first = Fake(patch, kill=point)
        with pytest.raises(Killed):
            run(preset, tmp_path / "killed", tuner)
    with monkeypatch.context() as patch:
        second = Fake(patch)
        found = run(preset, tmp_path / "killed", tuner)
    assert trials_of(found) == trials_of(expected)
    assert found.best == expected.best
    # Only the fit that had not been written down is done again.
    again = sorted(first.fitted + second.fitted)
    assert set(again) == set(whole.fitted)
    assert len(again) - len(whole.fitted) <= 1


def test_a_search_that_is_over_does_nothing_more(preset, tmp_path, monkeypatch):
    first = Fake(monkeypatch)
    expected = run(preset, tmp_path)
    done = len(first.fitted)
    assert trials_of(run(preset, tmp_path)) == trials_of(expected)
    assert len(first.fitted) == done


def test_fewer_trials_than_there_are(preset, tmp_path, monkeypatch):
    Fake(monkeypatch)
    run(preset, tmp_path, trials=3)
    with pytest.raises(InputError, match="has trial 2 already; `trials` must"):
        run(preset, tmp_path, trials=2)


def test_more_trials_go_on_from_fewer(preset, tmp_path, monkeypatch):
    fake = Fake(monkeypatch)
    few = run(preset, tmp_path / "a", trials=3)
    more = run(preset, tmp_path / "a", trials=11)
    assert trials_of(more)[:3] == trials_of(few)
    assert trials_of(more) == trials_of(run(preset, tmp_path / "b", trials=11))
    assert len(fake.fitted) == 2 * (2 * 12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"space": {"l2": "log:1e-6:1"}}, "space.l2 was .*, is .*space.dropout was"),
        ({"tuner": "bayesian"}, 'tuner was "random", is "bayesian"'),
        ({"seeds": 1}, "seeds was 2, is 1"),
        ({"metric": "mcc"}, 'metric was "accuracy", is "mcc"'),
        ({"epochs": 3}, "recipe.epochs was 2, is 3"),
    ],
)
def test_another_search_in_the_same_folder(change, said, preset, tmp_path, monkeypatch):
    Fake(monkeypatch)
    run(preset, tmp_path, trials=1)
    with pytest.raises(InputError, match=said):
        run(preset, tmp_path, **{"trials": 1, **change})


def test_other_data_in_the_same_folder(preset, tmp_path, monkeypatch):
    Fake(monkeypatch)
    run(preset, tmp_path, trials=1)
    from dataclasses import replace

    other = replace(corpus_of("classify"), dev=corpus_of("classify").dev[:5])
    with pytest.raises(InputError, match="data was .*, is "):
        search(other, preset, SPACE, out=tmp_path, trials=1, seeds=2, **QUICK)


def test_another_encoder_in_the_same_folder(preset, tmp_path, monkeypatch):
    Fake(monkeypatch)
    mine, out = tmp_path / "mine", tmp_path / "out"
    shutil.copytree(preset, mine)
    run(str(mine), out, trials=1)
    backbone = keras_hub.models.Backbone.from_preset(str(mine))
    backbone.token_embedding.embeddings.assign_add(ops.full((24, 32), 1e-3))
    backbone.save_to_preset(str(mine))
    with pytest.raises(InputError, match=": weights was .*, is "):
        run(str(mine), out, trials=1)
    with pytest.raises(InputError, match=r"preset was .*mine\", is .*tiny\"; give"):
        run(str(preset), out, trials=1)


def test_what_it_writes(preset, tmp_path, monkeypatch):
    Fake(monkeypatch)
    told = []
    result = run(preset, tmp_path, said=lambda *all: told.append(all))
    assert [one[0] for one in told] == ["default", *"012345"]
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["default", *"012345"]
    best = max(rows, key=lambda row: float(row["accuracy"]))
    assert best["trial"] == result.best.name
    recipe = Recipe.from_json(tmp_path / "best.json")
    assert recipe == result.recipe() and recipe.dropout == result.best.values["dropout"]
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {
        *("score_l2.png", "score_dropout.png"),
        *("progress.png", "map_l2.png", "parallel.png"),
    }


def test_a_trial_that_cannot_be_built_is_shown(preset, tmp_path, monkeypatch):
    Fake(monkeypatch)
    space = {"mixout": Choice(0.0, 0.5), "dropconnect": Choice(0.0, 0.5)}
    result = run(preset, tmp_path, "random", space=space, trials=4)
    failed = [trial for trial in result.trials if not trial.rounds]
    assert len(failed) == 1
    assert "`mixout` and `dropconnect` are two kinds of noise" in failed[0].message
    assert "two kinds of noise" in (tmp_path / "trials.csv").read_text()


def test_a_trial_whose_second_fit_fails_is_not_judged(preset, tmp_path, monkeypatch):
    Fake(monkeypatch)
    fit = Rounds._fit

    def fails(rounds, name, recipe, number, about):
        if name != "default" and number == 1:
            raise InputError("the fit diverged")
        return fit(rounds, name, recipe, number, about)

    monkeypatch.setattr(Rounds, "_fit", fails)
    space = {"dropout": Choice(0.0, 0.05)}  # better than the default's, each
    result = run(preset, tmp_path, space=space, trials=2)
    assert [(len(one.rounds), one.seconds) for one in result.trials] == [(0, 1.0)] * 2
    assert all("the fit diverged" in trial.message for trial in result.trials)
    assert result.best.name == result.simplest.name == "default"


def test_real_fits_and_where_they_leave_nothing(preset, tmp_path, monkeypatch):
    result = run(preset, tmp_path, trials=2, seeds=1)
    assert {path.name for path in tmp_path.iterdir()} >= {"tensorboard", "best.json"}
    assert not list(tmp_path.glob("running/*"))
    assert all(result.error(trial) > 0 for trial in result.trials)
    assert list((tmp_path / "tensorboard" / "0-0").rglob("events.out.*"))


@pytest.mark.parametrize("others", [False, True])
def test_old_objects_are_not_looked_through_for_garbage(
    others, preset, tmp_path, monkeypatch
):
    """And what somebody else has frozen stays so."""
    Fake(monkeypatch)
    gc.unfreeze()
    if others:
        gc.freeze()
    counts = []
    run(preset, tmp_path, said=lambda *_: counts.append(gc.get_freeze_count()))
    assert min(counts) > 100_000
    assert bool(gc.get_freeze_count()) == others


def test_no_trial_leaves_its_graphs(preset, tmp_path):
    def graphs():
        return sum(type(one).__name__ == "FuncGraph" for one in gc.get_objects())

    counts = []
    run(preset, tmp_path, trials=3, seeds=1, said=lambda *_: counts.append(graphs()))
    assert counts[1] == counts[2] == counts[3]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tuner": "tpe"}, "`tuner` must be one of 'random', 'grid'"),
        ({"trials": 0}, "`trials` must be an integer of at least 1"),
        (
            {"tuner": "hyperband", "trials": 3},
            "`trials` cannot be set with `tuner='hyp",
        ),
        (
            {"tuner": "hyperband", "space": {"epochs": "int:2:4"}},
            "`space`: 'epochs' cannot be searched with `tuner='hyperband'`",
        ),
        ({"seeds": 0}, "`seeds` must be an integer of at least 1"),
        ({"seeds": 2, "folds": 2}, "`seeds` and `folds` cannot be combined"),
        ({"seeds": 1, "folds": 99}, "`folds` must be at most the 24 training rows"),
        ({"metric": "span_f1_strict"}, "`metric` must be one of 'accuracy'"),
        ({"space": {}}, "`space` must be a mapping from names to ranges"),
        ({"space": {"l3": "log:1:2"}}, "'l3' cannot be searched; known: l1, l2"),
        ({"space": {"l2": "log:1"}}, r"`space\['l2'\]`: a range is written as log:"),
        ({"space": {"dropout": "uniform:0:2"}}, "`dropout` must be a number in"),
        ({"no_such": 1}, "unknown recipe field `no_such`"),
    ],
)
def test_refused(given, said, preset, tmp_path):
    with pytest.raises(InputError, match=said):
        run(preset, tmp_path / "out", **given)


def test_one_dev_row_cannot_tell_how_sure_a_score_is(preset, tmp_path, monkeypatch):
    from dataclasses import replace

    other = replace(corpus_of("classify"), dev=corpus_of("classify").dev[:1])
    with pytest.raises(InputError, match="dev split must have at least 2 rows .*got 1"):
        search(other, preset, SPACE, out=tmp_path / "out", **QUICK)
    assert not (tmp_path / "out").exists()
    Fake(monkeypatch)
    search(other, preset, SPACE, out=tmp_path / "folds", folds=2, trials=1, **QUICK)


def test_one_range_has_one_text():
    assert str(Uniform(0, 1)) == str(Uniform(0.0, 1.0)) == "uniform:0.0:1.0"
    assert str(Choice(0.1234561, 1)) != str(Choice(0.1234562, 1))


def test_refused_folders(preset, tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty, and not a search's"):
        run(preset, tmp_path)
    with pytest.raises(InputError, match="`out`: .*Not a directory"):
        run(preset, tmp_path / "note.txt" / "out")


def test_half_a_place_among_several_processes(preset, tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "tuner0")
    with pytest.raises(InputError, match="not set: KERASTUNER_ORACLE_IP, KERASTUNER_"):
        run(preset, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_preset_that_is_none_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        run("./nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()
