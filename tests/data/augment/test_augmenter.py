"""Rows of an epoch: by seed, epoch and row alone, and encoded as a tokenizer would."""

from __future__ import annotations

import functools

import keras_hub
import numpy as np
import pytest

from tests.backbones import VOCABULARY, tokenizer
from tfreg._checks import InputError
from tfreg.data.augment import Deletion, Masking, Swap, Synonyms, Words
from tfreg.data.augment.augmentation import Augmentation
from tfreg.data.augment.augmenter import Augmenter, check_augmentations
from tfreg.data.examples import Examples
from tfreg.data.pieces import MASK, Pieces
from tfreg.data.preprocessing import TextPreprocessor

START, END, MASKED = 2, 3, 4
BIO = ("O", "B-X", "I-X")


class Say(Augmentation):
    """Every row becomes these words."""

    def __init__(self, words):
        super().__init__(1.0)
        object.__setattr__(self, "words", words)

    def __call__(self, row, random):
        return row.say(self.words[: len(row)])


def spelled(*words):
    """What the letters' tokenizer makes of words, by hand."""
    whole = {"the", "good", "bad", "movie"}
    pieces = []
    for word in words:
        if word == MASK:
            pieces.append(MASKED)
        elif word in whole:
            pieces.append(VOCABULARY.index(word))
        else:
            names = [word[0], *(f"##{letter}" for letter in word[1:])]
            pieces += [VOCABULARY.index(name) for name in names]
    return pieces


@functools.cache
def preprocessor_of(task, labels, length=32):
    return TextPreprocessor(tokenizer(), task, labels, length)


def augmenter(examples, augmentations, task="classify", seed=3, length=32, **weights):
    labels = {"classify": ("neg", "pos"), "tag": BIO, "regress": ()}[task]
    preprocessor = preprocessor_of(task, labels, length)
    encoded = preprocessor.encode(examples, **weights)
    return Augmenter(augmentations, preprocessor, encoded, seed), encoded


def rows_of(encoded):
    return [row.tolist() for row in encoded.pieces]


TEXTS = Examples(
    "text",
    ["the good movie", "bad  bad\tmovie x", "", "abc", "good bad the abc de f"],
    ["pos", "neg", "neg", "pos", "pos"],
)
EVERY = [Swap(0.3), Deletion(0.3), Masking(0.3), Synonyms(0.3, {"good": ["fine"]})]


def test_rate_zero_is_the_split_itself():
    off = [Swap(0.0), Deletion(0.0), Masking(0.0), Synonyms(0.0, {"good": ["fine"]})]
    weight = np.arange(5, dtype="float32")
    anew, encoded = augmenter(TEXTS, off, sample_weight=weight)
    rows = np.array([4, 0, 2, 1, 3])
    found = anew(rows, 7)
    assert rows_of(found) == [rows_of(encoded)[row] for row in rows]
    assert found.second.tolist() == encoded.second[rows].tolist()
    assert found.targets.tolist() == encoded.targets[rows].tolist()
    assert found.weights.tolist() == weight[rows].tolist()


def test_by_seed_epoch_and_row_alone():
    anew, _ = augmenter(TEXTS, EVERY)
    again, _ = augmenter(TEXTS, EVERY)
    first = [rows_of(anew(np.arange(5), epoch)) for epoch in range(6)]
    for epoch in (5, 0, 3):  # whatever came before, in whatever company
        one_by_one = [rows_of(again(np.array([row]), epoch))[0] for row in (4, 1, 0)]
        assert one_by_one == [first[epoch][row] for row in (4, 1, 0)]
    assert len({str(rows) for rows in first}) == 6
    other, _ = augmenter(TEXTS, EVERY, seed=4)
    assert rows_of(other(np.arange(5), 0)) != first[0]
    # Rows of the same text are changed apart.
    same, _ = augmenter(Examples("text", ["a b c d e f g"] * 4, ["pos"] * 4), EVERY)
    assert len({str(row) for row in rows_of(same(np.arange(4), 0))}) > 1


def test_changed_texts_are_tokenised_anew():
    said = ["bad", MASK, "abc"]
    anew, _ = augmenter(TEXTS, [Say(said)])
    found = rows_of(anew(np.arange(5), 0))
    assert found[0] == [START, *spelled("bad", MASK, "abc"), END]
    assert found[2] == [START, END]  # it has no words
    assert found[3] == [START, *spelled("bad"), END]


def test_each_text_of_a_pair_by_itself():
    pairs = Examples("pair", [("the good movie", "bad"), ("x", "")], [1.0, 2.0])
    anew, encoded = augmenter(pairs, [Say(["abc", MASK, "de"])], "regress")
    found = anew(np.array([1, 0]), 0)
    assert rows_of(found) == [
        [START, *spelled("abc"), END, END],
        [START, *spelled("abc", MASK, "de"), END, *spelled("abc"), END],
    ]
    assert found.second.tolist() == [5, 8]
    assert found.targets.tolist() == [2.0, 1.0]


def test_texts_that_grow_are_cut():
    longer = Synonyms(1.0, {"abc": ["abcdefghijklmnop"]})
    anew, _ = augmenter(Examples("text", ["abc abc"], ["pos"]), [longer], length=10)
    (row,) = rows_of(anew(np.array([0]), 0))
    assert row == [START, *spelled("abcdefghijklmnop")[:8], END]


def test_targets_of_several_labels():
    preprocessor = TextPreprocessor(tokenizer(), "multilabel", ("a", "b"), 32)
    encoded = preprocessor.encode(Examples("text", ["x", "y"], [["a", "b"], ["b"]]))
    found = Augmenter([Swap(1.0)], preprocessor, encoded, 0)(np.array([1]), 0)
    assert found.targets.tolist() == [[0.0, 1.0]]


# --- Tagged words -------------------------------------------------------------------

WORDS = ["the", "abc", "good", "de", "bad", "movie", "x", "y"]
TAGS = ["O", "B-X", "I-X", "O", "B-X", "O", "O", "B-X"]


def decoded(encoded, number):
    """(pieces of a word, its target, its weight) of a row's words."""
    row, starts = encoded.pieces[number].tolist(), encoded.words[number].tolist()
    cuts = [*starts, len(row) - 1]
    pieces = [tuple(row[a:b]) for a, b in zip(cuts, cuts[1:])]
    weights = [None] * len(pieces)
    if encoded.weights is not None:
        weights = encoded.weights[number].tolist()
    return list(zip(pieces, encoded.targets[number].tolist(), weights, strict=True))


@pytest.mark.parametrize("length", [9, 14, 32])
def test_windows_of_sentences_without_a_change(length):
    sentences = Examples(
        "words", [WORDS * 3, ["x"], [], WORDS], [TAGS * 3, ["O"], [], TAGS]
    )
    anew, encoded = augmenter(
        sentences, [Swap(0.0)], "tag", length=length, class_weight={"O": 0.5}
    )
    assert len(encoded) > 4 or length == 32
    rows = np.arange(len(encoded))[::-1]
    found = anew(rows, 0)
    assert rows_of(found) == [rows_of(encoded)[row] for row in rows]
    for number, row in enumerate(rows):
        assert decoded(found, number) == decoded(encoded, row)


@pytest.mark.parametrize("length", [9, 32])
@pytest.mark.parametrize("change", [Swap(0.7), Deletion(0.4), Masking(0.4)])
def test_targets_and_weights_follow_their_words(length, change):
    sentences = Examples("words", [WORDS * 3] * 3, [TAGS * 3] * 3)
    # Each sentence has its own weight; each kind of tag too.
    anew, encoded = augmenter(
        sentences,
        [change],
        "tag",
        length=length,
        class_weight={"O": 0.5},
        sample_weight=[1.0, 2.0, 4.0],
    )
    id_of = dict(zip(WORDS, (BIO.index(tag) for tag in TAGS)))
    of_pieces = {tuple(spelled(word)): word for word in WORDS}
    changed = 0
    for epoch in range(5):
        found = anew(np.arange(len(encoded)), epoch)
        assert len(found) == len(encoded)  # a row stays a row
        for number in range(len(encoded)):
            before, after = decoded(encoded, number), decoded(found, number)
            changed += before != after
            targets = [target for _, target, _ in after if target >= 0]
            names = [BIO[target] for target in targets]
            for pieces, target, weight in after:
                factor = 2.0 ** int(encoded.example[number])
                expected = {-2: 0.0, -1: 0.0, 0: 0.5 * factor}.get(target, factor)
                assert weight == pytest.approx(expected)
                if pieces == (MASKED,) or target < 0:
                    continue
                word = of_pieces[pieces]
                if not isinstance(change, Swap):
                    assert target == id_of[word]
                else:  # in a span, tags stay where they are
                    assert (target > 0) == (id_of[word] > 0)
            inside = [n for n, name in enumerate(names) if name == "I-X"]
            starts = names[0] != "I-X" if names else True
            assert not starts or all(names[n - 1] != "O" for n in inside)
            if isinstance(change, (Swap, Masking)):
                assert [t for _, t, _ in after] == [t for _, t, _ in before]
    assert changed > 5


def test_bare_tags_are_spans_too():
    labels, tags = ("O", "B", "I"), ["O", "B", "I", "B", "I", "O"]
    preprocessor = TextPreprocessor(tokenizer(), "tag", labels, 32)
    encoded = preprocessor.encode(Examples("words", [list("abcdef")], [tags]))
    anew, orders = Augmenter([Swap(0.7)], preprocessor, encoded, 0), set()
    for epoch in range(20):
        found = anew(np.array([0]), epoch).pieces[0][1:-1].tolist()
        order = "".join(VOCABULARY[piece] for piece in found)
        assert set(order[1:3]) == set("bc") and set(order[3:5]) == set("de")
        orders.add(order)
    assert len(orders) > 4


def test_context_stays_at_the_edges():
    """Words that another window answers for do not wander into the middle."""
    count = 40
    preprocessor = TextPreprocessor(tokenizer(), "tag", ("N", "V"), 12)
    words = [f"{'abcdefgh'[i % 8]}" for i in range(count)]
    tags = [("N", "V")[i % 2] for i in range(count)]
    encoded = preprocessor.encode(Examples("words", [words], [tags]))
    assert len(encoded) > 3
    anew = Augmenter([Swap(1.0)], preprocessor, encoded, 0)
    tag_of = {tuple(spelled(word)): i % 2 for i, word in enumerate("abcdefgh")}
    for epoch in range(5):
        found = anew(np.arange(len(encoded)), epoch)
        for number in range(len(encoded)):
            before, after = encoded.targets[number] < 0, found.targets[number] < 0
            assert before.tolist() == after.tolist()
            for pieces, target, _ in decoded(found, number):
                assert target in (-2, tag_of[pieces])  # tags go with their words


def test_longer_synonyms_keep_a_row_a_row():
    longer = Synonyms(1.0, {"abc": ["abcdefgh"]})
    sentences = Examples("words", [["abc"] * 6], [["O"] * 6])
    anew, encoded = augmenter(sentences, [longer], "tag", length=24)
    found = anew(np.array([0]), 0)
    assert len(found) == 1 and len(decoded(found, 0)) == 2  # 8 pieces each, of 22
    assert encoded.lengths[0] == 20


def test_tags_given_as_ids():
    sentences = Examples("words", [WORDS], [[BIO.index(tag) for tag in TAGS]])
    named = Examples("words", [WORDS], [TAGS])
    found = [
        decoded(augmenter(x, [Swap(0.5)], "tag")[0](np.array([0]), 1), 0)
        for x in (sentences, named)
    ]
    assert found[0] == found[1]


# --- The mask token -----------------------------------------------------------------


def test_masks_in_texts_and_words():
    pieces = Pieces(tokenizer())
    texts = [f"the {MASK} movie", MASK, f"{MASK} {MASK} abc", f"abc {MASK}", "good", ""]
    expected = [
        spelled("the", MASK, "movie"),
        spelled(MASK),
        spelled(MASK, MASK, "abc"),
        spelled("abc", MASK),
        spelled("good"),
        [],
    ]
    found = pieces.of_texts(texts)
    assert [row.tolist() for row in found] == expected
    assert {row.dtype.name for row in found} == {"int32"}
    assert pieces.of_words([[MASK, "abc"]], 9)[MASK].tolist() == [MASKED]


def test_a_blank_before_a_mask_belongs_to_it():
    """As RoBERTa was pretrained: the word after it is spelled as after a space."""
    special = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}
    letters = {"a": 5, "b": 6, "Ġ": 7, "Ġa": 8, "ab": 9, "Ġab": 10}
    merges = ["Ġ a", "a b", "Ġa b"]
    roberta = keras_hub.models.RobertaTokenizer({**special, **letters}, merges)
    pieces = Pieces(roberta)
    (row,) = pieces.of_texts([f"ab {MASK} ab"])
    assert row.tolist() == [letters["ab"], 4, letters["Ġab"]]
    assert pieces.of_words([[MASK]], 9)[MASK].tolist() == [4]


# --- What is refused ----------------------------------------------------------------


def test_what_cannot_be_augmented():
    check_augmentations(None, None)
    with pytest.raises(InputError, match="a model without a tokenizer takes ids"):
        check_augmentations([Swap()], None)
    anew, encoded = augmenter(TEXTS, [Swap()])
    bare = type(encoded)(encoded.pieces, encoded.second, encoded.example, 5)
    preprocessor = preprocessor_of("classify", ("neg", "pos"))
    with pytest.raises(InputError, match="needs the texts themselves"):
        Augmenter([Swap()], preprocessor, bare, 0)


@pytest.mark.parametrize(
    "labels, refused",
    [
        (BIO, False),
        (("N", "V"), False),
        (("O", "I-X", "E-X", "B-X", "S-X"), True),
        (("O", "B-X", "I-X", "L-X", "U-X"), True),
        (("O", "I-X"), True),
        (("O", "B", "I"), False),
        (("O", "I"), True),
        (("A", "B", "I"), False),
    ],
)
def test_spans_that_are_not_iob2(labels, refused):
    preprocessor = TextPreprocessor(tokenizer(), "tag", labels)
    check_augmentations([Masking(), Synonyms(0.1, {"a": ["b"]})], preprocessor)
    for change in (Swap(), Deletion()):
        if not refused:
            check_augmentations([change], preprocessor)
            continue
        with pytest.raises(
            InputError, match=f"`augment`: {type(change).__name__} keep"
        ):
            check_augmentations([change], preprocessor)


def test_a_tokenizer_without_a_mask_token(monkeypatch):
    plain = tokenizer()
    monkeypatch.setattr(plain, "mask_token_id", None)
    preprocessor = TextPreprocessor(plain, "classify", ("neg", "pos"))
    check_augmentations([Swap()], preprocessor)
    with pytest.raises(InputError, match="BertTokenizer has no mask token"):
        check_augmentations([Masking()], preprocessor)


def test_words_are_immutable():
    row = Words.of(["a", "b"])
    with pytest.raises(AttributeError):
        row.words = ()
