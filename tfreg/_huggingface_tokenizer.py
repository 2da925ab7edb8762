"""A Hugging Face folder -> the tokenizer that Transformers would use."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras_hub

from tfreg._checks import DataWarning, InputError
from tfreg._tensors import read_json
from tfreg._wordpiece import BertWordPieceTokenizer

# Transformers lets `tokenizer_config.json` decide for these (with its defaults for
# what is not in it), and `tokenizer.json` for the generic ones.
_BERT = ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")
_GENERIC = ("PreTrainedTokenizerFast", "TokenizersBackend")
_SPECIAL = {
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "mask_token": "[MASK]",
}
_FILES = {
    "roberta": ("vocab.json", "merges.txt"),
    "xlm-roberta": ("sentencepiece.bpe.model",),
    "albert": ("spiece.model",),
}


def load_tokenizer(folder: Path, model_type: str, vocabulary_size: int) -> Any:
    """The tokenizer of a folder.

    Args:
        folder: a Hugging Face folder.
        model_type: as in its `config.json`.
        vocabulary_size: rows of the token embedding; more pieces are an error.

    Raises:
        InputError: files missing, or a tokenizer that cannot be followed exactly.
    """
    settings = _optional(folder / "tokenizer_config.json")
    name = str(settings.get("tokenizer_class") or "BertTokenizer").removesuffix("Fast")
    if "XLMRoberta" in name:
        model_type = "xlm-roberta"  # a BERT with this vocabulary (multilingual E5)
    try:
        if model_type in _FILES:
            tokenizer = _by_files(folder, model_type, settings)
        else:
            tokenizer = _word_piece(folder, settings, name)
        size = tokenizer.vocabulary_size()
    except InputError:
        raise
    except (
        OSError,
        ValueError,
        RuntimeError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{folder}: unusable vocabulary: {reason[0]}") from error
    if size > vocabulary_size:
        raise InputError(
            f"{folder}: {size} pieces in the vocabulary, but the encoder embeds "
            f"{vocabulary_size}"
        )
    return tokenizer


def _by_files(folder: Path, model_type: str, settings: dict[str, Any]) -> Any:
    paths = [folder / file for file in _FILES[model_type]]
    absent = [path.name for path in paths if not path.is_file()]
    files: list[Any] = [str(path) for path in paths]
    if model_type == "roberta":
        model = _optional(folder / "tokenizer.json").get("model") or {}
        if absent and model.get("type") == "BPE":
            # Recent versions of Transformers save nothing but `tokenizer.json`.
            merges = [x if isinstance(x, str) else " ".join(x) for x in model["merges"]]
            absent, files = [], [model["vocab"], merges]
    if absent:
        raise InputError(f"{folder}: {', '.join(absent)} is missing")
    if model_type == "roberta":
        prefix = bool(settings.get("add_prefix_space", False))
        return keras_hub.tokenizers.RobertaTokenizer(*files, add_prefix_space=prefix)
    if model_type == "xlm-roberta":
        return keras_hub.tokenizers.XLMRobertaTokenizer(*files)
    if settings.get("do_lower_case", True) or not settings.get("keep_accents", False):
        warnings.warn(
            f"{folder}: KerasHub's tokenizer for ALBERT keeps capitals and accents, "
            "Transformers' drops them; give it lowercased text",
            DataWarning,
            stacklevel=2,
        )
    return keras_hub.tokenizers.AlbertTokenizer(*files)


def _word_piece(folder: Path, settings: dict[str, Any], name: str) -> Any:
    if name not in _BERT and name + "Fast" not in _GENERIC and name not in _GENERIC:
        raise InputError(
            f"{folder / 'tokenizer_config.json'}: tokenizer_class {name} is not one of "
            + ", ".join(_BERT)
        )
    for role, token in _SPECIAL.items():
        given = settings.get(role) or token
        given = given.get("content") if isinstance(given, dict) else given
        if given != token:
            raise InputError(
                f"{folder / 'tokenizer_config.json'}: {role} must be {token}; "
                f"got {given!r}"
            )
    path = folder / "tokenizer.json"
    fast = _optional(path)
    decided = _normalizer(path, fast) if fast else {}
    if name in _BERT or not fast:
        said = {
            "lowercase": settings.get("do_lower_case", True),
            "strip_accents": settings.get("strip_accents"),
            "split_on_cjk": settings.get("tokenize_chinese_chars", True),
        }
        differs = {key: x for key, x in decided.items() if said.get(key, x) != x}
        if differs:
            warnings.warn(
                f"{path} says {differs}, tokenizer_config.json or its defaults say "
                "otherwise and hold, as in Transformers",
                DataWarning,
                stacklevel=2,
            )
        decided = said
    if not all(isinstance(x, bool) or x is None for x in decided.values()):
        raise InputError(f"{folder}: expected true or false; got {decided}")
    return BertWordPieceTokenizer(_vocabulary(folder, fast), **decided)


def _normalizer(path: Path, fast: dict[str, Any]) -> dict[str, Any]:
    """What `tokenizer.json` says, if it is BERT's tokenizer."""
    parts = {
        part: (fast.get(part) or {}).get("type")
        for part in ("normalizer", "pre_tokenizer", "model")
    }
    if list(parts.values()) != ["BertNormalizer", "BertPreTokenizer", "WordPiece"]:
        raise InputError(f"{path}: not BERT's way of tokenizing: {parts}")
    normalizer = fast["normalizer"]
    return {
        "lowercase": normalizer.get("lowercase", True),
        "strip_accents": normalizer.get("strip_accents"),
        "split_on_cjk": normalizer.get("handle_chinese_chars", True),
        "clean_text": normalizer.get("clean_text", True),
    }


def _vocabulary(folder: Path, fast: dict[str, Any]) -> list[str]:
    """The pieces in id order, from `vocab.txt` or else from `tokenizer.json`."""
    pieces: list[str] = []
    if (folder / "vocab.txt").is_file():
        text = (folder / "vocab.txt").read_text(encoding="utf-8")
        pieces = text.removesuffix("\n").split("\n")
    if fast:
        ids = fast["model"].get("vocab") or {}
        ordered = sorted(ids, key=ids.__getitem__)
        if [ids[piece] for piece in ordered] != list(range(len(ordered))):
            raise InputError(f"{folder / 'tokenizer.json'}: piece ids have gaps")
        if pieces and pieces != ordered:
            warnings.warn(
                f"{folder}: vocab.txt differs from tokenizer.json, which holds, as in "
                "Transformers",
                DataWarning,
                stacklevel=2,
            )
        pieces = ordered
        added = [
            token["content"]
            for token in fast.get("added_tokens", [])
            if token["content"] not in _SPECIAL.values()
        ]
        if added:
            warnings.warn(
                f"{folder / 'tokenizer.json'}: the added tokens {added} are plain "
                "text here",
                DataWarning,
                stacklevel=2,
            )
    if not pieces:
        raise InputError(f"{folder}: neither vocab.txt nor tokenizer.json is there")
    return pieces


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}
