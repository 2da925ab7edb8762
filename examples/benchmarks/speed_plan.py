"""What the speed benchmark measures: encoders, tasks, systems, rows, names.

Standard library only, because every system's environment imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tasks import SETTINGS

ENCODERS = ("minilm", "bert-base")

BERT_BASE: dict[str, Any] = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "vocab_size": 30522,
}
"""The second encoder, with random weights and minilm's tokenizer."""


class Task(NamedTuple):
    """One data set as it is timed.

    Args:
        folder: name of its folder under `--data`.
        kind: "classify", "regress" or "tag".
        length: the sequence length that a KerasHub user would set by hand.
        words: longer rows are left out of the samples, so that nobody cuts a text.
        metric: the dev score that stands next to the times.
        learning_rate: of the full fits, but for KerasHub's, which has its own.
    """

    folder: str
    kind: str
    length: int
    words: int
    metric: str
    learning_rate: float = SETTINGS["learning_rate"]


TASKS = {
    "sst2": Task("sst2", "classify", 64, 40, "accuracy"),
    "conll2003": Task("conll2003_ner", "tag", 128, 60, "span_f1_strict"),
    "stsb": Task("stsb", "regress", 128, 60, "pearson"),
}

SCORED = {
    **TASKS,
    "conll2003-2e-4": TASKS["conll2003"]._replace(learning_rate=2e-4),
}
"""The tasks of full fits: two epochs of CoNLL-2003 are too few at the usual rate.

The higher one is what the catalogue's dev rows choose (`catalogue.py`).
"""

SCORE_ROWS = 16_000
"""SST-2's full fits take at most so many training rows."""
SCORE_EPOCHS = 2

ROWS = {
    ("train", "minilm"): 6144,
    ("train", "bert-base"): 128,
    ("predict", "minilm"): 2048,
    ("predict", "bert-base"): 256,
}
"""Rows of one timed segment of texts up to 64 pieces, a multiple of the batch size.

Of longer texts three quarters: who pads to the longest is not to take over a minute.
"""

USUAL_ROWS = {**ROWS, ("train", "minilm"): 1024}
"""The first so many of these rows for Transformers' usual loop, likewise."""

LENGTH_ROWS = {**ROWS, ("train", "minilm"): 384}
"""The first so many of these rows for KerasHub at the length that is set by hand."""

SLOW_ROWS = {
    ("train", "minilm"): 64,
    ("train", "bert-base"): 0,
    ("predict", "minilm"): 256,
    ("predict", "bert-base"): 64,
}
"""The first so many of these rows for KerasHub at its default length.

None for training the larger encoder, where it is 512: a batch takes minutes.
"""

SYSTEMS = {
    "tfreg": "tfreg",
    "kerashub": "kerashub",
    "kerashub-length": "kerashub",
    "transformers": "transformers",
    "transformers-best": "transformers",
}
"""Each system, and whose script (`speed_*.py`) runs it."""

PACKAGES = {
    "tfreg": ("tfreg", "tensorflow", "keras", "keras-hub", "numpy"),
    "kerashub": ("keras-hub", "keras", "tensorflow", "tensorflow-text", "numpy"),
    "transformers": ("transformers", "torch", "tokenizers", "numpy"),
}
"""Whose versions each script's results record."""

FIT_ROWS = 512
FIT_EPOCHS = 3
"""A small fit, timed from its process's start; KerasHub's would take over a minute."""

MEMORY_STEPS = 20
SLOW_MEMORY_STEPS = 2


class Measure(NamedTuple):
    """One system's part in one comparison: it becomes one JSON file."""

    part: str
    encoder: str
    task: str
    system: str

    @property
    def name(self) -> str:
        return ".".join(self)

    @property
    def rows(self) -> int:
        """How many rows it works on; 0 if it is not measured."""
        slow = self.system == "kerashub"
        if slow and TASKS[self.task].kind == "tag":
            return 0  # KerasHub has no tagger, and so no default
        if self.part == "memory":
            return 32 * (SLOW_MEMORY_STEPS if slow else MEMORY_STEPS)
        if self.part == "start":
            return 32
        if self.part == "fit":
            return 0 if SYSTEMS[self.system] == "kerashub" else FIT_ROWS
        own = {
            "kerashub": SLOW_ROWS,
            "kerashub-length": LENGTH_ROWS,
            "transformers": USUAL_ROWS,
        }
        rows = own.get(self.system, ROWS)[self.part, self.encoder]
        return rows if TASKS[self.task].length <= 64 else rows * 3 // 4


SIZES = {
    "train": (1, 4, 16),
    "stream": (1, 4, 16),
    "length": (32, 64, 128, 256, 512),
    "labels": (1, 2, 20, 77),
}
"""What tfreg's cost is measured against: times the data, word pieces, labels."""


def planned() -> Iterator[Measure]:
    """Every measure, those that are made together one after the other."""
    for part in ("train", "predict", "memory", "start", "fit"):
        for encoder in ENCODERS if part in ("train", "predict") else ENCODERS[:1]:
            for task in TASKS if part != "start" else ["sst2"]:
                for system in SYSTEMS:
                    measure = Measure(part, encoder, task, system)
                    if measure.rows:
                        yield measure
    for kind, sizes in SIZES.items():
        for size in sizes:
            yield Measure("size", "minilm", f"{kind}-{size}", "tfreg")
    for task in SCORED:
        for system, owner in SYSTEMS.items():
            if system == "kerashub":
                continue  # as its length set, for hours
            if owner == "kerashub" and task not in TASKS:
                continue  # at its own rate, as before
            yield Measure("scores", "minilm", task, system)
