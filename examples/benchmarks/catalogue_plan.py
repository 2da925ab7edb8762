"""What the catalogue's benchmark runs: methods, tasks, stages, seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

PATIENCE = 3
LEARNING_RATES = (5e-5, 1e-4, 2e-4, 4e-4, 8e-4)
RATE_SEED = 0
SCREEN_SEEDS = (0, 1)
FINAL_SEEDS = (0, 1, 2, 3, 4)
NEAR = 18
"""So many methods get the screen's second seed: the best by its first."""
BEST = 5
"""So many methods go from the screen to the final."""


@dataclass(frozen=True)
class Cut:
    """A data set cut small.

    Args:
        folder: name of its folder under `--data`.
        kind: "classify", "regress" or "tag".
        rows: training examples; the dev split has at most as many.
        metric: what is shown, and chooses; the epoch too, where `fit` logs it.
        epochs: so many that dev stops nearly every fit before; the schedule ends
            with the last.
    """

    folder: str
    kind: str
    rows: int
    metric: str
    epochs: int


CUTS = {
    "sst2-500": Cut("sst2", "classify", 500, "accuracy", 24),
    "conll2003-500": Cut("conll2003_ner", "tag", 500, "span_f1_strict", 32),
    "stsb-500": Cut("stsb", "regress", 500, "spearman", 32),
    "cola-1000": Cut("cola", "classify", 1000, "mcc", 40),
    "banking77-1000": Cut("banking77", "classify", 1000, "accuracy", 48),
}
SCREEN = ("sst2-500", "conll2003-500")

PLAIN = "plain"


def named(package: str, name: str, **config: Any) -> dict[str, Any]:
    """An object in a recipe's field, in Keras's serialised form."""
    return {"class_name": f"{package}{name}", "config": config}


def ours(name: str, **config: Any) -> dict[str, Any]:
    """One of tfreg's objects."""
    return named("tfreg>", name, **config)


METHODS: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "L2 on the head": {"kernel_regularizer": named("", "L2", l2=1e-3)},
    "ProximalL1 on the head": {"kernel_regularizer": ours("ProximalL1", strength=1e-4)},
    "L2SP": {"backbone_regularizer": ours("L2SP", alpha=5e-3)},
    "L2SP by depth": {
        "backbone_regularizer": ours(
            "ByDepth", regularizer=ours("L2SP", alpha=2e-3), factor=1.3
        )
    },
    "FisherL2SP": {"backbone_regularizer": ours("FisherL2SP", alpha=500.0)},
    "Orthogonal": {"backbone_regularizer": ours("Orthogonal", alpha=1e-5)},
    "Spectral": {"backbone_regularizer": ours("Spectral", alpha=5e-3)},
    "GroupLasso": {"backbone_regularizer": ours("GroupLasso", strength=1e-6)},
    "anchor decay": {"anchor_decay": 0.01, "weight_decay": 0.0},
    "dropout 0.3": {"dropout": 0.3},
    "hidden and attention dropout 0.2": {
        "backbone_dropout": 0.2,
        "attention_dropout": 0.2,
    },
    "WordDropout": {"word_dropout": 0.1},
    "embedding noise": {"embedding_noise": 0.05},
    "Mixout": {"mixout": 0.7},
    "DropConnect": {"dropconnect": 0.1},
    "weight noise": {"weight_noise": 0.1},
    "MultiSampleDropout": {"multi_sample_dropout": 5, "dropout": 0.3},
    "NoisyTune": {"noisy_tune": 0.15},
    "bottleneck": {"head": ours("Bottleneck")},
    "projection": {"head": "projection"},
    "CRF": {"head": "crf"},
    "label smoothing": {"label_smoothing": 0.1},
    "RDrop": {"objective": ours("RDrop", weight=1.0)},
    # Its step is too small for bfloat16.
    "VAT in float32": {
        "objective": ours("VAT", weight=1.0),
        "precision": "float32",
    },
    "FGM": {"objective": ours("FGM", weight=1.0)},
    "FreeLB": {"objective": ours("FreeLB")},
    "Mixup": {"objective": ours("Mixup")},
    "ConfidencePenalty": {"objective": ours("ConfidencePenalty", weight=0.1)},
    "Focal": {"objective": ours("Focal")},
    "SAM": {"objective": ours("SAM")},
    "LoRA": {"adapter": ours("LoRA", rank=8, alpha=16), "learning_rate": 1e-3},
    "Adapter": {"adapter": ours("Adapter", dim=64), "learning_rate": 1e-3},
    "BitFit": {"adapter": ours("BitFit"), "learning_rate": 1e-3},
    "freeze embeddings": {"freeze": "embeddings"},
    "freeze 3 blocks": {"freeze": 3},
    "re-initialise 1 block": {"reinitialize": 1},
    "gradual unfreezing": {"gradual_unfreezing": 1},
    "ChildTuning": {"child_tuning": ours("ChildTuning")},
    "layer decay": {"layer_decay": 0.9},
    "EMA": {"ema": 0.99},
    "SWA": {"swa": 0.8},  # with 0.5 dev ended every fit before its first mean
    "slanted triangular": {"schedule": "slanted"},
    "swap": {"augment": ours("Swap", rate=0.1)},
    "deletion": {"augment": ours("Deletion", rate=0.1)},
    "masking": {"augment": ours("Masking", rate=0.1)},
}
"""Recipe fields of each method, at its paper's setting where it has one; what a task
cannot have (tfreg refuses it) is not run there."""


class Run(NamedTuple):
    """One fine-tuning."""

    stage: str  # "learning-rate", "screen" or "final"
    cut: str
    method: str
    seed: int

    @property
    def name(self) -> str:
        method = self.method.replace(" ", "_").replace("+", "and")
        return f"{self.stage}.{self.cut}.{method}.{self.seed}"

    @property
    def fields(self) -> dict[str, Any]:
        """Recipe fields that differ from the plain recipe's."""
        if self.stage == "learning-rate":
            return {"learning_rate": float(self.method)}
        return fields_of(self.method)


def fields_of(method: str) -> dict[str, Any]:
    """The recipe fields of a method, or of two joined by " + "."""
    fields: dict[str, Any] = {}
    for part in method.split(" + "):
        for name, value in METHODS[part].items():
            if name in fields and name in ("objective", "backbone_regularizer"):
                fields[name] = [fields[name], value]
            else:
                fields[name] = value
    return fields
