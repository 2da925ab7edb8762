"""Compiling, fitting, evaluating and predicting, from texts and by a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import keras_hub
import numpy as np

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.callbacks import Annealing, EpochClock
from tfreg.data.encoded import Encoded
from tfreg.data.examples import Examples
from tfreg.data.ladder import Rooms
from tfreg.models import feeding
from tfreg.models.accumulating import accumulated_step, check_accumulation
from tfreg.models.adapting import begin_strengths, hold_out
from tfreg.models.alike import see_words
from tfreg.models.choosing import choose_child, lacks_child
from tfreg.models.fisher import estimate_fisher
from tfreg.models.fitting import (
    begin_schedule,
    check_compile,
    check_fit,
    check_steps,
    early_stopping,
    give_proximal_sets,
    resumed,
    set_back,
    unfreezing,
)
from tfreg.models.lost_workers import naming_lost_workers
from tfreg.models.optimizing import (
    averaging,
    check_fit_optimizer,
    check_optimizer,
    recipe_optimizer,
)
from tfreg.models.padding import fit_ladder, set_rooms
from tfreg.models.passes import position_loss
from tfreg.models.predicting import predict_batches
from tfreg.models.reusing import reuse_features
from tfreg.optimizers import AdamW
from tfreg.recipe import Recipe


class TextTrainer(_compat.OnWorkers, _compat.ReadsRounded, keras_hub.models.Task):
    """Keras's training loop, for texts, with what a recipe says left unsaid.

    The structure that it trains is that of `TextTask`.
    """

    recipe: Recipe
    objectives: tuple[Any, ...]
    bottleneck: Any
    words_a_row: float | None = None  # of a tagger's last fit on texts
    rooms = Rooms()  # of the last fit's ladder
    room_numbers: Any = None
    logits: Any
    anchors: Any

    def default_loss(self) -> Any:
        """The loss the recipe asks for."""
        raise NotImplementedError

    def default_metrics(self) -> list[Any]:
        """Penalty-free scores of training and dev data."""
        raise NotImplementedError

    def see_targets(self, data: feeding.Feed) -> None:
        """Take from the training targets what the model needs before its first step."""

    def default_optimizer(self) -> AdamW:
        """The recipe's AdamW; anchored weights are not decayed (they are pulled)."""
        return recipe_optimizer(self)

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """Keras's `compile`; what is left out comes from the recipe.

        Raises:
            InputError: a regulariser, which belongs to the builder.
        """
        check_compile(kwargs, self.builder)
        if (reason := _compat.misfit(self)) is not None:
            raise InputError(reason)
        kwargs["jit_compile"] = _compat.jit_compile(kwargs.get("jit_compile", "auto"))
        kwargs.setdefault("steps_per_execution", self.recipe.steps_per_execution)
        with _compat.scope_of(self):
            metrics = self.default_metrics() if metrics is None else metrics
            super().compile(
                optimizer=self.default_optimizer() if optimizer is None else optimizer,
                loss=self.default_loss() if loss is None else loss,
                metrics=metrics,
                **kwargs,
            )
            _compat.track_shares(self)
        self.words_a_row = None
        set_rooms(self, Rooms())
        self.score_names = {getattr(m, "name", m) for m in keras.tree.flatten(metrics)}
        check_accumulation(self)
        give_proximal_sets(self)
        self.position_loss = position_loss(self, kwargs.get("loss_weights"))
        check_optimizer(self)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as saved; Keras skips this for models with their own `compile`."""
        saved = keras.saving.deserialize_keras_object(dict(config))
        # Chosen where it was saved, perhaps on another backend: choose anew.
        saved["jit_compile"] = saved.get("jit_compile") or "auto"
        self.compile(**saved)
        if getattr(self, "optimizer", None) is not None:
            self.optimizer.build(self.trainable_variables)

    def train_step(self, *args: Any) -> Any:
        """Keras's step; a batch to accumulate over goes through it in parts."""
        parts = self.recipe.gradient_accumulation_steps
        if parts == 1:
            return super().train_step(*args)
        (data,) = args
        return accumulated_step(self, data, parts)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's: one step, on ids; words weigh as in the fit before, if any.

        Raises:
            InputError: what `fit` estimates on its data has not been: the Fisher
                information of `FisherL2SP`, which would be no penalty, or of
                `ChildTuning(fisher=True)`, under which nothing would move.
        """
        if self.anchors.lacks_fisher or lacks_child(self):
            raise InputError(
                "`train_on_batch`: nobody has estimated the Fisher information, which "
                "a penalty or `child_tuning` needs; `fit` does, on its first call (for "
                "a penalty `tfreg.estimate_fisher` too)"
            )
        return super().train_on_batch(*args, **kwargs)

    def encode(self, examples: Examples, **weights: Any) -> Encoded:
        """Tokenise a split once; `fit`, `evaluate` and `predict` take the result.

        Args:
            examples: the split.
            **weights: ``sample_weight`` and ``class_weight``, as for `fit`.
        """
        return feeding.encode(self, examples, **weights)

    @naming_lost_workers
    @_compat.optimized_once()
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *,
        batch_size: int | None = None,
        epochs: int | None = None,
        validation_data: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[str, float] | None = None,
        callbacks: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        feature_cache: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Train; what is left out comes from the recipe.

        Sets the schedule's number of steps from the data and the epochs. With
        validation data, and no `EarlyStopping` among the callbacks, the weights of
        the epoch with the best dev score (``monitor``, unless `compile` was given
        metrics without it) are restored at the end.

        With ``gradient_accumulation_steps`` an update, and so a step, is of so many
        batches, taken as one batch in parts; what is left of them at the end of an
        epoch makes an update of its own. A batch given to `train_on_batch` is a whole
        update.

        Args:
            x: `Examples`, what `encode` made of them, texts (pairs, word lists) in
                lists or arrays, a batched `tf.data.Dataset` of raw text, or ids.
            y: targets by name, unless `x` carries them.
            validation_data: the same forms, (x, y) in a tuple where y is apart.
            class_weight: {label name: weight}.
            steps_per_epoch: updates an epoch, where the data has no end.
            feature_cache: what a frozen encoder says of texts is computed once and
                kept on disk, for all epochs and later fits: in this folder, or a
                `FeatureCache`, or (True) the default one; False keeps nothing. The
                default, None, is True wherever blocks are frozen, no objective moves
                the embeddings, and the data is no data set of your own, no ids, and
                not changed by ``augment``.

        Returns:
            Keras's history; its scores, ``val_loss`` too, are free of penalties.
        """
        check_fit(self, kwargs)
        validation_steps = kwargs.get("validation_steps")
        check_steps(
            self, steps_per_epoch=steps_per_epoch, validation_steps=validation_steps
        )
        epochs = self.recipe.epochs if epochs is None else epochs
        callbacks = keras.tree.flatten(callbacks or [])
        check_fit_optimizer(self, callbacks)
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        x, y, weights, held_out = hold_out(self, callbacks, x, y, weights, batch_size)
        train = feeding.feed(
            self, x, y, **weights, batch_size=batch_size, seed=self.recipe.seed
        )
        if train.ordered is not None:
            callbacks.append(EpochClock(train.ordered))
        self.see_targets(train)
        see_words(self, train)
        splits = [train]
        if validation_data is not None:
            splits.append(feeding.feed_validation(self, validation_data, batch_size))
            callbacks += early_stopping(self, callbacks, epochs)
        callbacks += unfreezing(self, callbacks)
        _compat.unpack(self)
        seen = splits + ([held_out] if held_out else [])
        reuse_features(
            self, [s.batches for s in seen], feature_cache, kwargs.get("verbose")
        )
        fit_ladder(self, train, epochs)
        if validation_data is not None:
            kwargs["validation_data"] = splits[1].arguments["x"]
        if self.anchors.lacks_fisher:
            estimate_fisher(self, x, y)
        choose_child(self, x, y)
        # Variables that appear within a step have TensorFlow trace it twice.
        _compat.build_optimizer(self)
        steps = steps_per_epoch or train.steps()
        begin_strengths(self, callbacks, held_out, steps, epochs)
        data = {"train": train, "dev": splits[1] if len(splits) > 1 else None}
        initial_epoch, step = resumed(
            self, callbacks, data, steps, epochs, initial_epoch
        )
        begin_schedule(self, steps, epochs, initial_epoch * steps + step)
        if self.bottleneck is not None:
            callbacks.append(Annealing(self.bottleneck.share, steps, epochs))
        # Before those that look at weights: the best epoch, checkpoints.
        callbacks = averaging(self, steps, step) + callbacks
        with _compat.beginning_at(step), set_back(self, callbacks):
            return super().fit(
                **train.arguments,
                epochs=epochs,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                callbacks=callbacks,
                shuffle=False,  # lists are shuffled by now; data sets as they come
                **kwargs,
            )

    @naming_lost_workers
    @_compat.optimized_once()
    @_compat.only_forward()
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        feature_cache: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Loss and scores, free of penalties; takes what `fit` takes."""
        if kwargs.get("_use_cached_eval_dataset"):  # Keras, between epochs
            return super().evaluate(x, y, batch_size, sample_weight, **kwargs)
        check_steps(self, steps=kwargs.get("steps"))
        data = feeding.feed(
            self, x, y, sample_weight=sample_weight, batch_size=batch_size
        )
        reuse_features(self, [data.batches], feature_cache, kwargs.get("verbose"))
        return super().evaluate(**data.arguments, **kwargs)

    @naming_lost_workers
    @_compat.optimized_once()
    def predict(
        self,
        x: Any = None,
        batch_size: int | None = None,
        feature_cache: Any = False,
        **kwargs: Any,
    ) -> Any:
        """Logits, a row a text, in the order given.

        Texts to predict are seldom seen twice: with False, the default, what a frozen
        encoder says of them is not kept; else as for `fit`.
        """
        data = feeding.feed(self, x, batch_size=batch_size)
        reuse_features(self, [data.batches], feature_cache, kwargs.get("verbose"))
        if data.batches is None:
            check_steps(self, steps=kwargs.get("steps"))
            return super().predict(x, batch_size=batch_size, **kwargs)
        result = np.zeros((len(data.batches.encoded), self.logits.units), "float32")
        for rows, logits in predict_batches(self, data.batches, batch_size, kwargs):
            result[rows] = logits
        return result
