"""Parts of words add up, are an independent integral's, and stand at their words."""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import KINDS, tiny, tokenizer
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.inspect import Explanation, explain
from tfreg.inspect.explain import word_places

FIELDS = {"tokenizer": tokenizer(), "sequence_length": 16}
TEXT = "the bad cab movie"


def moved(model, scale=1.0):
    """Weights that say something: the tiny encoder's own are near zero."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith(("kernel", "embeddings")):
            noise = random.normal(0, 0.2 * scale, weight.shape)
            weight.assign_add(noise.astype("float32"))
    return model


@pytest.fixture(scope="module")
def classifier():
    return moved(build_classifier(tiny(), ("no", "yes"), **FIELDS))


def total(found):
    return sum(found.parts)


@pytest.mark.parametrize("target", [None, "no", "yes"])
def test_parts_add_up(classifier, target):
    (found,) = explain(classifier, [TEXT], target, steps=128)
    said = classifier.predict_labels([TEXT])[0]
    label = target or said.label
    assert found.label == label
    assert found.value == pytest.approx(said.probabilities[label], abs=1e-6)
    assert total(found) == pytest.approx(found.value - found.hidden, abs=2e-3)
    assert found.gap == pytest.approx(found.value - found.hidden - total(found))
    assert found.words == ("the", "bad", "cab", "movie")


def test_more_steps_leave_less(classifier):
    gaps = [abs(explain(classifier, [TEXT], steps=n)[0].gap) for n in (2, 64)]
    assert gaps[1] < gaps[0] / 4


def test_parts_are_another_integrals(classifier):
    """Keras's own sub-model from the embeddings on, a tape, and the trapezoid rule."""
    backbone = classifier.backbone
    embeddings = backbone.get_layer("embeddings_dropout").output
    below = keras.Model(backbone.input, embeddings)
    mask = backbone.input["padding_mask"]
    above = keras.Model([embeddings, mask], backbone.output["pooled_output"])
    ids = classifier.encode(_examples([TEXT])).pieces[0][None]
    hidden = np.where(np.isin(ids, [2, 3]), ids, 4)  # [CLS], [SEP]; [MASK]
    ones, zeros = tf.ones_like(ids), tf.zeros_like(ids)

    def embedded(ids):
        x = {"token_ids": tf.constant(ids), "padding_mask": ones, "segment_ids": zeros}
        return below(x, training=False)

    start, end = embedded(hidden), embedded(ids)
    slopes = []
    for share in np.linspace(0, 1, 201):
        point = start + share * (end - start)
        with tf.GradientTape() as tape:
            tape.watch(point)
            logits = classifier.logits(above([point, ones], training=False))
            value = keras.ops.softmax(logits)[0, 1]
        slopes.append(tape.gradient(value, point))
    mean = sum(slopes[1:-1], (slopes[0] + slopes[-1]) / 2) / 200
    pieces = np.sum((end - start) * mean, axis=-1)[0]
    # [CLS] the bad c ##a ##b movie [SEP]
    expected = [pieces[1], pieces[2], pieces[3:6].sum(), pieces[6]]
    (found,) = explain(classifier, [TEXT], "yes", steps=200)
    np.testing.assert_allclose(found.parts, expected, atol=2e-4)
    assert pieces[0] == pieces[-1] == 0  # special pieces are the same in both


def _examples(texts):
    from tfreg.data.examples import Examples

    return Examples("text", tuple(texts))


def test_a_regressors_number_and_pairs():
    model = moved(build_regressor(tiny(), **FIELDS))
    pairs = [("the bad", "good movie"), ("a", "b")]
    found = explain(model, pairs, steps=128)
    numbers = model.predict(pairs, verbose=0)[:, 0]
    assert [each.value for each in found] == pytest.approx(numbers.tolist(), abs=1e-5)
    assert found[0].words == ("the", "bad", "good", "movie")
    assert found[0].label is None
    assert total(found[0]) == pytest.approx(found[0].value - found[0].hidden, abs=2e-2)


def test_several_labels():
    model = build_classifier(tiny(), ("a", "b", "c"), multi_label=True, **FIELDS)
    moved(model)
    (found,) = explain(model, [TEXT], "b", steps=128)
    said = model.predict_labels([TEXT])[0].probabilities["b"]
    assert found.value == pytest.approx(said, abs=1e-6)
    assert total(found) == pytest.approx(found.value - found.hidden, abs=2e-3)


@pytest.mark.parametrize(
    "head", [pytest.param("linear", marks=pytest.mark.slow), "crf"]
)
def test_each_tagged_word_of_a_long_sentence(head):
    model = moved(build_tagger(tiny(), ("O", "B-X", "I-X"), head=head, **FIELDS))
    sentence = [*"abc", "cab", *"defgh", "bad", *"ijklmnopq", "good", *"rst"]
    tags = [tag.label for tag in model.predict_labels([sentence])[0]]
    found = explain(model, [sentence, ["a"]], steps=64)
    of_first = [each for each in found if len(each.words) > 1]
    tagged = [(word, tag) for word, tag in zip(sentence, tags) if tag != "O"]
    assert len(tagged) > 3
    assert [(each.words[each.word], each.label) for each in of_first] == tagged
    for each in of_first:  # the words of its window, as they stand in the sentence
        begin = "".join(sentence).index("".join(each.words))
        assert "".join(sentence)[begin:].startswith("".join(each.words))
        assert total(each) == pytest.approx(each.value - each.hidden, abs=1e-2)
    only = explain(model, [sentence], tagged[0][1], steps=1)
    assert {each.label for each in only} == {tagged[0][1]}


@pytest.mark.parametrize("kind", KINDS)
def test_any_encoder(kind):
    model = moved(build_classifier(tiny(kind), ("no", "yes"), **FIELDS), 0.2)
    (found,) = explain(model, [TEXT], steps=64)
    assert total(found) == pytest.approx(found.value - found.hidden, abs=1e-2)


def test_half_precision(classifier):
    model = build_classifier(
        tiny(dtype="mixed_bfloat16"), ("no", "yes"), precision="bfloat16", **FIELDS
    )
    for mine, theirs in zip(model.weights, classifier.weights):
        mine.assign(theirs)
    (half,) = explain(model, [TEXT], "yes")
    (full,) = explain(classifier, [TEXT], "yes")
    np.testing.assert_allclose(half.parts, full.parts, atol=0.05)


def test_it_shows_itself(classifier):
    (found,) = explain(classifier, ["a b c"], steps=4)
    page = found._repr_html_()
    assert page.count("<span") == 3 and "with all words hidden" in page
    file = io.StringIO()
    found.print(file=file)
    title, text, strongest = file.getvalue().splitlines()
    assert title == found.title and text == "a b c"
    assert sorted(strongest.split()[1::2]) == ["a", "b", "c"]
    tag = Explanation(("<b>", "&"), (0.5, -0.25), "<X>", 0.5, 0.25, 0.0, word=1)
    assert "<b>" not in tag.html() and "&lt;b&gt;" in tag.html()
    assert tag.title == "&: <X> 0.500 (0.250 with all words hidden)"
    assert tag.strongest == [("<b>", 0.5), ("&", -0.25)]


def test_no_words(classifier):
    (found,) = explain(classifier, [""], steps=2)
    assert found.words == () and found.gap == pytest.approx(0, abs=1e-6)
    found.print(file=io.StringIO())
    assert explain(classifier, []) == []


@pytest.mark.parametrize(
    "given, message",
    [
        ({"texts": [TEXT], "target": "maybe"}, "one of no, yes; got 'maybe'"),
        ({"texts": [TEXT], "steps": 0}, "`steps`"),
        ({"texts": TEXT}, "sequence of texts"),
        ({"texts": {"token_ids": []}}, "lists of texts"),
    ],
)
def test_what_cannot_be_explained(classifier, given, message):
    with pytest.raises(InputError, match=message):
        explain(classifier, **given)


def test_pieces_of_words():
    pieces = build_classifier(tiny(), ("a", "b"), **FIELDS).preprocessor.pieces
    ids = np.array([pieces.start, *pieces.of_texts(["cab good"])[0], pieces.end])
    assert [places.tolist() for places in word_places(pieces, ids)] == [[1, 2, 3], [4]]
