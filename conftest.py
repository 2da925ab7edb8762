"""What examples in docstrings may use without making it: small random things."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "bad", "text"]


def backbone() -> Any:
    import keras_hub

    return keras_hub.models.BertBackbone(
        vocabulary_size=len(VOCABULARY),
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
    )


def tokenizer() -> Any:
    import keras_hub

    return keras_hub.models.BertTokenizer(VOCABULARY, lowercase=True)


def preprocessor() -> Any:
    from tfreg.data.preprocessing import TextPreprocessor

    return TextPreprocessor(tokenizer(), labels=("bad", "good"))


def model() -> Any:
    from tfreg.models import TextClassifier

    return TextClassifier(backbone(), preprocessor(), labels=("bad", "good"))


MAKERS: dict[str, Callable[[], Any]] = {
    maker.__name__: maker for maker in (backbone, tokenizer, preprocessor, model)
}


@pytest.fixture(autouse=True, scope="session")
def _features_apart(tmp_path_factory):
    """Tests neither read nor fill the user's own features of frozen encoders."""
    before = os.environ.get("KERAS_HOME")
    os.environ["KERAS_HOME"] = str(tmp_path_factory.mktemp("keras"))
    yield
    if before is None:
        del os.environ["KERAS_HOME"]
    else:
        os.environ["KERAS_HOME"] = before


@pytest.fixture(autouse=True)
def example_names(request, doctest_namespace):
    """Makes what an example mentions, anew for each."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    code = " ".join(example.source for example in request.node.dtest.examples)
    for name in MAKERS.keys() & set(re.findall(r"\w+", code)):
        doctest_namespace[name] = MAKERS[name]()
