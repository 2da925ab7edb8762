"""The peer's side of the data: one split, tokenised, batched and scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tasks import SETTINGS, find_split, read_sentences, read_table

NO_LABEL = -100


class Split:
    """One split: its true targets, and its rows tokenised for training."""

    def __init__(
        self,
        folder: Path,
        name: str,
        kind: str,
        tokenizer: Any,
        labels: list[str] | None = None,
    ) -> None:
        path = find_split(folder, name)
        if path is None:
            raise SystemExit(f"scores_transformers: {folder}: no {name} file")
        limits = {"truncation": True, "max_length": SETTINGS["sequence_length"]}
        self.kind = kind
        self.multiple = 1
        self.word_ids: list[list[int | None]] = []
        self.targets: list[Any]
        if kind == "tag":
            sentences, tags = read_sentences(path)
            encoded = tokenizer(sentences, is_split_into_words=True, **limits)
            self.word_ids = [encoded.word_ids(row) for row in range(len(tags))]
            self.targets = list(tags)
        else:
            texts, labelled = read_table(path)
            encoded = tokenizer(*map(list, zip(*texts)), **limits)
            regress = kind == "regress"
            self.targets = [float(x) if regress else x for x in labelled]
        self.labels = labels or self._names()
        keys = "input_ids", "token_type_ids", "attention_mask"
        self.rows: list[dict[str, Any]] = [
            {**{key: encoded[key][row] for key in keys}, "labels": target}
            for row, target in enumerate(self._ids())
        ]

    def _names(self) -> list[str]:
        if self.kind == "regress":
            return ["score"]
        if self.kind == "tag":
            return sorted({tag for tags in self.targets for tag in tags})
        return sorted(set(self.targets))

    def _ids(self) -> list[Any]:
        if self.kind == "regress":
            return self.targets
        ids = {name: index for index, name in enumerate(self.labels)}
        if self.kind == "classify":
            return [ids[target] for target in self.targets]
        # A word is read and tagged at its first piece.
        return [
            [
                NO_LABEL if word is None or word == before else ids[tags[word]]
                for before, word in zip([None, *words], words)
            ]
            for words, tags in zip(self.word_ids, self.targets)
        ]

    def batch(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """Rows padded to the longest of them, or to the next multiple."""
        return pad_rows([self.rows[index] for index in indices], self.multiple)

    def scores(self, logits: list[np.ndarray]) -> dict[str, float]:
        """Metrics against the true targets, under tfreg's names."""
        # Here, because a start that is timed must not pay for them.
        from scipy.stats import pearsonr, spearmanr
        from seqeval.metrics import f1_score as span_f1
        from seqeval.scheme import IOB2
        from sklearn.metrics import accuracy_score, f1_score

        if self.kind == "regress":
            values = np.array([row[0] for row in logits], "float64")
            return {
                "pearson": float(pearsonr(self.targets, values).statistic),
                "spearman": float(spearmanr(self.targets, values).statistic),
                "mse": float(np.mean((values - self.targets) ** 2)),
            }
        if self.kind == "classify":
            found = [self.labels[int(row.argmax())] for row in logits]
            return {
                "accuracy": float(accuracy_score(self.targets, found)),
                "macro_f1": float(f1_score(self.targets, found, average="macro")),
            }
        tags = [self._tags(row, logits[row]) for row in range(len(logits))]
        strict = span_f1(self.targets, tags, mode="strict", scheme=IOB2)
        lenient = span_f1(self.targets, tags)
        return {"span_f1_strict": float(strict), "span_f1_lenient": float(lenient)}

    def _tags(self, row: int, logits: np.ndarray) -> list[str]:
        """One tag a word; words past the length limit were not seen: "O"."""
        tags = ["O"] * len(self.targets[row])
        ids = self.rows[row]["labels"]
        for piece, word in enumerate(self.word_ids[row]):
            if word is not None and ids[piece] != NO_LABEL:
                tags[word] = self.labels[int(logits[piece].argmax())]
        return tags


def pad_rows(rows: Sequence[dict[str, Any]], multiple: int) -> dict[str, torch.Tensor]:
    """Rows as one batch: lists padded to the longest, rounded up to a multiple."""
    longest = max(len(row["input_ids"]) for row in rows)
    longest = -(-longest // multiple) * multiple
    fill = {"labels": NO_LABEL}
    batch = {}
    for key in rows[0]:
        values = [row[key] for row in rows]
        if isinstance(values[0], list):
            pad = fill.get(key, 0)
            values = [row + [pad] * (longest - len(row)) for row in values]
        batch[key] = torch.tensor(values)
    return batch
