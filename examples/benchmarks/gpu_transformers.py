"""Transformers and PyTorch, as a worker of gpu.py, with and without torch.compile.

Runs in its own environment (torch and transformers), never in tfreg's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from gpu_worker import Job, batch, serve
from tasks import SETTINGS
from transformers import BertConfig, BertForSequenceClassification

PACKAGES = "torch", "transformers", "triton", "numpy"


def decays(name: str) -> bool:
    """Whether a parameter is neither a bias nor of a layer norm."""
    return not (name.endswith("bias") or "LayerNorm" in name)


class Transformers:
    """BERT with scaled-dot-product attention, autocast and the fused AdamW."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.cuda = torch.cuda.is_available()
        self.place = torch.device("cuda" if self.cuda else "cpu")

    def device(self) -> tuple[str, bool]:
        """The first device that PyTorch sees."""
        return torch.cuda.get_device_name(0) if self.cuda else "cpu", self.cuda

    def load(self) -> None:
        """The model in float32, as autocast wants it."""
        torch.manual_seed(0)
        shape = self.job.shape
        config = BertConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            intermediate_size=shape.intermediate,
            max_position_embeddings=shape.positions,
            hidden_dropout_prob=SETTINGS["dropout"],
            attention_probs_dropout_prob=SETTINGS["dropout"],
            num_labels=shape.labels,
            attn_implementation="sdpa",
        )
        model = BertForSequenceClassification(config).to(self.place).train()
        named = list(model.named_parameters())
        self.weights = [weight for _, weight in named]
        groups = [
            {
                "params": [weight for name, weight in named if decays(name) == decayed],
                "weight_decay": SETTINGS["weight_decay"] if decayed else 0.0,
            }
            for decayed in (True, False)
        ]
        rate = SETTINGS["learning_rate"]
        self.optimizer = torch.optim.AdamW(groups, lr=rate, fused=True)
        compiled = self.job.system.endswith("compiled")
        self.model = torch.compile(model, dynamic=False) if compiled else model
        ids, mask, labels = (torch.from_numpy(part) for part in batch(self.job))
        self.batch = {
            "input_ids": ids.long().to(self.place),
            "attention_mask": mask.to(self.place),
            "token_type_ids": torch.zeros_like(ids).long().to(self.place),
            "labels": labels.to(self.place),
        }

    def train(self, steps: int) -> float:
        """The usual loop; nothing in it waits for the device."""
        total = torch.zeros((), device=self.place)
        for _ in range(steps):
            with torch.autocast(self.place.type, torch.bfloat16):
                loss = self.model(**self.batch).loss
            loss.backward()
            clip = SETTINGS["global_clipnorm"]
            torch.nn.utils.clip_grad_norm_(self.weights, clip)
            self.optimizer.step()
            self.optimizer.zero_grad()
            total += loss.detach()
        self._wait()
        return float(total) / steps

    def product(self, m: int, k: int, n: int) -> Callable[[int], None]:
        """Products of random numbers: of zeros they can be faster."""
        a = torch.randn(m, k, device=self.place).bfloat16()
        b = torch.randn(k, n, device=self.place).bfloat16()
        c = torch.empty(m, n, device=self.place, dtype=torch.bfloat16)

        def run(times: int) -> None:
            for _ in range(times):
                torch.mm(a, b, out=c)
            self._wait()

        return run

    def peak_memory(self) -> int | None:
        """As PyTorch's allocator counts it."""
        return torch.cuda.max_memory_allocated() if self.cuda else None

    def _wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()


if __name__ == "__main__":
    serve(Transformers, PACKAGES)
