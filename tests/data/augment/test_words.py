"""Changes of words: what may come of them, by brute force over tags and chance."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.data.augment import Augmentation, Deletion, Masking, Swap, Synonyms, Words
from tfreg.data.bio import stray_tags
from tfreg.data.pieces import MASK

DICTIONARY = {"good": ["fine", "nice"], "bad": ["not good"], "U.S.": ["America"]}
ALL = [Swap(0.5), Deletion(0.5), Masking(0.5), Synonyms(0.5, DICTIONARY)]


def generator(seed=0):
    return np.random.default_rng(seed)


def text(count):
    return Words.of([f"w{i}" for i in range(count)])


# --- Texts --------------------------------------------------------------------------


@pytest.mark.parametrize("change", ALL)
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_by_chance_alone_and_never_the_row_itself(change, count):
    row = text(count)
    first = [change(row, generator(seed)) for seed in range(20)]
    again = [change(row, generator(seed)) for seed in range(20)]
    assert first == again
    assert row == text(count)


@pytest.mark.parametrize("change", ALL)
def test_rate_zero_changes_nothing(change):
    off = type(change).from_config({**change.get_config(), "rate": 0})
    row = Words.of(["good", "a", "bad", "b"])
    assert all(off(row, generator(seed)) == row for seed in range(20))


@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_swapped_words_are_all_there(rate):
    orders = set()
    for seed in range(50):
        found = Swap(rate)(text(6), generator(seed))
        assert sorted(found.words) == sorted(text(6).words)
        # A word takes its tag along.
        assert [f"w{place}" for place in found.places] == list(found.words)
        orders.add(found.words)
    assert len(orders) > 20


def test_two_words_swapped_once_or_twice():
    assert Swap(1.0)(text(2), generator()).words == ("w0", "w1")  # there and back
    assert Swap(1.0)(text(1), generator()) == text(1)


@pytest.mark.parametrize("rate", [0.5, 0.9, 1.0])
def test_what_is_left_stands_in_order_and_is_never_nothing(rate):
    sizes = set()
    for seed in range(100):
        found = Deletion(rate)(text(5), generator(seed))
        assert list(found.places) == sorted(set(found.places)) and len(found)
        assert [f"w{place}" for place in found.places] == list(found.words)
        sizes.add(len(found))
    assert sizes == {1} if rate == 1 else len(sizes) > 1


@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_masked_words(rate):
    for seed in range(50):
        found = Masking(rate)(text(4), generator(seed))
        assert found.places == (0, 1, 2, 3)
        seen = [word for word in found.words if word != MASK]
        assert seen and all(w in (MASK, f"w{i}") for i, w in enumerate(found.words))
        assert len(seen) == 1 or rate < 1
    assert Masking(1.0)(text(1), generator()) == text(1)
    assert Masking(1.0)(text(0), generator()) == text(0)


@pytest.mark.parametrize(
    "change", [Deletion(0.2), Masking(0.2), Synonyms(0.2, {"a": ["b"]})]
)
def test_as_many_as_the_rate_says(change):
    row = Words.of(["a"] * 1000)
    left = [change(row, generator(seed)).words.count("a") for seed in range(20)]
    # Twenty thousand draws: five standard deviations are 0.014.
    assert np.mean(left) / 1000 == pytest.approx(0.8, abs=0.015)


def test_swaps_as_many_as_the_rate_says():
    """A word moves if it, or one that it is drawn by, is drawn: about 2·rate."""
    moved = []
    for seed in range(20):
        found = Swap(0.05)(text(1000), generator(seed))
        moved.append(np.mean([p != i for i, p in enumerate(found.places)]))
    assert np.mean(moved) == pytest.approx(2 * 0.05 - 0.05**2, abs=0.01)


@pytest.mark.parametrize(
    "word, expected",
    [
        ("good", ["fine", "nice"]),
        ("Good", ["Fine", "Nice"]),
        ("GOOD", ["FINE", "NICE"]),
        ('"good,"', ['"fine,"', '"nice,"']),
        ("(Bad)!", ["(Not good)!"]),
        ("U.S.", ["America"]),
        ("u.s.", []),
        ("goods", []),
        ("good-bad", []),
        ("...", []),
        ("", []),
        (MASK, []),
    ],
)
def test_what_stands_for_a_word(word, expected):
    assert Synonyms(0.1, DICTIONARY).of(word) == expected


def test_every_synonym_is_as_likely():
    found = Synonyms(1.0, DICTIONARY)(Words.of(["good"] * 2000), generator())
    counts = Counter(found.words)
    assert set(counts) == {"fine", "nice"} and abs(counts["fine"] - 1000) < 120


# --- Tags ---------------------------------------------------------------------------


def valid_sentences(length):
    """Every valid IOB2 tagging of so many words, with two kinds of spans."""
    tags = ("O", "B-X", "I-X", "B-Y", "I-Y")
    for sentence in itertools.product(tags, repeat=length):
        if not stray_tags(sentence):
            yield sentence


def grouped(tags):
    """The words of a tagged sentence in groups: 0 outside, else the span's number."""
    spans = itertools.accumulate(tag.startswith("B-") for tag in tags)
    groups = [0 if tag == "O" else span for tag, span in zip(tags, spans)]
    return Words.of([f"w{i}" for i in range(len(tags))], groups)


def spans_of(words, tags):
    """(kind, words) of each span."""
    found = []
    for word, tag in zip(words, tags, strict=True):
        if tag.startswith("B-"):
            found.append((tag[2:], [word]))
        elif tag.startswith("I-"):
            found[-1][1].append(word)
    return found


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_valid_tags_stay_valid_and_spans_keep_their_words(length):
    changes = [Swap(0.6), Deletion(0.5), Masking(0.5)]
    for number, tags in enumerate(valid_sentences(length)):
        row = grouped(tags)
        of_word = dict(zip(row.words, tags))
        kind_of = {word: tag[2:] for word, tag in of_word.items()}
        for seed in range(4 if length < 5 else 1):
            random = generator((number, seed))
            for change in changes:
                found = change(row, random)
                after = [tags[place] for place in found.places]
                assert stray_tags(after) == [], (tags, change, after)
                if isinstance(change, Masking):
                    assert after == list(tags)
                    continue
                # Every word is in a span of the kind that it was in, or in none; and
                # with no word of another span.
                assert [tag[2:] for tag in after] == [kind_of[w] for w in found.words]
                before = [set(words) for _, words in spans_of(row.words, tags)]
                for _, words in spans_of(found.words, after):
                    assert any(set(words) <= span for span in before)
                if isinstance(change, Swap):
                    assert after == list(tags)
                    assert sorted(found.words) == sorted(row.words)
                else:
                    assert 1 <= len(found) <= length
                    # Tags are those of their words, unchanged.
                    assert after == [of_word[word] for word in found.words]


def test_a_span_s_first_word_stays_while_another_does():
    row = grouped(("O", "B-X", "I-X", "I-X", "O"))
    found = [Deletion(0.6)(row, generator(seed)).places for seed in range(300)]
    assert all(1 in places for places in found if {2, 3} & set(places))
    assert any(not {1, 2, 3} & set(places) for places in found)  # whole spans may go
    assert any(1 in places and not {2, 3} & set(places) for places in found)


def test_swaps_reach_every_place_that_they_may():
    row = grouped(("O", "B-X", "I-X", "O", "O"))
    pairs = {
        tuple(i for i, word in enumerate(found.words) if word != f"w{i}")
        for found in (Swap(0.3)(row, generator(seed)) for seed in range(300))
        if sum(word != f"w{i}" for i, word in enumerate(found.words)) == 2
    }
    assert pairs == {(1, 2), (0, 3), (0, 4), (3, 4)}


def test_tags_of_single_words_go_with_them():
    row = Words.of(["a", "b", "c"], [0, 0, -1])
    for seed in range(20):
        found = Swap(1.0)(row, generator(seed))
        assert [row.words[place] for place in found.places] == list(found.words)
        assert found.words[2] == "c"  # of another group


# --- Settings -----------------------------------------------------------------------


@pytest.mark.parametrize("change", ALL)
def test_round_trip(change):
    stored = json.loads(json.dumps(keras.saving.serialize_keras_object(change)))
    again = keras.saving.deserialize_keras_object(stored)
    assert type(again) is type(change) and again == change
    row = Words.of(["good", "a", "bad", "b"])
    for seed in range(5):
        assert again(row, generator(seed)) == change(row, generator(seed))


def test_frozen():
    with pytest.raises(AttributeError):
        Swap(0.1).rate = 0.2
    assert Swap().rate == Deletion().rate == Masking().rate == 0.1
    assert issubclass(Swap, Augmentation)


@pytest.mark.parametrize("kind", [Swap, Deletion, Masking])
def test_impossible_rates(kind):
    for rate in (-0.1, 1.1, np.nan, "0.1", None, True):
        with pytest.raises(InputError, match=r"`rate` must be a number in \[0, 1\]"):
            kind(rate)


@pytest.mark.parametrize(
    "dictionary, message",
    [
        ({}, "`dictionary` must be {word: synonyms}; got {}"),
        (["good"], "`dictionary` must be {word: synonyms}; got ['good']"),
        ({"a b": ["c"]}, "`dictionary` must be of words without blanks; got 'a b'"),
        ({"": ["c"]}, "`dictionary` must be of words without blanks; got ''"),
        ({"a": "bc"}, "`dictionary['a']` must be a sequence of synonyms; got 'bc'"),
        ({"a": [" "]}, "`dictionary['a']` must be texts that are not blank; got ' '"),
        ({"a": []}, "`dictionary['a']` must be at least one synonym; got ()"),
        ({"a": ["\0"]}, "`dictionary['a']`: a NUL or lone surrogate in '\\x00'"),
        ({"a": ["\ud800"]}, "`dictionary['a']`: a NUL or lone surrogate in '\\ud800'"),
    ],
)
def test_impossible_dictionaries(dictionary, message):
    with pytest.raises(InputError) as error:
        Synonyms(0.1, dictionary)
    assert str(error.value) == message
