"""Whose word counts, `tokenizer_config.json`'s or `tokenizer.json`'s.

Expectations were seen in Transformers 5.23 (`AutoTokenizer`) on the same folders.
"""

from __future__ import annotations

import json
import warnings

import keras_hub
import pytest

from tests.huggingface_folders import PIECES, fast_tokenizer, write
from tfreg._checks import DataWarning, InputError
from tfreg._huggingface_tokenizer import load_tokenizer


def cut(folder, text="Café 中国"):
    tokenizer = load_tokenizer(folder, "bert", len(PIECES))
    return [PIECES[i] for i in tokenizer(text)]


@pytest.mark.parametrize(
    "said, expected",
    [
        (None, ["cafe", "中", "国"]),
        ({}, ["cafe", "中", "国"]),
        ({"do_lower_case": True, "strip_accents": None}, ["cafe", "中", "国"]),
        ({"do_lower_case": False}, ["Café", "中", "国"]),
        ({"do_lower_case": False, "strip_accents": True}, ["Cafe", "中", "国"]),
        ({"strip_accents": False, "tokenize_chinese_chars": False}, ["café", "中国"]),
    ],
)
def test_the_tokenizer_config_decides(tmp_path, said, expected):
    assert cut(write(tmp_path, tokenizer_config=said)) == expected


@pytest.mark.parametrize("name", ["BertTokenizer", "BertTokenizerFast", None])
def test_it_decides_against_tokenizer_json_too_and_says_so(tmp_path, name):
    said = {"tokenizer_class": name}
    fast = fast_tokenizer({"lowercase": False})
    write(tmp_path, tokenizer_config=said, tokenizer_json=fast)
    with pytest.warns(DataWarning, match="'lowercase': False"):
        assert cut(tmp_path) == ["cafe", "中", "国"]


@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "TokenizersBackend"])
def test_a_generic_tokenizer_follows_tokenizer_json(tmp_path, name):
    said = {"tokenizer_class": name, "do_lower_case": True}
    fast = fast_tokenizer({"lowercase": False, "handle_chinese_chars": False})
    write(tmp_path, tokenizer_config=said, tokenizer_json=fast, vocabulary=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cut(tmp_path) == ["Café", "中国"]


def test_added_tokens_and_another_vocabulary_are_warned_about(tmp_path):
    fast = fast_tokenizer({"lowercase": True})
    fast["added_tokens"] = [{"content": "[SEP]"}, {"content": "<e1>"}]
    write(tmp_path, tokenizer_json=fast, vocabulary=PIECES[:-1])
    with pytest.warns(DataWarning) as caught:
        assert cut(tmp_path, "…") == ["…"]
    messages = " ".join(str(warning.message) for warning in caught)
    assert "['<e1>']" in messages and "vocab.txt differs" in messages


def sequence_normalizer():
    return {**fast_tokenizer({}), "normalizer": {"type": "Sequence"}}


def gaps():
    fast = fast_tokenizer({})
    fast["model"]["vocab"]["extra"] = 99
    return fast


@pytest.mark.parametrize(
    "folder, message",
    [
        ({"vocabulary": None}, "neither vocab.txt nor tokenizer.json"),
        ({"vocabulary": PIECES[1:]}, "unusable vocabulary"),
        ({"vocabulary": [*PIECES, "more"]}, "17 pieces in the vocabulary"),
        ({"tokenizer_json": sequence_normalizer()}, "not BERT's way"),
        ({"tokenizer_json": gaps()}, "gaps"),
        ({"tokenizer_config": {"do_lower_case": "yes"}}, "expected true or false"),
        ({"tokenizer_config": {"cls_token": "<s>"}}, "cls_token must be"),
        ({"tokenizer_config": {"tokenizer_class": "BertJapaneseTokenizer"}}, "Japan"),
    ],
)
def test_other_tokenizers_are_refused(tmp_path, folder, message):
    write(tmp_path, **folder)
    with pytest.raises(InputError, match=message) as error:
        cut(tmp_path)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (write(tmp_path) / "vocab.txt").write_bytes(b"[PAD]\n\xff\n")
    with pytest.raises(InputError, match="unusable vocabulary"):
        cut(tmp_path)


MERGES = ["h i", "Ġ hi"]
BYTES = ["<s>", "<pad>", "</s>", "<mask>", "<unk>", "h", "i", "Ġ", "hi", "Ġhi"]


@pytest.mark.parametrize("one_file", [False, True])
def test_roberta_from_two_files_or_one(tmp_path, one_file):
    ids = {piece: i for i, piece in enumerate(BYTES)}
    if one_file:
        model = {"type": "BPE", "vocab": ids, "merges": [x.split() for x in MERGES]}
        (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    else:
        (tmp_path / "vocab.json").write_text(json.dumps(ids))
        (tmp_path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES))
    for prefix, expected in ((False, ["hi", "Ġhi"]), (True, ["Ġhi", "Ġhi"])):
        config = {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": prefix}
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
        tokenizer = load_tokenizer(tmp_path, "roberta", len(BYTES))
        assert type(tokenizer) is keras_hub.tokenizers.RobertaTokenizer
        assert [BYTES[i] for i in tokenizer("hi hi")] == expected


@pytest.mark.parametrize(
    "kind, file",
    [
        ("roberta", "vocab.json, merges.txt"),
        ("xlm-roberta", "sentencepiece.bpe.model"),
        ("albert", "spiece.model"),
    ],
)
def test_missing_files_are_named(tmp_path, kind, file):
    write(tmp_path, kind)
    with pytest.raises(InputError, match=f"{file} is missing"):
        load_tokenizer(tmp_path, kind, 99)
