"""The temperature is scikit-learn's, is in the weights, and changes no answer."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import tfreg
from tests.backbones import LETTERS, tiny, tokenizer
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.inspect import calibrate, draw_reliability
from tfreg.metrics.scores import cross_entropy

FIELDS = {"tokenizer": tokenizer(), "sequence_length": 16, "dropout": 0.0}


def texts(count):
    random = np.random.default_rng(0)
    return ["".join(random.choice(list(LETTERS), 6)) for _ in range(count)]


def sure_of_itself(model, scale=200.0):
    """A head so wide that its probabilities are far from the middle."""
    random = np.random.default_rng(1)
    shape = model.logits.kernel.shape
    model.logits.kernel.assign(scale * random.normal(0, 0.02, shape))
    return model


def noisy_labels(model, x, labels):
    """What it says, but wrong three times of ten."""
    random = np.random.default_rng(2)
    said = [each.label for each in model.predict_labels(x)]
    return [str(random.choice(labels)) if random.random() < 0.3 else s for s in said]


@pytest.fixture
def classifier():
    return sure_of_itself(build_classifier(tiny(), ("no", "yes"), **FIELDS))


def test_two_classes_are_a_logistic_regression_on_their_difference(classifier):
    x = texts(200)
    y = noisy_labels(classifier, x, ("no", "yes"))
    logits = classifier.predict(x, verbose=0).astype("float64")
    line = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    line.fit(logits[:, 1:] - logits[:, :1], y)
    found = calibrate(classifier, (x, y))
    assert found.temperature == pytest.approx(1 / line.coef_[0, 0], rel=1e-3)
    assert found.cross_entropy_after < found.cross_entropy_before
    assert found.error_after < found.error_before


def test_answers_stay_and_the_change_is_saved(classifier, tmp_path):
    x = texts(40)
    y = noisy_labels(classifier, x, ("no", "yes"))
    before = classifier.predict(x, verbose=0)
    found = calibrate(classifier, (x, y))
    after = classifier.predict(x, verbose=0)
    np.testing.assert_allclose(after, before / found.temperature, rtol=1e-4, atol=1e-5)
    classifier.save(str(tmp_path / "m.keras"))
    again = tfreg.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), after)
    # Nothing is left to do.
    assert calibrate(again, (x, y)).temperature == pytest.approx(1.0, abs=1e-3)


def test_several_labels_are_so_many_logistic_regressions_of_one_slope():
    model = build_classifier(tiny(), ("a", "b", "c"), multi_label=True, **FIELDS)
    sure_of_itself(model, 60.0)
    x = texts(100)
    logits = model.predict(x, verbose=0).astype("float64")
    random = np.random.default_rng(3)
    true = (random.random(logits.shape) < 0.3) ^ (logits > 0)
    y = [tuple(np.array(["a", "b", "c"])[row]) for row in true]
    line = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    line.fit(logits.reshape(-1, 1), true.ravel())
    found = calibrate(model, (x, y))
    assert found.temperature == pytest.approx(1 / line.coef_[0, 0], rel=1e-3)


def test_a_tagger_counts_words():
    model = sure_of_itself(build_tagger(tiny(), ("O", "B-X"), **FIELDS))
    words = [tuple(text) for text in texts(40)]
    said = [[tag.label for tag in tags] for tags in model.predict_labels(words)]
    random = np.random.default_rng(4)
    tags = [
        ["O" if random.random() < 0.2 else tag for tag in sentence] for sentence in said
    ]
    logits = np.concatenate(model.predict(words, verbose=0)).astype("float64")
    ids = np.array([tag == "B-X" for sentence in tags for tag in sentence], int)
    found = calibrate(model, (words, tags))
    grid = np.geomspace(0.01, 100, 20001)
    best = min(grid, key=lambda t: cross_entropy(logits / t, ids))
    assert found.temperature == pytest.approx(best, rel=1e-3)


def test_what_cannot_be_calibrated(classifier):
    x = texts(4)
    said = [each.label for each in classifier.predict_labels(x)]
    with pytest.raises(InputError, match="no best temperature"):
        calibrate(classifier, (x, said))
    wrong = ["no" if label == "yes" else "yes" for label in said]
    assert calibrate(classifier, (x, wrong)).temperature == pytest.approx(
        1000, rel=0.01
    )
    with pytest.raises(InputError, match="no labels"):
        calibrate(classifier, x)
    with pytest.raises(InputError, match="gives no probabilities"):
        calibrate(build_regressor(tiny(), **FIELDS), (x, [1.0, 2.0, 3.0, 4.0]))
    crf = build_tagger(tiny(), ("O", "B-X"), head="crf", **FIELDS)
    with pytest.raises(InputError, match="CRF"):
        calibrate(crf, ([("a",)], [("O",)]))


def test_the_diagram_shows_the_bins(classifier, tmp_path):
    x = texts(50)
    y = noisy_labels(classifier, x, ("no", "yes"))
    figure = draw_reliability(classifier, (x, y), tmp_path / "r.png")
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    points = figure.axes[0].lines[1].get_xydata()
    sizes = [bar.get_height() for bar in figure.axes[1].patches]
    assert sum(sizes) == 50 and len(sizes) == len(points)
    error = sum(size / 50 * abs(p - r) for size, (p, r) in zip(sizes, points))
    assert f"calibration error {error:.3f}" in figure.axes[0].get_title()
