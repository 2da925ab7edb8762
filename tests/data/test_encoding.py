from __future__ import annotations

import keras_hub
import numpy as np
import pytest

from tests.backbones import VOCABULARY, tokenizer
from tfreg._checks import InputError
from tfreg.data.encoding import encode_texts, encode_words, text_weights
from tfreg.data.examples import Examples
from tfreg.data.pieces import Pieces

START, END, UNKNOWN = 2, 3, 1


@pytest.fixture(scope="module")
def pieces():
    return Pieces(tokenizer())


def spelled(word):
    """What the letters' tokenizer makes of a word, by hand."""
    names = [word[0], *(f"##{letter}" for letter in word[1:])]
    return [VOCABULARY.index(name) for name in names]


def test_texts(pieces):
    examples = Examples("text", ["abc", "", "abcdefghij"])
    encoded = encode_texts(pieces, examples, 8)
    assert [row.tolist() for row in encoded.pieces] == [
        [START, *spelled("abc"), END],
        [START, END],
        [START, *spelled("abcdef"), END],
    ]
    assert encoded.second.tolist() == [5, 2, 8]
    assert encoded.example.tolist() == [0, 1, 2]
    assert (encoded.examples, encoded.cut) == (3, 1)
    assert encoded.words is None and encoded.targets is None


def test_a_text_that_just_fits_is_not_cut(pieces):
    encoded = encode_texts(pieces, Examples("text", ["abcdef", "abcdefg"]), 8)
    assert encoded.lengths.tolist() == [8, 8]
    assert encoded.cut == 1


def test_pairs(pieces):
    examples = Examples("pair", [("ab", "c"), ("", "ab"), ("abcdefgh", "abcd")])
    encoded = encode_texts(pieces, examples, 10)
    assert [row.tolist() for row in encoded.pieces] == [
        [START, *spelled("ab"), END, *spelled("c"), END],
        [START, END, *spelled("ab"), END],
        [START, *spelled("abcd"), END, *spelled("abc"), END],
    ]
    # The second text begins after the separator, which belongs to the first.
    assert encoded.second.tolist() == [4, 2, 6]
    assert encoded.cut == 1


def test_pairs_as_keras_hub_packs_them(pieces):
    random = np.random.default_rng(0)
    sizes = random.integers(1, 12, (50, 2))
    pairs = [tuple("".join(random.choice(list("abcdef"), n)) for n in s) for s in sizes]
    encoded = encode_texts(pieces, Examples("pair", pairs), 12)
    packer = keras_hub.layers.MultiSegmentPacker(
        12, START, END, pad_value=0, truncate="round_robin"
    )
    token_ids, segment_ids = map(
        np.array, packer(tuple(map(tokenizer(), map(list, zip(*pairs)))))
    )
    for row, second, ids, segments in zip(
        encoded.pieces, encoded.second, token_ids, segment_ids
    ):
        assert row.tolist() == ids[: len(row)].tolist() and not ids[len(row) :].any()
        expected = [int(place >= second) for place in range(len(row))]
        assert segments[: len(row)].tolist() == expected


class LikeRoberta:
    """What `encode_texts` asks of pieces, with two tokens between texts."""

    start, end, between, is_roberta = 0, 2, [2, 2], True

    def of_texts(self, texts):
        return [np.array([4 + "ab".index(letter) for letter in t]) for t in texts]


def test_roberta_puts_two_end_tokens_between():
    examples = Examples("pair", [("a", "b"), ("a" * 9, "b"), ("ab", "ba")])
    encoded = encode_texts(LikeRoberta(), examples, 8)
    assert [row.tolist() for row in encoded.pieces] == [
        [0, 4, 2, 2, 5, 2],
        [0, 4, 4, 4, 2, 2, 5, 2],
        [0, 4, 5, 2, 2, 5, 4, 2],
    ]
    assert encoded.cut == 1
    # One segment, also for a BERT with XLM-R's vocabulary.
    assert encoded.second.tolist() == list(map(len, encoded.pieces))


def random_sentences(random, count):
    letters = list("abcdefghijklmnopqrstuvwxyz")
    return [
        [
            "".join(random.choice(letters, random.integers(1, 12)))
            for _ in range(random.integers(0, 25))
        ]
        for _ in range(count)
    ]


@pytest.mark.parametrize("length", [8, 13, 32])
def test_every_word_is_counted_once(pieces, length):
    random = np.random.default_rng(length)
    sentences = random_sentences(random, 60)
    targets = [random.integers(0, 5, len(words)).astype("int32") for words in sentences]
    weights = [random.random(len(words)).astype("float32") for words in sentences]
    examples = Examples("words", sentences)
    encoded = encode_words(pieces, examples, length, targets, weights)
    assert encoded.lengths.max() <= length
    assert encoded.examples == 60 and encoded.cut == 0
    seen = [[] for _ in sentences]
    for row in range(len(encoded)):
        ids, places = encoded.pieces[row], encoded.words[row]
        assert (ids[0], ids[-1]) == (START, END)
        begin, end = encoded.answers[row]
        tags, weight = encoded.targets[row], encoded.weights[row]
        assert len(tags) == len(weight) == len(places)
        context = np.ones(len(places), bool)
        context[begin:end] = False
        assert (tags[context] == -2).all() and (weight[context] == 0).all()
        for word in range(begin, end):
            entry = (ids[places[word]], tags[word], weight[word])
            seen[encoded.example[row]].append(entry)
    for words, tags, weight, found in zip(sentences, targets, weights, seen):
        first_pieces = [VOCABULARY.index(word[0]) for word in words]
        assert found == list(zip(first_pieces, tags, weight))


def test_rows_hold_whole_words_side_by_side(pieces):
    words = ["ab", "the", "xyz"]
    encoded = encode_words(pieces, Examples("words", [words]), 16)
    (row,), (places,) = encoded.pieces, encoded.words
    middle = [*spelled("ab"), VOCABULARY.index("the"), *spelled("xyz")]
    assert row.tolist() == [START, *middle, END]
    assert places.tolist() == [1, 3, 4] and places.dtype == "int32"
    assert encoded.answers.tolist() == [[0, 3]]


def test_words_without_pieces_and_words_too_long(pieces):
    words = ["\u200b", "a", "", "b" * 40]
    encoded = encode_words(pieces, Examples("words", [words]), 10)
    assert sum(end - begin for begin, end in encoded.answers) == 4
    assert encoded.pieces[0][encoded.words[0]].tolist()[:3] == [
        *(UNKNOWN, VOCABULARY.index("a"), UNKNOWN)
    ]
    assert encoded.lengths.max() <= 10


def test_a_sentence_without_words(pieces):
    encoded = encode_words(pieces, Examples("words", [[], ["a"]]), 8)
    assert [row.tolist() for row in encoded.pieces][0] == [START, END]
    assert encoded.answers.tolist() == [[0, 0], [0, 1]]
    none = encode_words(pieces, Examples("words", []), 8)
    assert len(none) == 0 and none.answers.shape == (0, 2)


def test_cut_instead_of_windows(pieces):
    sentences = [list("abcdefghij"), list("abc")]
    targets = [np.arange(10, dtype="int32"), np.arange(3, dtype="int32")]
    examples = Examples("words", sentences)
    encoded = encode_words(pieces, examples, 8, targets, cut=True)
    assert encoded.example.tolist() == [0, 1]
    assert [row.tolist() for row in encoded.targets] == [[0, 1, 2, 3, 4, 5], [0, 1, 2]]
    assert encoded.answers.tolist() == [[0, 6], [0, 3]]
    assert encoded.cut == 1


TEXTS = Examples("text", ["a", "b", "c"])
WORDS = Examples("words", [["a", "b"], [], ["c"]])
TABLE = np.array([0.5, 2.0], "float32")


def test_weights_of_texts():
    ids = np.array([1, 0, 1])
    assert text_weights(TEXTS, None, None, ids) is None
    assert text_weights(TEXTS, [1, 2, 3], None, None).tolist() == [1, 2, 3]
    assert text_weights(TEXTS, None, TABLE, ids).tolist() == [2, 0.5, 2]
    assert text_weights(TEXTS, [1, 2, 3], TABLE, ids).tolist() == [2, 1, 6]


def test_weights_of_words():
    ids = [np.array([0, 1]), np.array([], int), np.array([1])]
    found = text_weights(WORDS, [1, 2, 3], TABLE, ids)
    assert [row.tolist() for row in found] == [[0.5, 2], [], [6]]
    found = text_weights(WORDS, [1, 2, 3], None, None)
    assert [row.tolist() for row in found] == [[1, 1], [], [3]]


@pytest.mark.parametrize("weight", [[1.0, 2.0], np.ones((3, 1)), 1.0])
def test_sample_weights_of_another_shape(weight):
    with pytest.raises(InputError) as error:
        text_weights(TEXTS, weight, None, None)
    assert str(error.value) == (
        "`sample_weight` must be one number for each of 3 texts; "
        f"got shape {np.shape(weight)}"
    )


def test_weights_that_cannot_count():
    with pytest.raises(InputError, match="`sample_weight` must be finite numbers"):
        text_weights(TEXTS, [1, np.nan, 1], None, None)
    with pytest.raises(InputError, match="no meaning without targets"):
        text_weights(TEXTS, [1, 1, 1], TABLE, None)
