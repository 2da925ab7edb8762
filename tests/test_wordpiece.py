"""Ids are Hugging Face's, in graphs and outside, and stay so through saving."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from tests.huggingface_folders import PIECES
from tfreg._checks import InputError
from tfreg._wordpiece import BertWordPieceTokenizer


def pieces(text, vocabulary=PIECES, **settings):
    tokenizer = BertWordPieceTokenizer(vocabulary, **settings)
    return [vocabulary[i] for i in tokenizer([text])[0]]


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, ["cafe", "中", "国"]),
        ({"strip_accents": False}, ["café", "中", "国"]),
        ({"lowercase": False}, ["Café", "中", "国"]),
        ({"lowercase": False, "strip_accents": True}, ["Cafe", "中", "国"]),
        ({"split_on_cjk": False}, ["cafe", "中国"]),
    ],
)
def test_settings_do_what_they_say(settings, expected):
    assert pieces("Café 中国", **settings) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a…b", ["a", "…", "b"]),  # KerasHub folds it to three dots: unknown
        ("a\u00a0b\u2003a\u2028b\ta", ["a", "b", "a", "b", "a"]),
        ("a\u00adb a\u200bb a\u0007b", ["a", "##b"] * 3),
        ("a,b", ["a", "[UNK]", "b"]),
        ("[SEP] a", ["[UNK]", "[UNK]", "[UNK]", "a"]),
        ("a" + "b" * 99, ["a"] + ["##b"] * 99),
        ("a" + "b" * 100, ["[UNK]"]),
        ("", []),
    ],
)
def test_words_are_cut_as_hugging_face_cuts_them(text, expected):
    assert pieces(text) == expected


def test_a_long_word_is_counted_in_characters_not_bytes():
    vocabulary = [*PIECES, "ก", "##ก"]
    assert pieces("ก" * 100, vocabulary) == ["ก"] + ["##ก"] * 99
    assert pieces("ก" * 101, vocabulary) == ["[UNK]"]


def test_letters_are_lowered_one_by_one():
    vocabulary = [*PIECES, "ασ", "straße"]
    assert pieces("ΑΣ STRAßE", vocabulary) == ["ασ", "straße"]


def test_lowering_ignores_the_language_of_the_machine():
    code = (
        "from tfreg._wordpiece import BertWordPieceTokenizer as T\n"
        "t = T(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'title'])\n"
        "print([int(i) for i in t('TITLE')])\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "LC_ALL": "tr_TR.UTF-8",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[5]"


def test_shapes_follow_the_input():
    tokenizer = BertWordPieceTokenizer(PIECES)
    a, b = PIECES.index("a"), PIECES.index("b")
    np.testing.assert_array_equal(tokenizer("a b"), [a, b])
    words = tf.ragged.constant([["a", "a b"], ["b"]])
    data = tf.data.Dataset.from_tensors(words).map(tokenizer)  # a graph
    assert next(iter(data)).to_list() == [[[a], [a, b]], [[b]]]
    dense = BertWordPieceTokenizer(PIECES, sequence_length=3)
    np.testing.assert_array_equal(dense(["a b", "b"]), [[a, b, 0], [b, 0, 0]])


def test_what_would_be_ignored_is_refused():
    with pytest.raises(InputError, match="`split`"):
        BertWordPieceTokenizer(PIECES, split=False)
    with pytest.raises(InputError, match="`special_tokens_in_strings`"):
        BertWordPieceTokenizer(PIECES, special_tokens_in_strings=True)


SETTINGS = {
    "lowercase": False,
    "strip_accents": True,
    "split_on_cjk": False,
    "clean_text": False,
}


def backbone():
    return keras_hub.models.BertBackbone(
        vocabulary_size=len(PIECES),
        num_layers=1,
        num_heads=1,
        hidden_dim=4,
        intermediate_dim=4,
        max_sequence_length=8,
    )


def test_settings_survive_a_saved_model(tmp_path):
    tokenizer = BertWordPieceTokenizer(PIECES, **SETTINGS)
    model = keras_hub.models.BertTextClassifier(
        backbone(),
        num_classes=2,
        preprocessor=keras_hub.models.BertTextClassifierPreprocessor(tokenizer),
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").preprocessor.tokenizer
    assert type(loaded) is BertWordPieceTokenizer
    assert {name: getattr(loaded, name) for name in SETTINGS} == SETTINGS
    assert loaded.get_vocabulary() == PIECES
    assert list(loaded("Café 中国")) == list(tokenizer("Café 中国"))


def test_settings_survive_a_preset_folder(tmp_path):
    backbone().save_to_preset(tmp_path)
    BertWordPieceTokenizer(PIECES, **SETTINGS).save_to_preset(tmp_path)
    loaded = keras_hub.tokenizers.Tokenizer.from_preset(str(tmp_path))
    assert type(loaded) is BertWordPieceTokenizer
    assert {name: getattr(loaded, name) for name in SETTINGS} == SETTINGS


def test_kerashub_still_finds_its_own_tokenizer(tmp_path):
    backbone().save_to_preset(tmp_path)
    keras_hub.models.BertTokenizer(PIECES).save_to_preset(tmp_path)
    for cls in (keras_hub.models.BertTokenizer, keras_hub.tokenizers.Tokenizer):
        found = cls.from_preset(str(tmp_path))
        assert type(found) is keras_hub.models.BertTokenizer
    from keras_hub.src.utils.preset_utils import find_subclass, list_subclasses

    assert BertWordPieceTokenizer in list_subclasses(keras_hub.tokenizers.Tokenizer)
    chosen = find_subclass(
        "any", keras_hub.tokenizers.Tokenizer, keras_hub.models.BertBackbone
    )
    assert chosen is keras_hub.models.BertTokenizer
