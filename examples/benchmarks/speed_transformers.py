"""Transformers' and PyTorch's worker, in two systems; runs in their environment.

`transformers` is the usual loop, in Trainer's defaults: float32, random batches padded
to their longest row, fused AdamW. `transformers-best` groups rows by length, computes
under bfloat16 autocast if the processor has that, and pads and compiles as a short
trial finds fastest.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scores_transformers import (
    batches,
    build_model,
    build_optimizer,
    predict,
    train_epoch,
)
from speed_plan import PACKAGES
from speed_worker import Job, serve
from tasks import SETTINGS, find_split, read_sentences, read_table
from transformers import AutoTokenizer
from transformers.trainer_pt_utils import get_length_grouped_indices
from transformers_data import Split, pad_rows

MEGABATCH = 50  # batches whose rows are sorted together, as Trainer's for large data

USUAL = {"grouped": False, "bfloat16": False, "multiple": 1, "compiled": False}
# Emulated, it is many times as slow as float32: no trial is needed.
BFLOAT16 = "_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
BEST = {"grouped": True, "bfloat16": BFLOAT16, "multiple": 1, "compiled": False}
TRIALS = {**({"bfloat16": False} if BFLOAT16 else {}), "multiple": 8, "compiled": True}
"""What may differ from `BEST` where it is faster, tried in this order."""
GAIN = 0.98
"""A change is kept if it takes less than this share of the time."""


class Transformers:
    """A model, its split tokenised, and how it is run."""

    def __init__(self, job: Job) -> None:
        torch.manual_seed(job.seed)
        self.job = job
        self.tokenizer = AutoTokenizer.from_pretrained(job.encoder)
        self.split = Split(job.folder, "train", job.kind, self.tokenizer)
        self.model = build_model(job.encoder, job.kind, self.split.labels)
        self.best = job.system == "transformers-best"
        self.way = {**(BEST if self.best else USUAL), **(job.choice or {})}
        self.texts: Any = None
        self.compiled: Any = None
        self.lengths = [len(row["input_ids"]) for row in self.split.rows]

    def tokens(self) -> int:
        """Real pieces of the training split."""
        return sum(self.lengths)

    def _run(self) -> Any:
        """The model, compiled if that is the way."""
        if not self.way["compiled"]:
            return self.model
        if self.compiled is None:
            self.compiled = torch.compile(self.model, dynamic=True)
        return self.compiled

    def _autocast(self) -> Any:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.way["bfloat16"])

    def train(self, epochs: int = 1) -> None:
        """Epochs with their own schedule and fresh moments."""
        steps = epochs * math.ceil(len(self.lengths) / SETTINGS["batch_size"])
        rate = self.job.learning_rate
        optimizer, schedule = build_optimizer(self.model, steps, rate, fused=True)
        self.split.multiple = self.way["multiple"]
        for _ in range(epochs):
            order = None
            if self.way["grouped"]:
                order = get_length_grouped_indices(
                    self.lengths, SETTINGS["batch_size"], mega_batch_mult=MEGABATCH
                )
            train_epoch(
                self._run(), self.split, optimizer, schedule, self._autocast, order
            )

    @torch.inference_mode()
    def predict(self) -> list[np.ndarray]:
        """Logits of raw texts: one array a text, for taggers a row a word."""
        if self.texts is None:
            self.texts = read_texts(self.job)
        model = self._run()
        model.eval()
        tag = self.job.kind == "tag"
        keys = "input_ids", "token_type_ids", "attention_mask"
        found = self.tokenizer(*self.texts, is_split_into_words=tag)
        rows = [dict(zip(keys, row)) for row in zip(*(found[key] for key in keys))]
        order = list(range(len(rows)))
        if self.way["grouped"]:
            order.sort(key=lambda row: len(rows[row]["input_ids"]))
        logits: list[Any] = [None] * len(rows)
        for indices in batches(order):
            batch = pad_rows([rows[index] for index in indices], self.way["multiple"])
            with self._autocast():
                answers = model(**batch).logits.float().numpy()
            for index, answer in zip(indices, answers):
                logits[index] = answer
        if tag:
            firsts = (first_pieces(found.word_ids(row)) for row in range(len(rows)))
            return [answer[places] for answer, places in zip(logits, firsts)]
        return logits

    def tune(self) -> dict[str, Any]:
        """Try each change on a quarter of the rows; keep it where it is faster."""
        if not self.best:
            return {}
        whole = self.split.rows, self.lengths, self.texts or read_texts(self.job)
        part = slice(0, max(len(self.lengths) // 4, SETTINGS["batch_size"]))
        self.split.rows, self.lengths = whole[0][part], whole[1][part]
        self.texts = [texts[part] for texts in whole[2]]
        work = self.train if self.job.part == "train" else self.predict
        seconds = shortest(work)
        trials = {"none": seconds}
        for name, value in TRIALS.items():
            before = self.way[name]
            self.way[name] = value
            try:
                trials[f"{name}={value}"] = found = shortest(work)
            except Exception as error:  # no C++ compiler, say
                trials[f"{name}={value}"] = f"{type(error).__name__}: {error}"[:300]
                found = math.inf
            if found < GAIN * seconds:
                seconds = found
            else:
                self.way[name] = before
        self.split.rows, self.lengths, self.texts = whole
        return {**self.way, "trials": trials}

    def score(self, epochs: int) -> dict[str, float]:
        """Fit, then the dev scores."""
        self.train(epochs)
        labels = self.split.labels
        dev = Split(self.job.folder, "dev", self.job.kind, self.tokenizer, labels)
        return dev.scores(predict(self.model, dev, self._autocast))


def read_texts(job: Job) -> list[list[Any]]:
    """Texts as they stand in the file: a list of them, or two for pairs."""
    path = find_split(job.folder, "train")
    assert path is not None
    if job.kind == "tag":
        return [read_sentences(path)[0]]
    return [list(texts) for texts in zip(*read_table(path)[0])]


def first_pieces(words: list[int | None]) -> list[int]:
    """The place of each word's first piece."""
    return [
        place
        for place, (before, word) in enumerate(zip([None, *words], words))
        if word is not None and word != before
    ]


def shortest(work: Callable[[], Any]) -> float:
    """Seconds of the faster of two runs, after one that warms up."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


if __name__ == "__main__":
    serve(Transformers, PACKAGES["transformers"])
