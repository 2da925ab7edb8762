"""Tiny random backbones of every kind, and a tokenizer for the BERT one."""

from __future__ import annotations

from typing import Any

import keras_hub

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
    *("good", "bad", "movie", "the"),
]
SIZES = {
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 32,
    "intermediate_dim": 64,
    "max_sequence_length": 64,
}
KINDS = ("bert", "distilbert", "roberta", "electra", "albert", "deberta")


def tiny(kind: str = "bert", dropout: float = 0.0, **kwargs: Any) -> Any:
    """A backbone of 2 layers, 32 wide."""
    models = keras_hub.models
    sizes = {**SIZES, "dropout": dropout, **kwargs}
    vocabulary = {"vocabulary_size": len(VOCABULARY)}
    if kind == "bert":
        return models.BertBackbone(**vocabulary, **sizes)
    if kind == "distilbert":
        return models.DistilBertBackbone(**vocabulary, **sizes)
    if kind == "roberta":
        return models.RobertaBackbone(**vocabulary, **sizes)
    if kind == "electra":
        size = {"vocab_size": len(VOCABULARY), "embedding_dim": 16}
        return models.ElectraBackbone(**size, **sizes)
    if kind == "albert":
        return models.AlbertBackbone(**vocabulary, embedding_dim=16, **sizes)
    if kind == "deberta":
        return models.DebertaV3Backbone(**vocabulary, bucket_size=8, **sizes)
    raise ValueError(kind)


def tokenizer() -> Any:
    """Splits words into letters, but for four whole words."""
    return keras_hub.models.BertTokenizer(vocabulary=VOCABULARY, lowercase=True)
