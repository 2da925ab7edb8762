"""Paths over a frozen encoder are exact, and those of fine-tuned ones start warm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from tests.tuning.conftest import corpus_of
from tfreg._checks import InputError
from tfreg.heads import Linear
from tfreg.models.frozen_features import frozen_features
from tfreg.recipe import Recipe
from tfreg.runs import score
from tfreg.runs.fit import build
from tfreg.tuning import regularization_path

TASKS = ("classify", "multilabel", "regress", "tag")
SIMPLE = ("classify", "regress")
STRENGTHS = [0.1, 0.01, 0.001]


@pytest.fixture
def fit(preset, tmp_path):
    def fit_one(task="classify", penalty="l2", strengths=STRENGTHS, **fields):
        fields = {"sequence_length": 16, "verbose": 0, **fields}
        if fields.get("freeze", "backbone"):
            fields.setdefault("feature_cache", tmp_path)
        return regularization_path(
            corpus_of(task), preset, penalty, strengths, **fields
        )

    return fit_one


@pytest.mark.parametrize("task", TASKS)
def test_the_models_of_a_path_score_what_it_says(task, fit):
    corpus, path = corpus_of(task), fit(task)
    for point in path.points:
        model = path.model(point.strength)
        found = score(model, corpus.dev).scores()
        for name, value in point.scores.items():
            # Dev has each text three times: rounding breaks the ties of their ranks.
            near = 2e-2 if name == "spearman" else 1e-2
            assert found[name] == pytest.approx(value, abs=near), name


@pytest.mark.parametrize("task", TASKS)
def test_keras_sees_a_minimum_there(task, fit):
    """The gradient of loss and penalty that `fit` would follow is 0."""
    import tensorflow as tf

    path = fit(task, tolerance=1e-8)
    model = path.model(0.01)
    batch = model.encode(corpus_of(task).train)
    whole = model.preprocessor.batches(batch, len(batch)).dataset()
    x, y = next(iter(whole))[:2]
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y, model(x, training=False), training=True)
    kernel, bias = tape.gradient(loss, [model.logits.kernel, model.logits.bias])
    assert max(np.abs(kernel).max(), np.abs(bias).max()) < 2e-4 * max(1, float(loss))


def test_logistic_regression_finds_the_same(fit):
    path = fit()
    corpus, model = corpus_of("classify"), path.model()
    x, y = frozen_features(model, corpus.train)
    x = x.astype("float64")
    for place, strength in enumerate(STRENGTHS):
        peer = LogisticRegression(
            C=1 / (len(x) * strength), tol=1e-10, max_iter=10_000
        ).fit(x, y)
        kernel = path.kernels[place]
        np.testing.assert_allclose(
            kernel[:, 1] - kernel[:, 0], peer.coef_[0], rtol=2e-3, atol=1e-4
        )


def test_ridge_finds_the_same_in_units_of_the_targets_deviation(fit):
    path = fit("regress")
    corpus, model = corpus_of("regress"), path.model()
    x, y = frozen_features(model, corpus.train)
    for strength in STRENGTHS:
        peer = Ridge(alpha=len(x) * strength / np.std(y) ** 2).fit(x, y)
        said = path.model(strength).predict(corpus.dev, verbose=0)[:, 0]
        dev, _ = frozen_features(model, corpus.dev)
        np.testing.assert_allclose(said, peer.predict(dev), rtol=1e-4)


@pytest.mark.parametrize(
    "task",
    [pytest.param(t, marks=pytest.mark.slow if t in SIMPLE else ()) for t in TASKS],
)
def test_a_fit_of_its_recipe_comes_near_the_minimum(task, fit, preset):
    corpus, path = corpus_of(task), fit(task)
    point = path.points[0]
    recipe = path.recipe(point.strength)
    far = replace(recipe, learning_rate=5e-5, epochs=3)
    objectives = {}
    for name, one in (("near", recipe), ("far", far)):
        model = build(corpus, preset, replace(one, batch_size=8, patience=None))
        model.fit(corpus.train, verbose=0, feature_cache=False)
        loss = model.evaluate(corpus.train, verbose=0)[0]
        penalty = point.strength * float((np.asarray(model.logits.kernel) ** 2).sum())
        objectives[name] = loss + penalty
    gaps = {name: value - point.objective for name, value in objectives.items()}
    # Sixty steps, where real data have thousands.
    assert gaps["near"] < 0.3 * gaps["far"], gaps


def test_settings_of_ones_own_are_those_of_the_recipes(fit):
    recipe = fit(learning_rate=1e-3, dropout=0.2).recipe()
    assert (recipe.learning_rate, recipe.dropout) == (1e-3, 0.2)
    assert (recipe.epochs, recipe.weight_decay) == (20, 0.0)


def test_l1_gives_exact_zeros_and_more_of_them_where_it_is_strong(fit):
    path = fit(penalty="l1", strengths=[1.0, 1e-6, 1e-7])
    zeros = [point.zeros for point in path.points]
    assert zeros[0] == 1.0 and zeros[0] > zeros[1] > zeros[2], zeros
    assert type(path.recipe().kernel_regularizer).__name__ == "ProximalL1"


def test_the_elastic_net_is_between(fit):
    path = fit(penalty="elastic_net", l1_ratio=0.25)
    names = [type(one).__name__ for one in path.recipe(0.1).kernel_regularizer]
    assert sorted(names) == ["L2", "ProximalL1"]
    plain = fit(penalty="elastic_net", l1_ratio=0.0)
    np.testing.assert_allclose(plain.kernels, fit().kernels, atol=1e-6)


def test_texts_are_the_mean_of_their_pieces_by_default(fit):
    pooled = fit(recipe=Recipe(freeze="backbone"))
    assert np.abs(pooled.kernels - fit().kernels).max() > 1e-3
    assert pooled.recipe().head is None
    assert fit().recipe().head.pooling == "mean"


def test_features_are_computed_once(fit, tmp_path):
    fit(feature_cache=tmp_path / "kept")
    assert len(list((tmp_path / "kept").iterdir())) == 2
    fit(feature_cache=tmp_path / "kept", penalty="l1")
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_fine_tuned_path_goes_on_from_the_stronger_fit(fit, preset):
    quick = {"freeze": None, "epochs": 1, "learning_rate": 1e-2, "batch_size": 8}
    path = fit(penalty="l2sp", strengths=[0.1, 0.01], **quick)
    corpus = corpus_of("classify")
    assert all(point.seconds > 0 for point in path.points)
    best = path.model()
    kept = path.points[path.strengths.index(path.best)].scores
    assert score(best, corpus.dev).scores() == pytest.approx(kept, abs=1e-6)
    with pytest.raises(InputError, match="kept at its best strength"):
        path.model(({0.1, 0.01} - {path.best}).pop())
    # A rate of nearly 0 leaves every fit where the one before it ended.
    still = {**quick, "learning_rate": 1e-30}
    started = fit(penalty="l2sp", strengths=[0.1, 0.01], **still)
    assert started.points[0].scores == pytest.approx(started.points[1].scores)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"penalty": "ridge"}, "`penalty` must be one of 'l1', 'l2'"),
        ({"penalty": "l2sp"}, "acts on the encoder, which `freeze='backbone'` keeps"),
        ({"penalty": "elastic_net", "freeze": None}, "needs `freeze='backbone'`"),
        ({"penalty": "elastic_net", "l1_ratio": 2}, "`l1_ratio` must be a number in"),
        ({"l1_ratio": 0.5}, "`l1_ratio` needs `penalty='elastic_net'`"),
        ({"tolerance": 0}, "`tolerance` must be a number in"),
        ({"tolerance": 1e-6, "freeze": None}, "`tolerance` needs `freeze='backbone'`"),
        ({"head": "projection"}, "needs the linear head"),
        ({"head": Linear("attention")}, "needs the linear head"),
        ({"label_smoothing": 0.1}, "`label_smoothing` does not act on a path"),
        ({"no_such": 1}, "unknown recipe field `no_such`"),
    ],
)
def test_refused(given, said, fit):
    with pytest.raises(InputError, match=said):
        fit(**given)


def test_refused_without_dev_rows(preset):
    from dataclasses import replace

    corpus = corpus_of("classify")
    with pytest.raises(InputError, match="no dev split"):
        regularization_path(replace(corpus, dev=None), preset)
    with pytest.raises(InputError, match="dev split must have at least 2 rows"):
        regularization_path(replace(corpus, dev=corpus.dev[:1]), preset)
    with pytest.raises(InputError, match="`corpus` must be a Corpus"):
        regularization_path("reviews/", preset)
