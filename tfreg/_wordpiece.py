"""WordPiece as Hugging Face's BERT computes it, inside TensorFlow graphs.

KerasHub's own tokenizer folds case by NFKC (`…` becomes three dots, `ß` becomes
`ss`), splits words at invisible characters, does not split at no-break spaces, and
forgets ``split_on_cjk`` when saved. Each changes token ids under a pretrained model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import keras_hub

from tfreg import _compat
from tfreg._checks import fail


@keras.saving.register_keras_serializable("tfreg")
class BertWordPieceTokenizer(keras_hub.tokenizers.BertTokenizer):
    """Text to BERT's WordPiece ids, the same ids as Hugging Face's tokenizers.

    Special tokens written out in the text (``"[SEP]"``) are plain text here: a data
    row cannot end its own sentence. Words longer than 100 characters are unknown.

    Args:
        vocabulary: path of a ``vocab.txt`` or list of pieces, in id order.
        lowercase: lowercase the text (an uncased model).
        strip_accents: drop accents; ``None`` means "as ``lowercase``".
        split_on_cjk: make every Chinese character a word of its own.
        clean_text: drop control characters, treat every kind of space as one.
        **kwargs: as of ``keras_hub.tokenizers.BertTokenizer``.

    Takes strings of any shape, dense or ragged; gives int32 ids with one ragged
    axis more (dense if ``sequence_length`` is set).

    Example:
        >>> pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cafe"]
        >>> BertWordPieceTokenizer(pieces)(["Café"])
        [[5]]
    """

    # With a backbone class here, KerasHub's own `Tokenizer.from_preset` would
    # sometimes return this class.
    backbone_cls = None

    def __init__(
        self,
        vocabulary: str | Sequence[str] | None = None,
        lowercase: bool = True,
        strip_accents: bool | None = None,
        split_on_cjk: bool = True,
        clean_text: bool = True,
        **kwargs: Any,
    ) -> None:
        for name, only in (("split", True), ("special_tokens_in_strings", False)):
            if kwargs.get(name, only) is not only:
                raise fail(name, repr(only), kwargs[name])
        self.clean_text = clean_text
        super().__init__(
            vocabulary=vocabulary,
            lowercase=lowercase,
            strip_accents=lowercase if strip_accents is None else strip_accents,
            split_on_cjk=split_on_cjk,
            **kwargs,
        )

    def set_vocabulary(self, vocabulary: str | Sequence[str] | None) -> None:
        """Take the pieces from a file or a list."""
        super().set_vocabulary(vocabulary)
        self._word_to_pieces = (
            None
            if vocabulary is None
            else _compat.word_to_pieces(
                self.vocabulary,
                self.oov_token,
                self.suffix_indicator,
                self.compute_dtype,
            )
        )

    def tokenize(self, inputs: Any) -> Any:
        """The pieces of each text."""
        self._check_vocabulary()
        return _compat.tokenize_bert(self, inputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "split_on_cjk": self.split_on_cjk,
            "clean_text": self.clean_text,
        }
