"""Raw text in, names out; every form of data means the same."""

from __future__ import annotations

from itertools import chain

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import KINDS, tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS, inputs_of
from tfreg._checks import DataWarning, InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.data.examples import Examples
from tfreg.models import TextClassifier, TokenTagger
from tfreg.objectives import CrossEntropy
from tfreg.recipe import Recipe
from tfreg.regularizers import L2


def classifier(**fields):
    fields = {"sequence_length": 32, "batch_size": 8, **fields}
    return build_classifier(tiny(), ("neg", "pos"), tokenizer=tokenizer(), **fields)


@pytest.fixture(scope="module")
def model():
    return classifier(dropout=0.0)


@pytest.fixture(scope="module")
def tagger():
    return build_tagger(
        tiny(),
        ("O", "B-X", "I-X"),
        tokenizer=tokenizer(),
        sequence_length=16,
        dropout=0.0,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_backbone_classifies_and_tags(kind, ids):
    x, y = ids
    for cls, labels in (
        (TextClassifier, ("neg", "pos")),
        (TokenTagger, ("O", "B-X", "I-X")),
    ):
        model = cls(tiny(kind), labels=labels)
        model.compile(run_eagerly=True)
        batch = inputs_of(model, x)
        target = y
        if cls is TokenTagger:
            batch["word_positions"] = np.array([[1, 2], [1, 0], [3, 0], [1, 0]])
            target = np.array([[0, 1], [2, -1], [0, -1], [1, -1]])
        history = model.fit(batch, target, epochs=1, verbose=0).history
        assert np.isfinite(history["loss"][0])
        assert model.predict(batch, verbose=0).shape[-1] == len(labels)


def test_all_forms_of_data_score_the_same(model):
    examples = Examples("text", tuple(TEXTS), tuple(NAMES))
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, NAMES)).batch(3)
    ids = tf.data.Dataset.from_tensor_slices((TEXTS, [n == "pos" for n in NAMES]))
    numbers = ids.map(lambda x, y: (x, tf.cast(y, tf.int32))).batch(5)
    scores = [
        model.evaluate(*data, verbose=0, return_dict=True)
        for data in (
            (examples,),
            (TEXTS, NAMES),
            (np.array(TEXTS), np.array(NAMES)),
            (model.encode(examples),),
            (dataset,),
            (numbers,),
        )
    ]
    for other in scores[1:]:
        assert other == pytest.approx(scores[0], abs=1e-5)


def test_pairs_in_every_form(model):
    columns = (TEXTS, TEXTS[::-1])
    rows = list(zip(*columns))
    dataset = tf.data.Dataset.from_tensor_slices((columns, NAMES)).batch(4)
    one = model.predict(columns, verbose=0)
    np.testing.assert_allclose(model.predict(rows, verbose=0), one, atol=1e-6)
    np.testing.assert_allclose(
        model.predict(dataset.map(lambda x, y: (x,)), verbose=0), one, atol=1e-6
    )
    assert np.abs(one - model.predict(TEXTS, verbose=0)).max() > 1e-6


def test_predictions_come_in_the_order_given(model):
    together = model.predict(TEXTS, verbose=0)
    alone = np.concatenate([model.predict([t], verbose=0) for t in TEXTS[:4]])
    np.testing.assert_allclose(together[:4], alone, atol=1e-6)
    assert model.predict_labels([]) == []


def test_predict_labels_gives_names_and_probabilities(model):
    for text, said in zip(TEXTS[:4], model.predict_labels(TEXTS[:4])):
        z = model.predict([text], verbose=0)[0].astype("float64")
        p = np.exp(z) / np.exp(z).sum()
        assert said.label == ("neg", "pos")[int(p.argmax())]
        assert said.probability == pytest.approx(p.max(), abs=1e-6)
        assert said.probabilities == pytest.approx(dict(neg=p[0], pos=p[1]), abs=1e-6)


def test_fit_counts_its_steps_and_keeps_the_best_epoch(monkeypatch):
    model = classifier(learning_rate=1e-3, epochs=3)
    restored = []
    original = keras.callbacks.EarlyStopping.on_train_end
    monkeypatch.setattr(
        keras.callbacks.EarlyStopping,
        "on_train_end",
        lambda self, logs=None: (restored.append(self.best_epoch), original(self)),
    )
    model.fit(TEXTS, NAMES, validation_data=(TEXTS, NAMES), verbose=0)
    assert model.optimizer.get_config()["learning_rate"]["config"]["total_steps"] == 6
    assert len(restored) == 1
    scores = model.evaluate(TEXTS, NAMES, verbose=0, return_dict=True)
    best = model.history.history["val_accuracy"][restored[0]]
    assert scores["accuracy"] == pytest.approx(best)
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)  # a fit of its own: warms up again
    schedule = model.optimizer.get_config()["learning_rate"]["config"]
    assert (schedule["first_step"], schedule["total_steps"]) == (6, 2)


def test_the_users_own_early_stopping_is_left_alone(model):
    own = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1)
    model.fit(TEXTS, NAMES, validation_data=(TEXTS, NAMES), epochs=1, callbacks=[own],
              verbose=0)  # fmt: skip
    assert own.best_weights is None


def test_the_same_seed_gives_the_same_fit():
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(7)  # of the random backbone
        model = classifier(backbone_dropout=0.1, epochs=2)
        model.fit(TEXTS, NAMES, verbose=0)
        runs.append(model.predict(TEXTS, verbose=0))
    np.testing.assert_array_equal(*runs)


def test_cut_texts_are_counted():
    model = classifier(sequence_length=8)
    with pytest.warns(DataWarning, match="^4 of 16 texts cut to sequence_length=8$"):
        model.predict(TEXTS, verbose=0)


def test_class_weights_multiply_the_loss_of_their_class(model):
    examples = Examples("text", tuple(TEXTS[:4]), tuple(NAMES[:4]))
    encoded = model.encode(examples, class_weight={"pos": 3.0})
    logits = model.predict(TEXTS[:4], verbose=0).astype("float64")
    ids = [1, 0, 1, 0]
    each = np.log(np.exp(logits).sum(1)) - logits[np.arange(4), ids]
    expected = (each * [3, 1, 3, 1]).sum() / 4
    loss = model.evaluate(encoded, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "x, y, message",
    [
        (["a\0b"], ["pos"], "row 0: a NUL character"),
        (["a", "\ud800"], ["pos", "neg"], "row 1: a lone surrogate"),
        (["a"], ["good"], "'good' is not one of the labels 'neg', 'pos'"),
        ("a text", None, "must be a sequence of texts"),
        ([["a", "b", "c"]], ["pos"], "must be two strings"),
        (Examples("words", (("a",),), (("pos",),)), None, "takes texts or pairs"),
        (["a"], None, "must be labelled"),
        (3.0, None, "must be texts"),
    ],
)
def test_what_cannot_be_trained_on_says_so(x, y, message, model):
    with pytest.raises(InputError, match=message):
        model.fit(x, y, verbose=0)


def test_compile_does_not_take_regularizers(model):
    message = (
        r"`compile\(kernel_regularizer=...\)` would do nothing.*"
        r"build_classifier\(preset, ..., kernel_regularizer=...\)"
    )
    with pytest.raises(InputError, match=message):
        model.compile(kernel_regularizer=L2(0.1))
    with pytest.raises(InputError, match=r"compile\(dropout=...\)"):
        model.compile(dropout=0.1)


def test_a_loss_that_drops_the_smoothing_is_refused():
    model = classifier(label_smoothing=0.1)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    message = "`fit`: the recipe has `label_smoothing`=0.1, which the 'sparse_categ"
    with pytest.raises(InputError, match=message):
        model.fit(TEXTS, NAMES, verbose=0)
    model.compile(loss=CrossEntropy(0.2))  # the user's own word
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)


def test_multi_label():
    model = build_classifier(
        tiny(), ("a", "b", "c"), multi_label=True, tokenizer=tokenizer(),
        sequence_length=32, learning_rate=1e-2, dropout=0.0, epochs=8,
    )  # fmt: skip
    names = [["a", "b"], [], ["a", "b"], ["c"]] * 4
    model.fit(TEXTS, names, verbose=0)
    logits = model.predict(TEXTS[:4], verbose=0)
    for row, said in zip(logits, model.predict_labels(TEXTS[:4])):
        assert said.label == tuple(n for n, z in zip("abc", row) if z >= 0)
        p = 1 / (1 + np.exp(-row.astype("float64")))
        np.testing.assert_allclose(list(said.probabilities.values()), p, atol=1e-6)


def test_regressor_learns_a_number():
    model = build_regressor(
        tiny(), tokenizer=tokenizer(), sequence_length=32, learning_rate=3e-3,
        dropout=0.0, epochs=20, batch_size=4, weight_decay=0.0,
    )  # fmt: skip
    numbers = [float(name == "pos") for name in NAMES]
    history = model.fit((TEXTS, TEXTS), numbers, verbose=0).history
    assert history["mse"][-1] < 0.5 * history["mse"][0]
    assert model.predict((TEXTS, TEXTS), verbose=0).shape == (16, 1)
    with pytest.raises(InputError, match=r"y\[1\] must be a finite number; got nan"):
        model.fit(TEXTS[:2], [1.0, float("nan")])
    with pytest.raises(InputError, match="label_smoothing"):
        build_regressor(tiny(), label_smoothing=0.1, sequence_length=32)


# --- tagging ---------------------------------------------------------------------


def test_every_word_gets_one_tag(tagger):
    words = [["\u200b", "\u00ad", "\u2028", "dog"], ["x" * 300] * 3, [], ["a"] * 500]
    said = tagger.predict_labels(words)
    assert [len(sentence) for sentence in said] == [4, 3, 0, 500]
    assert all(p.label in tagger.labels for sentence in said for p in sentence)


def test_long_texts_are_read_through_windows(tagger):
    """Words of a window see what they would see alone."""
    long = ["a"] * 40
    encoded = tagger.encode(Examples("words", (tuple(long),)))
    assert len(encoded) > 1 and encoded.lengths.max() <= 16
    whole = tagger.predict([long], verbose=0)[0]
    pieces = encoded.lengths[0] - 2
    first = tagger.predict([long[:pieces]], verbose=0)[0]
    end = encoded.answers[0][1]
    np.testing.assert_allclose(whole[:end], first[:end], atol=1e-5)


def test_the_loss_of_a_sentence_does_not_depend_on_padding(tagger):
    short = Examples("words", (("good", "dog"),), (("B-X", "O"),))
    alone = tagger.evaluate(short, verbose=0, return_dict=True)
    x, y = tagger.preprocessor.batches(tagger.encode(short), 1).collate(np.arange(1))
    wide = {k: np.pad(v, ((0, 0), (0, 24))) for k, v in x.items()}
    padded = np.pad(y, ((0, 0), (0, 24)), constant_values=-1)
    loss = tagger.compute_loss(None, padded, tagger(wide), None, training=False)
    assert float(loss) == pytest.approx(alone["loss"], abs=1e-6)


def test_loss_and_scores_count_each_real_word_once(tagger):
    examples = Examples("words", tuple(map(tuple, SENTENCES)), tuple(map(tuple, TAGS)))
    logits = tagger.predict(examples, verbose=0)
    losses, hits = [], []
    for row, tags in zip(logits, TAGS):
        ids = [tagger.labels.index(tag) for tag in tags]
        z = row.astype("float64")
        losses += list(np.log(np.exp(z).sum(1)) - z[np.arange(len(ids)), ids])
        hits += list(z.argmax(1) == ids)
    scores = tagger.evaluate(examples, verbose=0, return_dict=True)
    assert len(losses) == sum(map(len, SENTENCES))
    assert scores["cross_entropy"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert scores["accuracy"] == pytest.approx(np.mean(hits), abs=1e-6)


@pytest.mark.parametrize("length", [2, 3])
def test_class_weights_of_taggers(tagger, length):
    """Keras's own crash here, or weigh wrongly where batch and length agree."""
    sentences = [["good", "dog", "bad"][:length]] * length
    tags = [["B-X", "O", "O"][:length]] * length
    dataset = tf.data.Dataset.from_tensor_slices(
        (tf.ragged.constant(sentences), tf.ragged.constant(tags))
    ).batch(length)
    logits = tagger.predict(sentences, verbose=0)[0].astype("float64")
    ids = [tagger.labels.index(tag) for tag in tags[0]]
    each = np.log(np.exp(logits).sum(1)) - logits[np.arange(length), ids]
    expected = (each * np.where(np.array(ids) == 0, 0.1, 1.0)).mean()
    still = keras.optimizers.SGD(0.0)
    tagger.compile(optimizer=still)
    for data in ((sentences, tags), (dataset,)):
        history = tagger.fit(*data, epochs=1, class_weight={"O": 0.1}, verbose=0)
        assert history.history["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_tags_of_other_sentences_than_the_words(tagger):
    words = tf.ragged.constant([["good", "dog"], ["bad"]])
    tags = tf.ragged.constant([["O"], ["B-X", "O"]])  # as many in all
    dataset = tf.data.Dataset.from_tensors((words, tags))
    with pytest.raises(tf.errors.OpError, match="one tag for each of 2 words"):
        tagger.fit(dataset, epochs=1, verbose=0)


def test_ids_without_a_tokenizer():
    model = TextClassifier(tiny(), labels=("a", "b"), recipe=Recipe(batch_size=2))
    model.compile(run_eagerly=True)
    x = {name: np.ones((4, 8), "int32") for name in model.input}
    model.fit(x, np.array(["a", "b", "a", "b"]), epochs=1, verbose=0)
    with pytest.raises(InputError, match="takes ids, not text"):
        model.encode(Examples("text", ("a",)))


def test_predict_takes_what_it_uses(model, tagger):
    for one, x in ((model, TEXTS), (tagger, SENTENCES)):
        with pytest.raises(InputError, match="`predict` takes `steps` with a tf.data"):
            one.predict(x, steps=1)


def test_predicting_a_stream_in_chunks_makes_no_data_sets(model, monkeypatch):
    """A data set for each chunk leaks a little; an endless stream has many."""

    def never(*args, **kwargs):
        raise AssertionError("made a data set")

    monkeypatch.setattr(tf.data.Dataset, "from_generator", never)
    assert len(model.predict_labels(TEXTS)) == len(TEXTS)


def test_two_pairs_in_a_tuple_are_rows(model):
    rows = (("good", "bad"), ("movie", "the"))
    one = model.predict(rows, verbose=0)
    np.testing.assert_allclose(model.predict(list(rows), verbose=0), one, atol=1e-6)
    columns = (["good", "movie"], ["bad", "the"])
    np.testing.assert_allclose(model.predict(columns, verbose=0), one, atol=1e-6)


def test_a_taggers_own_data_set_gets_a_tag_a_word_and_no_more(tagger):
    sentences = [["good", "dog"], ["bad"], ["a"] * 30]
    dataset = tf.data.Dataset.from_tensor_slices(tf.ragged.constant(sentences)).batch(2)
    found, expected = tagger.predict_labels(dataset), tagger.predict_labels(sentences)
    assert [len(row) for row in found] == [len(row) for row in expected]
    for mine, other in zip(chain(*found), chain(*expected)):
        assert mine.label == other.label
        assert mine.probability == pytest.approx(other.probability, abs=1e-6)
    tags = tf.ragged.constant([["O"] * len(words) for words in sentences])
    both = tf.data.Dataset.from_tensor_slices((tf.ragged.constant(sentences), tags))
    assert [len(s) for s in tagger.predict(both.batch(2))] == [2, 1, 30]
    endless = dataset.repeat()
    found = tagger.predict(endless, steps=3, verbose=0)
    assert [len(sentence) for sentence in found] == [2, 1, 30, 2, 1]
    with pytest.raises(InputError, match="`predict` takes no `callbacks` with a data"):
        tagger.predict(dataset, callbacks=[])


def test_labels_of_preprocessor_and_model_must_agree(model):
    with pytest.raises(InputError, match="`preprocessor.labels` must be the model's"):
        TextClassifier(
            tiny(), model.preprocessor, labels=("pos", "neg"), recipe=model.recipe
        )


@pytest.mark.parametrize(
    "dev, message",
    [
        (([], []), "must be labelled, at least one"),
        ((TEXTS, None), "must be labelled, at least one"),
        ((tf.data.Dataset.from_tensors(["a"]), ["pos"]), "`y` must be left out"),
    ],
)
def test_dev_data_that_cannot_score(model, dev, message):
    with pytest.raises(InputError, match=message):
        model.fit(TEXTS, NAMES, validation_data=dev, epochs=1, verbose=0)


def test_dev_data_in_a_list_and_one_callback(model):
    seen = keras.callbacks.History()
    history = model.fit(
        TEXTS,
        NAMES,
        validation_data=[TEXTS, NAMES],
        callbacks=seen,
        epochs=1,
        verbose=0,
    ).history
    assert history["val_accuracy"] == seen.history["val_accuracy"]
    for name in ("shuffle", "validation_split", "validation_batch_size"):
        with pytest.raises(InputError, match=f"`{name}` is not taken"):
            model.fit(TEXTS, NAMES, **{name: 1})
    with pytest.raises(InputError, match="`y` must be left out"):
        model.fit(model.encode(Examples("text", ("a",), ("pos",))), ["pos"])


def test_names_of_models_that_take_ids():
    x = {name: np.ones((2, 8), "int32") for name in tiny().input}
    many = TextClassifier(tiny(), labels=("a", "b"), multi_label=True)
    many.compile(run_eagerly=True)
    many.fit(x, [["a"], ["a", "b"]], epochs=1, verbose=0)
    tagger = TokenTagger(tiny(), labels=("O", "B-X"))
    tagger.compile(run_eagerly=True)
    x["word_positions"] = np.array([[1, 2, 3], [1, 0, 0]])
    tagger.fit(x, [["O", "B-X", "O"], ["O"]], epochs=1, verbose=0)
    assert [len(said) for said in tagger.predict_labels(x)] == [3, 1]
