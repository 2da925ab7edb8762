"""Taggers whose tags are scored by the tags around them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

import tfreg
from tests.backbones import tiny, tokenizer
from tests.models.conftest import SENTENCES, TAGS, TEXTS, sgd
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.functional.iob2 import permitted
from tfreg.heads import CRF
from tfreg.objectives import CrossEntropy, PathLikelihood
from tfreg.regularizers import L2, L2SP, ByDepth, GroupLasso, Sum
from tfreg.runs import score

LABELS = ("O", "B-X", "I-X")
FREE = ("NOUN", "VERB", "DET")  # labels of which any may follow any
SHORT = [["the", "good", "movie"], ["bad", "dog"], ["x"], ["good", "bad", "the", "a"]]
SHORT_TAGS = [["O", "B-X", "I-X"], ["B-X", "O"], ["O"], ["O", "B-X", "I-X", "O"]]


def tagger(labels=LABELS, head="crf", seed=1, dtype="float32", **fields):
    """The same tagger for the same seed, whatever its head is."""
    keras.utils.set_random_seed(seed)
    fields = {"sequence_length": 16, "dropout": 0.0, "batch_size": 4, **fields}
    model = build_tagger(
        tiny(dtype=dtype), labels, tokenizer=tokenizer(), head=head, **fields
    )
    random = np.random.default_rng(seed)
    model.logits.kernel.assign(random.normal(0, 0.5, model.logits.kernel.shape))
    return model


def stirred(model, seed=3):
    """With transitions that matter."""
    random = np.random.default_rng(seed)
    for weight in model.transitions.weights:
        weight.assign(random.normal(0, 1.5, weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return stirred(tagger())


def emissions_of(model, sentences):
    """From a tagger with the plain head and the same weights."""
    plain = tagger(model.labels, None)
    weights = {v.path: v for v in model.weights}
    for v in plain.weights:
        if "seed" not in v.path:
            v.assign(weights[v.path])
    return [np.float64(rows) for rows in plain.predict(sentences, verbose=0)]


def chain_of(model):
    """The transitions, those of what is forbidden too, in NumPy."""
    steps, starts = permitted(model.labels)
    between, first, last = (np.float64(v) for v in model.transitions.weights)
    return np.where(steps, between, -np.inf), np.where(starts, first, -np.inf), last


def best_path(emissions, chain):
    """Viterbi's algorithm as in textbooks: forwards, with pointers back."""
    between, first, last = chain
    best, pointers = first + emissions[0], []
    for row in emissions[1:]:
        candidates = best[:, None] + between + row
        pointers.append(candidates.argmax(0))
        best = candidates.max(0)
    path = [int((best + last).argmax())]
    for back in reversed(pointers):
        path.insert(0, int(back[path[0]]))
    return path


def negative_log_likelihood(emissions, tags, chain):
    between, first, last = chain
    gold = first[tags[0]] + last[tags[-1]]
    gold += sum(emissions[t, tag] for t, tag in enumerate(tags))
    gold += sum(between[i, j] for i, j in zip(tags, tags[1:]))
    forward = first + emissions[0]
    for row in emissions[1:]:
        forward = logsumexp(forward[:, None] + between, axis=0) + row
    return logsumexp(forward + last) - gold


def ids_of(tags):
    return [[LABELS.index(tag) for tag in sentence] for sentence in tags]


# --- What it computes ------------------------------------------------------------


def test_the_loss_is_the_likelihood_of_sentences_a_word(model):
    loss = model.evaluate(SHORT, SHORT_TAGS, verbose=0, return_dict=True)["loss"]
    chain = chain_of(model)
    losses = [
        negative_log_likelihood(emissions, tags, chain)
        for emissions, tags in zip(emissions_of(model, SHORT), ids_of(SHORT_TAGS))
    ]
    assert loss == pytest.approx(sum(losses) / sum(map(len, SHORT)), rel=1e-5)


def test_batches_do_not_change_the_loss(model):
    """Sentences of many lengths: together, each by itself, and in another order."""
    words = SHORT + [["a"] * n for n in (6, 9, 13)]
    tags = SHORT_TAGS + [["O"] * n for n in (6, 9, 13)]
    sizes = np.array(list(map(len, words)))
    together = model.evaluate(words, tags, batch_size=7, verbose=0, return_dict=True)
    alone = [
        model.evaluate([w], [t], verbose=0, return_dict=True)["loss"]
        for w, t in zip(words, tags)
    ]
    expected = (alone * sizes).sum() / sizes.sum()
    assert together["loss"] == pytest.approx(expected, rel=1e-5)


def test_predictions_are_the_best_path_of_the_whole_sentence(model):
    """Long ones, too, that are read through windows of 14 pieces."""
    random = np.random.default_rng(0)
    letters = np.array(list("abcdefgh"))
    sentences = [list(random.choice(letters, n)) for n in (1, 5, 14, 15, 40, 61)]
    sentences.insert(2, [])
    found = model.predict(sentences, verbose=0)
    said = model.predict_labels(sentences)
    steps, starts = permitted(LABELS)
    differs = 0
    for words, rows, answer, emissions in zip(
        sentences, found, said, emissions_of(model, sentences)
    ):
        assert len(rows) == len(answer) == len(words)
        if not words:
            continue
        expected = best_path(emissions, chain_of(model))
        assert rows.argmax(-1).tolist() == expected
        assert [word.label for word in answer] == [LABELS[tag] for tag in expected]
        assert starts[expected[0]] and steps[expected[:-1], expected[1:]].all()
        np.testing.assert_allclose(np.exp(rows).sum(-1), 1, atol=0.5)
        differs += sum(emissions.argmax(-1) != expected)
    assert differs > 10  # words by themselves would say something else


def test_scores_go_by_the_best_path(model):
    """In `evaluate`, in `fit`, and in what a run or the command line reports."""
    predicted = [
        [word.label for word in words] for words in model.predict_labels(SHORT)
    ]
    strict = f1_score(SHORT_TAGS, predicted, mode="strict", scheme=IOB2)
    lenient = f1_score(SHORT_TAGS, predicted)
    right = np.mean(
        [a == b for x, y in zip(SHORT_TAGS, predicted) for a, b in zip(x, y)]
    )
    model.compile(optimizer=keras.optimizers.SGD(0.0), run_eagerly=True)
    history = model.fit(
        SHORT, SHORT_TAGS, validation_data=(SHORT, SHORT_TAGS), epochs=1, verbose=0
    ).history
    evaluated = model.evaluate(SHORT, SHORT_TAGS, verbose=0, return_dict=True)
    words, tags = (tuple(map(tuple, x)) for x in (SHORT, SHORT_TAGS))
    reported = score(model, tfreg.Examples("words", words, tags)).scores()
    for scores in (
        {name: values[0] for name, values in history.items()},
        {name[4:]: values[0] for name, values in history.items() if name[:4] == "val_"},
        evaluated,
        reported,
    ):
        assert scores["span_f1_strict"] == pytest.approx(strict, abs=1e-6)
        assert scores["span_f1_lenient"] == pytest.approx(lenient, abs=1e-6)
        assert scores["accuracy"] == pytest.approx(right, abs=1e-6)
        assert scores["cross_entropy"] == pytest.approx(
            evaluated["cross_entropy"], rel=1e-4
        )


def test_without_transitions_it_trains_as_the_plain_head():
    """Weights of words, texts and penalties included."""
    runs = []
    for head in (None, "crf"):
        model = tagger(FREE, head, kernel_regularizer=L2(0.1))
        model.compile(optimizer=sgd(), run_eagerly=True)
        if head:
            model.transitions.trainable = False
            model.compile(optimizer=sgd(), run_eagerly=True)
        tags = [["NOUN", "VERB", "DET", "DET"][: len(words)] for words in SHORT]
        model.fit(
            SHORT,
            tags,
            epochs=2,
            class_weight={"VERB": 3.0},
            sample_weight=np.array([1.0, 0.5, 2.0, 1.0]),
            verbose=0,
        )
        runs.append(model)
    plain, crf = ({v.path: np.array(v) for v in m.trainable_variables} for m in runs)
    assert plain.keys() == crf.keys()
    for path in plain:
        np.testing.assert_allclose(crf[path], plain[path], atol=2e-6, err_msg=path)
    for name, values in runs[0].history.history.items():
        np.testing.assert_allclose(runs[1].history.history[name], values, atol=1e-5)


def test_transitions_learn_what_follows_what(tmp_path):
    """Each word alone could be anything; the order of tags says all."""
    words, tags = [["a"] * 8] * 4, [["NOUN", "VERB"] * 4] * 4
    model = tagger(FREE, freeze="backbone", weight_decay=0.0)
    model.compile(optimizer=keras.optimizers.Adam(0.2), metrics=[])
    model.fit(words, tags, epochs=15, verbose=0, feature_cache=tmp_path)
    between, first, _ = map(np.array, model.transitions.weights)
    assert between[0].argmax() == 1 and between[1].argmax() == 0
    assert first.argmax() == 0
    assert [p.label for p in model.predict_labels(words[:1])[0]] == tags[0]


def test_a_stray_tag_is_not_learned_from_and_breaks_nothing():
    model = tagger()
    model.compile(optimizer=sgd(), run_eagerly=True)
    tags = [["O", "I-X", "I-X"], ["I-X", "O"], ["I-X"], ["O", "B-X", "I-X", "O"]]
    history = model.fit(SHORT, tags, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and max(history["loss"]) < 10


# --- How it is built, saved and trained ------------------------------------------


@pytest.mark.parametrize(
    "fields, message",
    [
        (
            {"label_smoothing": 0.1},
            "`label_smoothing` has no meaning with `head='crf'`",
        ),
        ({"head": "crfs"}, "`head` must be one of None, 'linear', 'crf', 'projection'"),
        (
            {"head": 3},
            "`head` must be one of Bottleneck, CRF, Linear, Projection; got 3",
        ),
        ({"head": {"class_name": "CRF", "config": {"x": 1}}}, "`head` cannot be read"),
    ],
)
def test_what_cannot_be_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        tagger(**fields)


def test_it_is_for_taggers():
    for build in (
        lambda backbone: build_classifier(backbone, ("a", "b"), head="crf"),
        lambda backbone: build_classifier(
            backbone, ("a", "b"), multi_label=True, head=CRF()
        ),
        lambda backbone: build_regressor(backbone, head="crf"),
    ):
        backbone = tiny(max_sequence_length=128)
        with pytest.raises(InputError, match="`head='crf'` is for taggers"):
            build(backbone)
        build_regressor(backbone)  # which was left as it was


def test_no_other_loss_would_train_it(model):
    with pytest.raises(InputError, match="must be PathLikelihood with `head='crf'`"):
        model.compile(loss=CrossEntropy())
    model.compile(loss=PathLikelihood())


def test_the_head_in_every_form_is_one():
    written = {"class_name": "CRF", "config": {"regularizer": None}}
    recipes = [tagger(head=head).recipe for head in (CRF(), written)]
    assert recipes[0] == recipes[1]
    assert tagger().transitions.regularizer is None
    for head in (None, "linear"):
        assert tagger(head=head).transitions is None


def test_penalties_on_transitions_and_kernels():
    model = stirred(tagger(head=CRF(L2(0.5)), kernel_regularizer=L2(0.1)))
    between = np.array(model.transitions.between)
    kernel = np.array(model.logits.kernel)
    expected = [0.1 * (kernel**2).sum(), 0.5 * (between**2).sum()]
    assert sorted(map(float, model.losses)) == pytest.approx(sorted(expected), rel=1e-5)
    for rule in (L2SP(0.1), GroupLasso(0.1), Sum([ByDepth(L2(0.1), 2.0)])):
        with pytest.raises(InputError, match="`regularizer` must be a Keras regula"):
            CRF(rule)


@pytest.mark.parametrize("preset", [False, True])
def test_saved_and_loaded(preset, tmp_path):
    model = stirred(tagger(head=CRF(L2(0.5))))
    model.compile(optimizer=sgd(), run_eagerly=True)
    if preset:
        model.save_to_preset(str(tmp_path / "model"))
        loaded = tfreg.load_model(tmp_path / "model")
    else:
        model.save(tmp_path / "model.keras")
        loaded = tfreg.load_model(tmp_path / "model.keras")
    assert loaded.recipe == model.recipe
    for one, two in zip(model.transitions.weights, loaded.transitions.weights):
        np.testing.assert_array_equal(one, two)
    both = (m.predict(SENTENCES, verbose=0) for m in (loaded, model))
    for one, two in zip(*both):
        np.testing.assert_allclose(one, two, atol=1e-4)
    if not preset:  # which is not compiled
        for one in (model, loaded):
            one.fit(SHORT, SHORT_TAGS, epochs=1, verbose=0)
        assert type(loaded.loss) is PathLikelihood
        for one, two in zip(model.weights, loaded.weights):
            np.testing.assert_allclose(one, two, atol=1e-6, err_msg=one.path)


def trained(**compile_args):
    model = stirred(tagger())
    model.compile(optimizer=sgd(), **compile_args)
    batch = model.preprocessor.batches(
        model.encode(
            tfreg.Examples(
                "words", tuple(map(tuple, SENTENCES)), tuple(map(tuple, TAGS))
            )
        ),
        12,
    ).collate(np.arange(8))
    logs = model.train_on_batch(*batch, return_dict=True)
    return logs, {v.path: np.array(v) for v in model.trainable_variables}


@pytest.mark.slow  # in CI XLA trains objectives
def test_xla_trains_the_same():
    """A batch with windows, in which some words are context."""
    (logs, plain), (compiled_logs, compiled) = trained(), trained(jit_compile=True)
    assert compiled_logs == pytest.approx(logs, abs=1e-5)
    for path in plain:
        np.testing.assert_allclose(compiled[path], plain[path], atol=2e-6, err_msg=path)


@pytest.mark.parametrize(
    "precision", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)]
)
def test_mixed_precision(precision):
    model = tagger(dtype=f"mixed_{precision}", precision=precision)
    assert {v.dtype for v in model.transitions.weights} == {"float32"}
    model.compile(run_eagerly=True)
    # In float16 the first steps may be left out, while a scale for the loss is found.
    history = model.fit(SHORT, SHORT_TAGS, epochs=4, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert any(np.array(v).any() for v in model.transitions.weights)
    assert model.predict(SHORT, verbose=0)[0].dtype == np.float32


def test_batches_accumulated_are_one_batch():
    runs = []
    for size, steps in ((1, 4), (4, 1)):
        model = stirred(tagger(batch_size=size, gradient_accumulation_steps=steps))
        model.compile(optimizer=sgd(), run_eagerly=True)
        model.fit(SHORT, SHORT_TAGS, epochs=2, verbose=0)
        runs.append(model)
    for one, two in zip(*(run.weights for run in runs)):
        np.testing.assert_allclose(one, two, atol=2e-6, err_msg=one.path)


@pytest.mark.parametrize(
    "freeze", [pytest.param("backbone", marks=pytest.mark.slow), 1]
)
def test_features_of_a_frozen_encoder(freeze, tmp_path):
    runs = []
    for cache in (False, tmp_path):
        model = stirred(tagger(freeze=freeze))
        model.compile(optimizer=sgd(), run_eagerly=True)
        model.fit(SENTENCES, TAGS, epochs=2, verbose=0, feature_cache=cache)
        runs.append(model)
    assert len(list(tmp_path.iterdir())) == 1
    for one, two in zip(*(run.weights for run in runs)):
        np.testing.assert_allclose(one, two, atol=1e-6, err_msg=one.path)


def test_ids_and_data_sets_of_ids(model):
    """A word may stand anywhere; a data set may be shuffled."""
    random = np.random.default_rng(0)
    x = {
        "token_ids": random.integers(5, 40, (6, 10)).astype("int32"),
        "padding_mask": np.ones((6, 10), "int32"),
        "segment_ids": np.zeros((6, 10), "int32"),
        "word_positions": np.array([[1, 2, 3, 4]] * 3 + [[2, 0, 5, 7]] * 3, "int32"),
    }
    bare = stirred(tagger())
    bare.preprocessor = None
    found = bare.predict(x, verbose=0)
    emissions, is_word = np.array(bare(x)), x["word_positions"] > 0
    for scores, rows, words in zip(found, emissions, is_word):
        expected = best_path(np.float64(rows[words]), chain_of(bare))
        assert scores[words].argmax(-1).tolist() == expected
    said = bare.predict_labels(x)
    assert [len(row) for row in said] == is_word.sum(1).tolist()
    batches = tf.data.Dataset.from_tensor_slices(x).batch(2)
    np.testing.assert_allclose(bare.predict(batches), found, atol=1e-5)
    np.testing.assert_allclose(bare.predict(batches, steps=2), found[:4], atol=1e-5)
    ragged = tf.data.Dataset.from_tensor_slices(tf.ragged.constant(SHORT)).batch(3)
    for one, two in zip(model.predict(ragged), model.predict(SHORT, verbose=0)):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_texts_are_no_sentences(model):
    with pytest.raises(InputError, match="must be word lists"):
        model.predict(TEXTS)
