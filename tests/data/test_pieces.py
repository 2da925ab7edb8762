from __future__ import annotations

import io

import keras_hub
import numpy as np
import pytest

from tests.backbones import VOCABULARY, tokenizer
from tfreg._checks import InputError
from tfreg.data.pieces import MASK, Pieces

SPECIAL = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
BYTES = {"a": 4, "b": 5, "Ġ": 6, "Ġa": 7, "ab": 8, "Ġab": 9, "<mask>": 10}
MERGES = ["Ġ a", "a b", "Ġa b"]


def byte_pairs():
    return keras_hub.models.RobertaTokenizer({**SPECIAL, **BYTES}, MERGES)


@pytest.fixture(scope="module")
def pieces():
    return Pieces(tokenizer())


def spelled(word):
    """What the letters' tokenizer makes of a word, by hand."""
    names = [word[0], *(f"##{letter}" for letter in word[1:])]
    return [VOCABULARY.index(name) for name in names]


def test_special_tokens(pieces):
    assert (pieces.start, pieces.end, pieces.pad) == (2, 3, 0)
    assert (pieces.unknown, pieces.between) == (1, [3])
    assert (pieces.hiding, pieces.special) == (4, [0, 2, 3])


def test_texts(pieces):
    found = pieces.of_texts(["abc the", "", "Good!", "x"])
    good = VOCABULARY.index("good")
    expected = [
        [*spelled("abc"), VOCABULARY.index("the")],
        [],
        [good, VOCABULARY.index("[UNK]")],
        spelled("x"),
    ]
    assert [row.tolist() for row in found] == expected
    assert all(row.dtype == "int32" for row in found)
    assert pieces.of_texts([]) == []


def test_more_texts_than_are_tokenised_at_once(pieces):
    letters = "abcdefghijklmnopqrstuvwxyz"
    texts = [" ".join(letters[: i % 5]) for i in range(2500)]
    found = pieces.of_texts(texts)
    assert [len(row) for row in found] == [i % 5 for i in range(2500)]
    assert found[2499].tolist() == [VOCABULARY.index(x) for x in "abcd"]


def test_special_tokens_in_a_text_are_text(pieces):
    (row,) = pieces.of_texts(["[SEP]"])
    assert pieces.end not in row.tolist()


def test_words(pieces):
    found = pieces.of_words([["abc", "the"], ["the", "abc", "x"], []], most=2)
    assert {word: row.tolist() for word, row in found.items()} == {
        "abc": spelled("abc")[:2],
        "the": [VOCABULARY.index("the")],
        "x": spelled("x"),
    }


@pytest.mark.parametrize(
    "word", ["", " ", "\u200b", "\u0301", "\ufffd", "\x07", "\u00ad", "\ue000"]
)
def test_words_without_a_piece_are_unknown(pieces, word):
    found = pieces.of_words([["a", word, "b"]], most=5)
    assert found[word].tolist() == [pieces.unknown]
    assert found["a"].tolist() == spelled("a")


@pytest.mark.parametrize("word", ["🙂", "北京", "é", "a b", "don't", "\U0010ffff"])
def test_odd_words_have_some_piece(pieces, word):
    row = pieces.of_words([[word]], most=3)[word]
    assert 1 <= len(row) <= 3 and row.max() < len(VOCABULARY)


def test_byte_pairs_spell_a_word_as_after_a_space():
    pieces = Pieces(byte_pairs())
    found = pieces.of_words([["ab", "a", ""]], most=5)
    assert found["ab"].tolist() == [BYTES["Ġab"]]
    assert found["a"].tolist() == [BYTES["Ġa"]]
    assert len(found[""]) == 1
    assert [row.tolist() for row in pieces.of_texts(["ab ab"])] == [
        [BYTES["ab"], BYTES["Ġab"]]
    ]


def test_byte_pairs_with_a_blank_before_each_text():
    """One, as Hugging Face puts it: none where there is one, or no text."""
    given = {"add_prefix_space": True}
    tokenizer = keras_hub.models.RobertaTokenizer({**SPECIAL, **BYTES}, MERGES, **given)
    pieces = Pieces(tokenizer)
    ab, mask = BYTES["Ġab"], BYTES["<mask>"]
    texts = ["ab ab", " ab", "", " ", f"{MASK} ab", f"ab {MASK}"]
    expected = [[ab, ab], [ab], [], [BYTES["Ġ"]], [mask, ab], [ab, mask]]
    assert [row.tolist() for row in pieces.of_texts(texts)] == expected
    words = pieces.of_words([["ab", "a"]], most=5)
    assert {word: row.tolist() for word, row in words.items()} == {
        "ab": [ab],
        "a": [BYTES["Ġa"]],
    }


def test_roberta_s_special_tokens():
    pieces = Pieces(byte_pairs())
    assert (pieces.start, pieces.end, pieces.pad, pieces.unknown) == (0, 2, 1, 3)
    assert pieces.between == [2, 2]
    mask = pieces.tokenizer.token_to_id("<mask>")
    assert (pieces.hiding, pieces.special) == (mask, [0, 1, 2])


@pytest.mark.parametrize(
    "missing, other", [(("[MASK]",), "[UNK]"), (("[MASK]", "[UNK]"), "[PAD]")]
)
def test_what_hides_a_piece_where_there_is_no_mask(missing, other):
    class Plain:
        """As much of a tokenizer as is asked."""

        start_token_id, end_token_id, pad_token_id = 2, 3, 0

        def __call__(self, texts):
            return texts

        def get_vocabulary(self):
            return [name for name in VOCABULARY if name not in missing]

        def token_to_id(self, name):
            return VOCABULARY.index(name)

    assert Pieces(Plain()).hiding == VOCABULARY.index(other)


def test_other_tokenizers_of_bert_s_kind():
    for kind in (
        keras_hub.models.DistilBertTokenizer,
        keras_hub.models.ElectraTokenizer,
    ):
        pieces = Pieces(kind(VOCABULARY))
        assert (pieces.start, pieces.end, pieces.pad) == (2, 3, 0)
        assert pieces.between == [3]


def test_a_tokenizer_without_special_tokens():
    plain = keras_hub.tokenizers.WordPieceTokenizer(VOCABULARY)
    with pytest.raises(InputError) as error:
        Pieces(plain)
    expected = "`tokenizer`: WordPieceTokenizer has no start token"
    assert str(error.value) == expected


def test_bytes_are_utf8(pieces):
    (row,) = pieces.of_texts(["\u00e9"])
    np.testing.assert_array_equal(row, pieces.of_texts(["e\u0301"])[0])


def sentence_pieces(cls):
    """A SentencePiece tokenizer trained on a few words, ALBERT's or DeBERTa's."""
    sentencepiece = pytest.importorskip("sentencepiece")
    proto = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the good movie", "a bad movie", "good good bad"]),
        model_writer=proto,
        vocab_size=24,
        hard_vocab_limit=False,
        model_type="unigram",
        **{"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3},
        **{"pad_piece": "[PAD]" if "Deberta" in cls.__name__ else "<pad>"},
        **{"bos_piece": "[CLS]", "eos_piece": "[SEP]"},
        **{"unk_piece": "[UNK]" if "Deberta" in cls.__name__ else "<unk>"},
        user_defined_symbols="[MASK]",
        minloglevel=2,
    )
    return cls(proto=proto.getvalue())


@pytest.mark.parametrize(
    "cls", [keras_hub.models.DebertaV3Tokenizer, keras_hub.models.AlbertTokenizer]
)
def test_sentence_pieces(cls):
    pieces = Pieces(sentence_pieces(cls))
    token = pieces.tokenizer.id_to_token
    assert [token(i) for i in (pieces.start, pieces.end)] == ["[CLS]", "[SEP]"]
    assert token(pieces.pad).lower() in ("[pad]", "<pad>")
    assert token(pieces.hiding) == "[MASK]"
    words = pieces.of_words([["good", "movie", "\u200b"]], most=8)
    spelled = "".join(token(int(i)) for i in words["good"])
    assert spelled == "\u2581good"
    assert len(words["\u200b"]) >= 1


def test_a_tokenizer_that_pads_by_itself_is_refused():
    padding = keras_hub.models.BertTokenizer(VOCABULARY, sequence_length=8)
    with pytest.raises(InputError, match="must not have a `sequence_length`"):
        Pieces(padding)
