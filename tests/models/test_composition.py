"""Whatever is combined trains, saves, loads and predicts the same, or is refused."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest

import tfreg
from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS
from tfreg._checks import InputError
from tfreg.adapt import Adapter, BitFit, LoRA
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.data.augment import Deletion, Masking, Swap, Synonyms
from tfreg.heads import CRF, Bottleneck, Linear, Projection
from tfreg.objectives import (
    FGM,
    SAM,
    VAT,
    ConfidencePenalty,
    Focal,
    FreeLB,
    Mixup,
    RDrop,
)
from tfreg.optimizers import ChildTuning
from tfreg.regularizers import (
    L1,
    L2,
    L2SP,
    ByDepth,
    FisherL2SP,
    GroupLasso,
    Orthogonal,
    ProximalGroupLasso,
    ProximalL1,
    Spectral,
)

DRAWS, IN_CI = 200, 4
SENTENCES = [["the", "good", "movie"], ["a", "bad", "dog"], ["good"], ["x", "y"]] * 4
TAGS = [["O", "B-X", "I-X"], ["O"] * 3, ["B-X"], ["O", "B-X"]] * 4
TASKS = ("classify", "multilabel", "regress", "tag")
TERMS = [RDrop(1.0), VAT(1.0, epsilon=0.01), FGM(0.5), ConfidencePenalty(0.1)]
BASES = [FreeLB(steps=2), Mixup(0.4), Focal(2.0), SAM(0.05)]
# What may be drawn: kinds of regularisers, their fields, and the fields' values.
KINDS: dict[str, dict[str, list[Any]]] = {
    "penalty": {
        "kernel_regularizer": [L2(0.1), [L1(1e-3), L2(0.1)], ProximalL1(1e-3)],
        "backbone_regularizer": [
            L2SP(0.1),
            FisherL2SP(0.1),
            Orthogonal(1e-3),
            Spectral(1e-3),
            GroupLasso(1e-3),
            ProximalGroupLasso(1e-3, groups="neurons"),
            ByDepth(L2SP(0.1), 0.5),
            {"*/query/kernel": ProximalL1(1e-3), "*/value/*": [L2(0.1), L2SP(0.1)]},
        ],
        "anchor_decay": [0.1],
    },
    "stochastic": {
        "dropout": [0.0, 0.3],
        "backbone_dropout": [0.0, 0.2],
        "attention_dropout": [0.0, 0.2],
        "word_dropout": [0.2],
        "embedding_noise": [0.01],
        "mixout": [0.5],
        "dropconnect": [0.1],
        "weight_noise": [0.1],
        "multi_sample_dropout": [3],
        "noisy_tune": [0.15],
    },
    "objective": {
        "objective": [
            *TERMS,
            *BASES,
            [FGM(0.5), RDrop(1.0)],
            [SAM(0.05), ConfidencePenalty(0.1)],
        ],
        "label_smoothing": [0.1],
    },
    "head": {
        "head": [
            "crf",
            CRF(L2(0.1)),
            "projection",
            Projection(width=8, pooling="attention"),
            Projection(width=8, layer_mix=True),
            Projection(width=8, orthogonality=0.1),
            Linear(pooling="mean"),
            Bottleneck(dim=4),
        ],
    },
    "adapter": {
        "adapter": [
            LoRA(2),
            LoRA(2, targets=("key", "feedforward_output"), penalty=L2(0.1)),
            Adapter(4),
            BitFit(),
        ],
    },
    "structure": {
        "freeze": ["embeddings", "backbone", 1],
        "reinitialize": [1],
        "gradual_unfreezing": [1, 9],
        "child_tuning": [ChildTuning(0.3), ChildTuning(0.3, fisher=True)],
    },
    "precision": {"precision": ["bfloat16", "float16"]},
    "training": {
        "augment": [
            Swap(0.2),
            [Masking(0.2), Deletion(0.2)],
            Synonyms(0.5, {"good": ["bad"]}),
        ],
        "schedule": ["cosine", "constant", "slanted"],
        "layer_decay": [0.8],
        "ema": [0.9],
        "swa": [0.5],
        "global_clipnorm": [None],
        "gradient_accumulation_steps": [2],
        "steps_per_execution": [2],
    },
}
FIELDS = {name: values for kind in KINDS.values() for name, values in kind.items()}


def draw(number: int, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """A task and fields of a recipe: most kinds, of each one or two.

    One field goes by the number, so that all of them are drawn.
    """
    names = [list(FIELDS)[7 * number % len(FIELDS)]]
    for kind in KINDS.values():
        if chance.random() < 0.6:
            names += chance.sample(list(kind), min(chance.choice([1, 1, 2]), len(kind)))
    return chance.choice(TASKS), {name: chance.choice(FIELDS[name]) for name in names}


def build(task: str, fields: dict[str, Any]) -> Any:
    given = {
        "tokenizer": tokenizer(),
        "sequence_length": 16,
        "batch_size": 8,
        "epochs": 2,
        "learning_rate": 1e-3,
        **fields,
    }
    precision = fields.get("precision", "float32")
    policy = precision if precision == "float32" else f"mixed_{precision}"
    backbone = tiny(dropout=0.1, dtype=policy)
    if task == "regress":
        return build_regressor(backbone, **given)
    if task == "tag":
        return build_tagger(backbone, ("O", "B-X", "I-X"), **given)
    many = task == "multilabel"
    return build_classifier(backbone, ("neg", "pos"), multi_label=many, **given)


def data(task: str) -> tuple[Any, Any]:
    if task == "tag":
        return SENTENCES, TAGS
    targets = {
        "classify": NAMES,
        "multilabel": [[name] for name in NAMES],
        "regress": [float(len(text)) / 10 for text in TEXTS],
    }
    return TEXTS, targets[task]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=pytest.mark.slow if number >= IN_CI else ())
        for number in range(DRAWS)
    ],
)
def test_any_recipe(number, tmp_path):
    chance = random.Random(number)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "__array__ implementation")
        warnings.filterwarnings(
            "ignore", module="tensorflow", category=DeprecationWarning
        )
        warnings.filterwarnings("ignore", "`gradual_unfreezing`")  # of few epochs
        while True:  # what is refused is drawn again
            task, fields = draw(number, chance)
            try:
                model = build(task, fields)
                break
            except InputError as error:
                assert_names(str(error), fields)
        print(task, fields)  # shown where it fails
        x, y = data(task)
        history = model.fit(x, y, validation_data=(x, y), verbose=0).history
        assert np.isfinite([*history["loss"], *history["val_loss"]]).all()
        model.save(tmp_path / "model.keras")
        again = tfreg.load_model(tmp_path / "model.keras")
        expected = model.predict(x, verbose=0)  # of a tagger: one array a sentence
        for one, other in zip(again.predict(x, verbose=0), expected, strict=True):
            assert np.isfinite(other).all()
            np.testing.assert_array_equal(one, other)
        again.fit(x, y, verbose=0)


def assert_names(message: str, fields: dict[str, Any]) -> None:
    """A refusal is one line that names a field which was given."""
    assert "\n" not in message
    assert any(f"`{name}" in message for name in fields), (message, fields)
