"""One fit leaves one folder: everything in it, and nothing where it failed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.tiny_preset import reviews, sentences
from tfreg._checks import InputError
from tfreg.adapt import LoRA
from tfreg.data.corpus import Corpus
from tfreg.data.examples import Examples
from tfreg.recipe import Recipe
from tfreg.runs import fit_run, read_run, score
from tfreg.runs.fit import epoch_logs, source_name

FILES = {
    "README.md",
    "labels.json",
    "learning_curve.png",
    "metrics.json",
    "model.keras",
    "recipe.json",
    "report.txt",
    "run.json",
}
PICTURES = {"confusion_matrix.png", "reliability.png"}  # of labels and tags
QUICK = {"epochs": 2, "batch_size": 8, "sequence_length": 16, "learning_rate": 1e-2}


def texts(first: int, last: int) -> Examples:
    inputs, targets = zip(*reviews(last)[first:])
    return Examples("text", inputs, targets)


def classification(test: bool = True) -> Corpus:
    return Corpus(
        task="classify",
        train=texts(0, 24),
        dev=texts(24, 32),
        test=texts(32, 40) if test else None,
        labels=("neg", "pos"),
        report=("2 empty texts",),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory, preset):
    recipe = Recipe(**QUICK, kernel_regularizer={"class_name": "L2", "config": {}})
    out = tmp_path_factory.mktemp("runs") / "films"
    return fit_run(
        classification(), preset, recipe, out, data="/data/films/", verbose=0
    )


def test_the_folder_has_every_file(run):
    assert set(os.listdir(run.path)) == FILES | PICTURES


def test_metrics_have_exactly_the_promised_keys(run):
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert list(metrics) == [
        "task",
        "dev",
        "test",
        "epochs",
        "seconds",
        "real_tokens_per_second",
    ]
    names = {"accuracy", "macro_f1", "weighted_f1", "mcc", "cross_entropy"}
    assert set(metrics["dev"]) == set(metrics["test"]) == names
    assert [epoch["epoch"] for epoch in metrics["epochs"]] == [1, 2]
    for epoch in metrics["epochs"]:
        assert "loss" not in epoch["train"] and "loss" not in epoch["dev"]
        assert {"accuracy", "cross_entropy"} <= set(epoch["train"]) & set(epoch["dev"])
    # Each text is [CLS] the film N was X [SEP]; numbers above 2 are one [UNK].
    rate = metrics["real_tokens_per_second"] * metrics["seconds"]
    assert rate == pytest.approx(24 * 7 * 2)


def test_the_scores_are_those_of_the_model_in_the_folder(run):
    model = run.load_model()
    assert score(model, classification().test).scores() == pytest.approx(
        run.metrics["test"], abs=1e-6
    )


def test_the_rest_of_the_folder(run, preset):
    assert json.loads((run.path / "labels.json").read_text()) == ["neg", "pos"]
    assert Recipe.from_json(run.path / "recipe.json").to_json() == run.recipe
    assert run.facts["data"] == "films" and run.facts["preset"] == "tiny"
    assert run.facts["rows"] == {"train": 24, "dev": 8, "test": 8}
    (penalty,) = run.facts["penalties"]
    assert penalty["penalty"] == "L2" and penalty["strength"] == {"l2": 0.01}
    report = (run.path / "report.txt").read_text()
    assert report.startswith("test, 8 rows\n") and "neg" in report
    card = (run.path / "README.md").read_text()
    assert "2 empty texts" in card and "`tiny`" in card
    for file in FILES - {"model.keras", "learning_curve.png"}:
        content = (run.path / file).read_text()
        assert str(run.path.parent) not in content and "/data/" not in content
        assert os.path.dirname(preset) not in content


def test_the_model_needs_nothing_but_its_folder(run, tmp_path, monkeypatch):
    shutil.copytree(run.path, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    model = read_run("elsewhere").load_model()
    said = model.predict_labels(["the film was good"])
    assert said == run.load_model().predict_labels(["the film was good"])


class QuickModel:
    """What a fit asks of a model, without one."""

    task, labels = "classify", ("neg", "pos")
    recipe = Recipe()

    def encode(self, examples):
        return SimpleNamespace(lengths=np.full(len(examples), 7), rows=len(examples))

    def fit(self, x, validation_data, verbose, feature_cache, callbacks):
        logs = {"loss": [1.0], "accuracy": [0.5], "val_accuracy": [0.5]}
        return SimpleNamespace(history=logs)

    def predict(self, x, verbose, feature_cache):
        return np.eye(2)[np.arange(x.rows) % 2]

    def save(self, path):
        Path(path).touch()

    trainable_variables = ()
    set_penalties: dict = {}


@pytest.fixture
def quick_model(monkeypatch):
    monkeypatch.setattr("tfreg.runs.fit.build", lambda *_: QuickModel())


def test_without_a_test_split_dev_is_shown(tmp_path, quick_model):
    corpus = classification(test=False)
    run = fit_run(corpus, "tiny", Recipe(), tmp_path / "r", data="x", verbose=0)
    assert run.metrics["test"] == {}
    assert (run.path / "report.txt").read_text().startswith("dev, 8 rows\n")


def test_the_recipe_in_the_folder_is_as_the_model_settled_it(tmp_path, quick_model):
    asked = Recipe(precision="auto")
    run = fit_run(classification(), "tiny", asked, tmp_path / "r", data="x", verbose=0)
    assert Recipe.from_json(run.path / "recipe.json") == QuickModel.recipe


def test_several_labels(tmp_path, preset):
    rows = Examples("text", ["good", "bad", "poor"] * 4, [("a", "b"), ("a",), ()] * 4)
    corpus = Corpus("multilabel", rows, rows, None, labels=("a", "b"), report=())
    recipe = Recipe(**{**QUICK, "epochs": 1})
    run = fit_run(corpus, preset, recipe, tmp_path / "r", data="x", verbose=0)
    assert set(os.listdir(run.path)) == FILES | PICTURES
    assert run.task == "multilabel"


def test_numbers_of_pairs(tmp_path, preset):
    rows = Examples("pair", [("good", "bad"), ("fine", "film")] * 6, [0.0, 2.5] * 6)
    corpus = Corpus("regress", rows, rows, rows, labels=(), report=())
    recipe = Recipe(**{**QUICK, "epochs": 1})
    run = fit_run(corpus, preset, recipe, tmp_path / "r", data="x", verbose=0)
    assert set(os.listdir(run.path)) == FILES | {"scatter.png"}
    assert set(run.metrics["dev"]) == {"pearson", "spearman", "mse"}
    assert run.labels == [] and run.kind == "pair"


def test_tags(tmp_path, preset):
    rows = [tuple(zip(*sentence)) for sentence in sentences(12)]
    split = Examples("words", *zip(*rows))
    corpus = Corpus("tag", split, split, split, ("O", "B-LOC", "B-PER"), ())
    recipe = Recipe(**{**QUICK, "epochs": 1})
    run = fit_run(corpus, preset, recipe, tmp_path / "r", data="x", verbose=0)
    assert set(os.listdir(run.path)) == FILES | PICTURES
    assert {"span_f1_strict", "span_f1_lenient"} <= set(run.metrics["test"])


@pytest.mark.parametrize("where", ["build", "score", "run.to_json", "card.model_card"])
def test_a_failure_leaves_nothing(tmp_path, quick_model, monkeypatch, where):
    def fail(*_, **__):
        raise RuntimeError("in the middle")

    place = where if "." in where else f"fit.{where}"
    monkeypatch.setattr(f"tfreg.runs.{place}", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        fit_run(classification(), "tiny", Recipe(), tmp_path / "r", data="x")
    assert os.listdir(tmp_path) == []


def test_a_corpus_without_dev_is_refused(tmp_path, preset):
    corpus = Corpus("classify", texts(0, 8), None, None, ("neg", "pos"), ())
    with pytest.raises(InputError, match="no dev split"):
        fit_run(corpus, preset, Recipe(), tmp_path / "r", data="x")
    assert os.listdir(tmp_path) == []


class Diverged:
    task, labels = "classify", ("a", "b")

    def predict(self, x, verbose, feature_cache):
        return np.array([[np.nan, 0.0]])


def test_a_fit_that_diverged_says_so():
    with pytest.raises(InputError, match="the fit diverged"):
        score(Diverged(), Examples("text", ["x"], ["a"]))


def test_rows_without_labels_cannot_be_scored():
    with pytest.raises(InputError, match="no labels"):
        score(Diverged(), Examples("text", ["x"]))


def test_logs_leave_out_losses_with_penalties():
    history = {
        "loss": [2.0, 1.0],
        "accuracy": [0.5, 0.75],
        "val_loss": [3.0, 4.0],
        "val_accuracy": [0.25, 1.0],
    }
    assert epoch_logs(history) == [
        {"epoch": 1, "train": {"accuracy": 0.5}, "dev": {"accuracy": 0.25}},
        {"epoch": 2, "train": {"accuracy": 0.75}, "dev": {"accuracy": 1.0}},
    ]


@pytest.mark.parametrize(
    "source, name",
    [
        ("/home/me/reviews/", "reviews"),
        ("reviews/train.tsv.gz", "train.tsv.gz"),
        ("tfds:imdb_reviews", "tfds:imdb_reviews"),
        ("hf://someone/model", "hf://someone/model"),
        ("minilm", "minilm"),
    ],
)
def test_sources_lose_their_folders(source, name):
    assert source_name(source) == name


def test_with_an_adapter_the_run_holds_what_was_trained(tmp_path, preset):
    recipe = Recipe(**{**QUICK, "epochs": 1}, adapter=LoRA(2))
    out = tmp_path / "r"
    run = fit_run(classification(), preset, recipe, out, data="x", verbose=0)
    own = {"trained.json", "trained.safetensors", *PICTURES}
    assert set(os.listdir(run.path)) == FILES - {"model.keras"} | own
    assert run.facts["self_contained"] is False
    card = (run.path / "README.md").read_text()
    assert 'load_model("FOLDER")' in card and "the rest is read from `tiny`" in card
    scores = score(run.load_model(), classification().test).scores()
    assert scores == pytest.approx(run.metrics["test"], abs=1e-6)
    with pytest.raises(InputError, match="refer to itself as its preset"):
        fit_run(
            classification(), str(out), recipe, out, data="x", overwrite=True, verbose=0
        )
    whole = fit_run(
        classification(),
        preset,
        recipe,
        out,
        data="x",
        verbose=0,
        overwrite=True,
        self_contained=True,
    )
    assert set(os.listdir(whole.path)) == FILES | PICTURES
    assert whole.facts["self_contained"] is True
