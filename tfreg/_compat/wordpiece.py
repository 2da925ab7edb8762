"""BERT's tokenisation inside TensorFlow, as Hugging Face does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

_CJK = (
    r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}"
    r"\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
)
_PUNCTUATION = r"[!-/:-@\[-`{-~\p{P}]"
# Where TensorFlow lowers by context (sigma at the end of a word), or by the language
# of the machine it runs on (Turkish, Lithuanian), and Hugging Face does not.
_LOWERED_ALIKE = list(zip("ΣIJĮÌÍĨ", "σijįìíĩ")) + [("İ", "i\u0307")]
_LONGEST_WORD = 100  # characters; Hugging Face's WordPiece gives [UNK] beyond


def word_to_pieces(
    vocabulary: Sequence[str], unknown: str, suffix: str, dtype: str
) -> Any:
    """TensorFlow Text's WordPiece over words that are already split and cleaned."""
    import tensorflow_text

    return tensorflow_text.FastWordpieceTokenizer(
        vocab=vocabulary,
        token_out_type=dtype,
        suffix_indicator=suffix,
        unknown_token=unknown,
        no_pretokenization=True,
        support_detokenization=True,
        # It counts bytes, the rule counts characters of up to four bytes.
        max_bytes_per_word=4 * _LONGEST_WORD,
    )


def tokenize_bert(tokenizer: Any, inputs: Any) -> Any:
    """Hugging Face's BertNormalizer, BertPreTokenizer and WordPiece, step for step."""
    from keras_hub.src.utils.tensor_utils import preprocessing_function

    return preprocessing_function(_tokenize_bert)(tokenizer, inputs)


def _tokenize_bert(tokenizer: Any, inputs: Any) -> Any:
    import tensorflow_text as tf_text

    text = (
        inputs
        if isinstance(inputs, tf.RaggedTensor)
        else tf.convert_to_tensor(inputs, tf.string)
    )
    single = text.shape.rank == 0
    if single:
        text = tf.expand_dims(text, 0)
    replace = tf.strings.regex_replace
    if tokenizer.clean_text:
        text = replace(text, r"[\t\n\r\p{Z}]", " ")
        text = replace(text, r"[\p{Cc}\p{Cf}\p{Co}\x{FFFD}]", "")
    if tokenizer.split_on_cjk:
        text = replace(text, _CJK, r" \0 ")
    if tokenizer.strip_accents:
        text = replace(tf_text.normalize_utf8(text, "NFD"), r"\p{Mn}", "")
    if tokenizer.lowercase:
        for capital, small in _LOWERED_ALIKE:
            text = replace(text, capital, small)
        text = tf.strings.lower(text, encoding="utf-8")
    words = tf_text.regex_split(text, r"[\s\p{Z}]|" + _PUNCTUATION, _PUNCTUATION)
    flat = words.flat_values  # of ragged words, `tf.where` is a thousand operations
    too_long = tf.strings.length(flat, unit="UTF8_CHAR") > _LONGEST_WORD
    words = words.with_flat_values(tf.where(too_long, tokenizer.oov_token, flat))
    pieces = tokenizer._word_to_pieces.tokenize(words).merge_dims(-2, -1)
    if tokenizer.sequence_length:
        shape = pieces.shape.as_list()[:-1] + [tokenizer.sequence_length]
        pieces = pieces.to_tensor(shape=shape)
    return tf.squeeze(pieces, 0) if single else pieces
