"""Blocks that begin to train one after another."""

from __future__ import annotations

import warnings
from typing import Any

import keras

from tfreg import _compat
from tfreg._checks import DataWarning, InputError, check_integer
from tfreg.optimizers import AdamW
from tfreg.selection import matches


class GradualUnfreezing(keras.callbacks.Callback):
    """The head trains alone for an epoch; then, from the top, ever more blocks.

    In epoch e, counted from 0, the head, the pooler and the e·blocks uppermost blocks
    train; the embeddings count as the lowest block, and blocks that are frozen for
    good do not count. What does not train yet has the rate 0 (decay included): it stays
    bit for bit, and nothing is traced anew. Its gradients are computed all the same:
    clipping counts them, and Adam's moments are kept, so that its first steps are no
    longer than others.

    `fit` adds it where the recipe says ``gradual_unfreezing``. A second fit begins with
    the head again; one that goes on, at ``initial_epoch``, goes on.

    Args:
        blocks_per_epoch: at least 1; defaults to 1.

    Raises:
        InputError: no such number; a model that is compiled with another optimiser
            than `tfreg.optimizers.AdamW`, or whose blocks are shared (ALBERT).

    Warns:
        DataWarning: a fit has too few epochs for all blocks.

    Example:
        >>> model.compile()
        >>> history = model.fit(
        ...     ["a good text", "a bad text"], ["good", "bad"], epochs=2, verbose=0,
        ...     callbacks=[GradualUnfreezing(2)],
        ... )

    Howard & Ruder (2018), "Universal Language Model Fine-tuning for Text
    Classification", section 3.3. Departure: there frozen layers keep no moments.
    """

    def __init__(self, blocks_per_epoch: int = 1) -> None:
        super().__init__()
        self.blocks_per_epoch = check_integer(
            "blocks_per_epoch", blocks_per_epoch, low=1
        )
        self._optimizer: Any = None
        self._groups: list[tuple[str, ...]] = []

    def begin(self, model: Any) -> None:
        """Give the groups of weights of a model rates of their own, before it trains.

        Args:
            model: a compiled task model.
        """
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        if not isinstance(optimizer, AdamW):
            raise InputError(
                "`GradualUnfreezing` needs tfreg.optimizers.AdamW, which has rates by "
                f"block; the model is compiled with {type(optimizer).__name__}"
            )
        trained = [variable.path for variable in model.trainable_variables]
        self._groups = [
            patterns
            for patterns in model.block_patterns
            if any(matches(path, patterns) for path in trained)
        ]
        self._optimizer = optimizer
        ours = [pattern for group in self._groups for pattern in group]
        optimizer.hold(ours)
        for path in trained:
            if matches(path, ours) and optimizer.group(path) not in ours:
                raise InputError(
                    f"the optimizer's rate of {path!r} goes by "
                    f"{optimizer.group(path)!r}, not by its block"
                )
        _compat.build_optimizer(model)

    def on_train_begin(self, logs: Any = None) -> None:
        epochs = self.params["epochs"]
        never = len(self._groups) - (epochs - 1) * self.blocks_per_epoch
        if never > 0:
            warnings.warn(
                f"`gradual_unfreezing`={self.blocks_per_epoch}: the lowest {never} of "
                f"{len(self._groups)} blocks (embeddings included) never train in "
                f"{epochs} epochs",
                DataWarning,
                stacklevel=2,
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._let_train(epoch * self.blocks_per_epoch)

    def on_train_end(self, logs: Any = None) -> None:
        self._let_train(len(self._groups))

    def _let_train(self, count: int) -> None:
        """Have so many of the uppermost groups train, and the others not."""
        still = max(len(self._groups) - count, 0)
        for number, group in enumerate(self._groups):
            for pattern in group:
                self._optimizer.scale(pattern, float(number >= still))
