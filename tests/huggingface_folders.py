"""Tiny Hugging Face folders written by hand, and what NumPy says they compute."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES += ["cafe", "café", "Cafe", "Café", "a", "b", "##b", "中", "国", "中国", "…"]
WIDTH, HEADS, INNER, LENGTH, EMBEDDING = 8, 2, 16, 12, 4

BERT = {
    "model_type": "bert",
    "vocab_size": len(PIECES),
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "max_position_embeddings": LENGTH,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": BERT,
    "roberta": {**BERT, "model_type": "roberta"},
    "xlm-roberta": {**BERT, "model_type": "xlm-roberta"},
    "albert": {**BERT, "model_type": "albert", "embedding_size": EMBEDDING},
    "distilbert": {
        "model_type": "distilbert",
        "vocab_size": len(PIECES),
        "n_layers": 2,
        "n_heads": HEADS,
        "dim": WIDTH,
        "hidden_dim": INNER,
        "max_position_embeddings": LENGTH,
        "activation": "gelu",
    },
}
# How each family calls BERT's tensors (first match wins).
NAMES = {
    "bert": (),
    "roberta": (),
    "xlm-roberta": (),
    "albert": (
        ("encoder.layer.0.attention.self.", "{}attention."),
        ("encoder.layer.0.attention.output.", "{}attention."),
        ("encoder.layer.0.intermediate.dense.", "{}ffn."),
        ("encoder.layer.0.output.dense.", "{}ffn_output."),
        ("encoder.layer.0.output.LayerNorm.", "{}full_layer_layer_norm."),
        ("pooler.dense.", "pooler."),
    ),
    "distilbert": (
        ("attention.self.query", "attention.q_lin"),
        ("attention.self.key", "attention.k_lin"),
        ("attention.self.value", "attention.v_lin"),
        ("attention.output.dense", "attention.out_lin"),
        ("attention.output.LayerNorm", "sa_layer_norm"),
        ("intermediate.dense", "ffn.lin1"),
        ("output.dense", "ffn.lin2"),
        ("output.LayerNorm", "output_layer_norm"),
    ),
}
_ALBERT = "encoder.albert_layer_groups.0.albert_layers.0."

ERF = np.vectorize(math.erf)
ACTIVATIONS = {
    "gelu": lambda x: x * (1 + ERF(x / np.sqrt(2))) / 2,
    "gelu_new": lambda x: (
        x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2
    ),
    "relu": lambda x: np.maximum(x, 0),
}


def tensors(kind: str = "bert", layers: int = 2, segments: int = 2) -> dict:
    """Random tensors of one family, under BERT's names."""
    rng = np.random.default_rng(7)
    embedding = EMBEDDING if kind == "albert" else WIDTH
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(PIECES), embedding),
        "embeddings.position_embeddings.weight": (LENGTH, embedding),
        "embeddings.token_type_embeddings.weight": (segments, embedding),
        "embeddings.LayerNorm.weight": (embedding,),
        "embeddings.LayerNorm.bias": (embedding,),
    }
    if kind == "distilbert":
        del shapes["embeddings.token_type_embeddings.weight"]
    if kind == "albert":
        layers = 1
        shapes["encoder.embedding_hidden_mapping_in.weight"] = (WIDTH, embedding)
        shapes["encoder.embedding_hidden_mapping_in.bias"] = (WIDTH,)
    for i in range(layers):
        block = f"encoder.layer.{i}."
        for dense, out, into in (
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", INNER, WIDTH),
            ("output.dense", WIDTH, INNER),
        ):
            shapes[f"{block}{dense}.weight"] = (out, into)
            shapes[f"{block}{dense}.bias"] = (out,)
        for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{block}{norm}.weight"] = shapes[f"{block}{norm}.bias"] = (WIDTH,)
    if kind in ("bert", "albert"):
        shapes["pooler.dense.weight"] = (WIDTH, WIDTH)
        shapes["pooler.dense.bias"] = (WIDTH,)
    return {
        name: rng.normal(0, 0.6, shape).astype("float32")
        for name, shape in shapes.items()
    }


def write(
    folder: Path,
    kind: str = "bert",
    weights: dict | None = None,
    *,
    prefix: str = "",
    vocabulary: list[str] | None = PIECES,
    tokenizer_config: dict | None = None,
    tokenizer_json: dict | None = None,
    drop: tuple[str, ...] = (),
    **config: Any,
) -> Path:
    """A folder as Transformers saves it; config entries may be changed or dropped."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**CONFIGS[kind], **config}
    settings = {key: value for key, value in settings.items() if key not in drop}
    (folder / "config.json").write_text(json.dumps(settings))
    weights = tensors(kind) if weights is None else weights
    stored = {prefix + stored_name(kind, name): x for name, x in weights.items()}
    save_file(stored, folder / "model.safetensors")
    if vocabulary is not None:
        text = "".join(piece + "\n" for piece in vocabulary)
        (folder / "vocab.txt").write_text(text, encoding="utf-8")
    if tokenizer_config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    if tokenizer_json is not None:
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json))
    return folder


def fast_tokenizer(normalizer: dict[str, Any], pieces: list[str] = PIECES) -> dict:
    """A `tokenizer.json` of BERT's kind."""
    return {
        "normalizer": {"type": "BertNormalizer", **normalizer},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "vocab": {x: i for i, x in enumerate(pieces)}},
    }


def stored_name(kind: str, name: str) -> str:
    """What a family calls one of BERT's tensors."""
    for bert, other in NAMES[kind]:
        if bert in name:
            name = name.replace(bert, other.format(_ALBERT))
            break
    if kind == "distilbert":
        name = name.replace("encoder.layer.", "transformer.layer.")
    return name


def forward(
    weights: dict,
    ids: np.ndarray,
    mask: np.ndarray,
    segments: np.ndarray,
    *,
    kind: str = "bert",
    activation: str = "gelu",
    epsilon: float = 1e-12,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The encoder in float64: its rows, and its pooled output if it has a pooler."""
    w = {name: x.astype("float64") for name, x in weights.items()}

    def dense(name: str, x: np.ndarray) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    first = 2 if "roberta" in kind else 0
    positions = w["embeddings.position_embeddings.weight"][first:][: ids.shape[1]]
    x = w["embeddings.word_embeddings.weight"][ids] + positions
    if kind != "distilbert":
        x = x + w["embeddings.token_type_embeddings.weight"][segments]
    x = norm("embeddings.LayerNorm", x)
    if kind == "albert":
        x = dense("encoder.embedding_hidden_mapping_in", x)
    for layer in range(2):
        block = f"encoder.layer.{0 if kind == 'albert' else layer}."
        q, k, v = (
            dense(f"{block}attention.self.{part}", x)
            .reshape(*ids.shape, HEADS, -1)
            .transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(WIDTH / HEADS)
        scores = np.where(mask[:, None, None, :] > 0, scores, -np.inf)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        heads = (scores @ v).transpose(0, 2, 1, 3).reshape(x.shape)
        heads = dense(f"{block}attention.output.dense", heads)
        x = norm(f"{block}attention.output.LayerNorm", x + heads)
        inner = ACTIVATIONS[activation](dense(f"{block}intermediate.dense", x))
        x = norm(f"{block}output.LayerNorm", x + dense(f"{block}output.dense", inner))
    if "pooler.dense.weight" not in w:
        return x, None
    return x, np.tanh(dense("pooler.dense", x[:, 0]))
