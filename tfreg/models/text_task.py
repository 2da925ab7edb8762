"""What classifier, regressor and tagger share: structure, loss, fit, files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import keras_hub
import numpy as np

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.adapt.block_outputs import block_outputs
from tfreg.adapt.describe import describe
from tfreg.adapt.freeze import block_patterns
from tfreg.adapt.noise import kernel_noise
from tfreg.adapt.penalise import Anchors
from tfreg.adapt.prepare import prepare
from tfreg.callbacks import Annealing, EpochClock
from tfreg.data.encoded import Encoded
from tfreg.data.examples import Examples
from tfreg.data.ladder import fitted_ladder
from tfreg.data.preprocessing import TextPreprocessor
from tfreg.heads import AttentionPooling
from tfreg.heads.head import make_head
from tfreg.layers import LayerMix, MultiSampleDropout
from tfreg.models import feeding
from tfreg.models.accumulating import accumulated_step, check_accumulation
from tfreg.models.choosing import choose_child
from tfreg.models.fisher import estimate_fisher
from tfreg.models.fitting import (
    begin_schedule,
    check_compile,
    check_fit,
    check_steps,
    early_stopping,
    give_proximal_sets,
    unfreezing,
)
from tfreg.models.hiding import word_dropout
from tfreg.models.merging import merged
from tfreg.models.optimizing import averaging, check_optimizer, recipe_optimizer
from tfreg.models.passes import (
    ModelPasses,
    check_masks,
    check_served,
    position_loss,
)
from tfreg.models.predicting import predict_batches
from tfreg.models.reusing import FEATURES, Halves, reuse_features
from tfreg.models.samples import as_rows, averaged
from tfreg.objectives import compose
from tfreg.optimizers import AdamW
from tfreg.recipe import Recipe
from tfreg.regularizers.combined import as_one


class TextTask(keras_hub.models.Task):
    """A backbone, a head, and a recipe that outlives every way of saving.

    The constructor adapts, freezes and penalises the backbone, in this order, from
    what the config holds: whatever builds the model again from it (`.keras`, a
    preset, `from_config`) gets the same rates, the same frozen parts and the same
    penalties. (`keras.models.clone_model` does not: it makes a plain Keras model.)
    """

    task: str
    monitor: tuple[str, str]  # the dev score the best epoch is chosen by, and its mode

    def __init__(
        self,
        backbone: Any,
        preprocessor: TextPreprocessor | None,
        *,
        task: str,
        labels: tuple[str, ...],
        units: int,
        recipe: Recipe | Mapping[str, Any] | None = None,
        architecture: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        recipe = as_recipe(recipe)
        _check_agreement(preprocessor, task, labels, recipe)
        head = make_head(recipe.head)
        head.check(task, recipe)
        architecture = {**describe(backbone), **(architecture or {})}
        self.head = head
        self.reads_pooler = architecture["pooler"] and head.text_pooling is None
        words = word_dropout(recipe, preprocessor, architecture)
        objectives = compose.acting(recipe.objective)
        check_served(objectives, task, head, backbone)

        # === The backbone: adapt, freeze, penalise ===
        anchors = Anchors(name="anchors")
        noise = kernel_noise(recipe)
        penalties = prepare(
            backbone,
            recipe,
            architecture,
            lambda output: (
                block_outputs(backbone) if head.layer_mix else self._reads(output)
            ),
            anchors,
            noise,
        )

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.anchors = anchors
        self.kernel_noise = noise
        self.word_dropout = words
        self.layer_mix = self.pooling = None
        if head.layer_mix:
            self.layer_mix = LayerMix(dtype="float32", name="layer_mix")
        if head.text_pooling == "attention":
            self.pooling = AttentionPooling(dtype="float32", name="pooling")
        self.projection = head.projection(as_one(recipe.kernel_regularizer))
        self.head_dropout = MultiSampleDropout(
            recipe.dropout, recipe.multi_sample_dropout, name="head_dropout"
        )
        self.logits = keras.layers.Dense(
            units,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            kernel_regularizer=as_one(recipe.kernel_regularizer),
            dtype="float32",  # losses and metrics need every digit
            name="logits",
        )
        self.bottleneck = head.bottleneck(
            as_one(recipe.kernel_regularizer), recipe.seed_of("bottleneck")
        )
        self.transitions = head.transitions(labels)
        if objectives:  # what they draw
            self.noise = keras.random.SeedGenerator(recipe.seed)

        # === Functional model ===
        inputs = dict(backbone.input)
        ids = dict(inputs)
        if self.word_dropout is not None:
            ids["token_ids"] = self.word_dropout(ids["token_ids"])
        if self.layer_mix is None:
            read = self._reads(backbone(ids))
        else:
            blocks = keras.Model(backbone.input, block_outputs(backbone), name="blocks")
            read = self.layer_mix(blocks(ids))
        self.features, inputs = self._features(read, inputs)
        outputs = self.answer(self.features, inputs)
        super().__init__(inputs=inputs, outputs=outputs, compile=False, name=name)

        # === Config ===
        self.task = task
        self.labels = labels
        self.recipe = recipe
        self.architecture = architecture
        self.penalties, self.set_penalties = penalties
        self.objectives = objectives
        self.halves: Halves | None = None  # made by the first fit of a frozen encoder
        check_masks(self)

    def _reads(self, output: Any) -> Any:
        """The output of the backbone this head reads."""
        raise NotImplementedError

    def _features(
        self, read: Any, inputs: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """What the head sees, and all inputs of the model; without any weights."""
        raise NotImplementedError

    def answer(self, features: Any, inputs: dict[str, Any]) -> Any:
        """Logits, from features by all layers of the head that have weights."""
        if self.pooling is not None:
            features = self.pooling(features, inputs["padding_mask"])
        if self.projection is not None:
            features = self.projection(features)
        features = self.head_dropout(features)
        if self.bottleneck is not None:
            features = self.bottleneck(features)
        logits = self.logits(features)
        return logits if self.transitions is None else self.transitions(logits)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Logits; of batches that carry features, from what is not frozen alone."""
        if self.halves is not None and FEATURES in inputs:
            return self.halves.upper(inputs, training=training)
        return super().call(inputs, training=training, mask=mask)

    def default_loss(self) -> Any:
        """The loss the recipe asks for."""
        raise NotImplementedError

    def default_metrics(self) -> list[Any]:
        """Penalty-free scores of training and dev data."""
        raise NotImplementedError

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
        kwargs["jit_compile"] = _compat.jit_compile(kwargs.get("jit_compile", "auto"))
        kwargs.setdefault("steps_per_execution", self.recipe.steps_per_execution)
        metrics = self.default_metrics() if metrics is None else metrics
        self.score_names = {getattr(m, "name", m) for m in keras.tree.flatten(metrics)}
        super().compile(
            optimizer=self.default_optimizer() if optimizer is None else optimizer,
            loss=self.default_loss() if loss is None else loss,
            metrics=metrics,
            **kwargs,
        )
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

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss of the data; objectives and penalties in training only.

        Penalties in `val_loss` would let a strong λ look like a bad model.
        """
        if not training:
            return _compat.data_loss(self, y, y_pred, sample_weight)
        rows = as_rows(self, y, y_pred, sample_weight)
        # Keras shares out the penalties of single weights among the replicas.
        terms = [value() / _compat.replicas() for value in self.set_penalties.values()]
        if self.bottleneck is not None:
            real = rows[0] >= 0 if self.task == "tag" else None
            terms.append(self.bottleneck.penalty(real))
        if self.objectives:
            terms.append(_compat.penalties(self))  # other passes would leave their own
            passes = ModelPasses(self, x, y, y_pred, sample_weight)
            loss = compose.training_loss(self.objectives, passes)
        else:
            loss = super().compute_loss(x, *rows, training=training)
        return sum(terms, loss)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> Any:
        """Scores so far; where training has several sets of logits, of their mean."""
        return super().compute_metrics(x, y, averaged(self, y_pred), sample_weight)

    def train_step(self, *args: Any) -> Any:
        """Keras's step; a batch to accumulate over goes through it in parts."""
        parts = self.recipe.gradient_accumulation_steps
        if parts == 1:
            return super().train_step(*args)
        (data,) = args
        return accumulated_step(self, data, parts)

    def encode(self, examples: Examples, **weights: Any) -> Encoded:
        """Tokenise a split once; `fit`, `evaluate` and `predict` take the result.

        Args:
            examples: the split.
            **weights: ``sample_weight`` and ``class_weight``, as for `fit`.
        """
        return feeding.encode(self, examples, **weights)

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
        the epoch with the best dev score are restored at the end.

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
        check_fit(kwargs)
        validation_steps = kwargs.get("validation_steps")
        check_steps(
            self, steps_per_epoch=steps_per_epoch, validation_steps=validation_steps
        )
        epochs = self.recipe.epochs if epochs is None else epochs
        callbacks = keras.tree.flatten(callbacks or [])
        train = feeding.feed(
            self,
            x,
            y,
            sample_weight=sample_weight,
            class_weight=class_weight,
            batch_size=batch_size,
            seed=self.recipe.seed,
        )
        if train.batches is not None:
            callbacks.append(EpochClock(train.batches))
            train.batches.ladder = fitted_ladder(
                train.batches.encoded.lengths,
                epochs,
                whole_step=not _compat.on_tensorflow(),
            )
        splits = [train]
        if validation_data is not None:
            splits.append(feeding.feed_validation(self, validation_data, batch_size))
            callbacks += early_stopping(self, callbacks, epochs)
        callbacks += unfreezing(self, callbacks)
        reuse_features(
            self, [s.batches for s in splits], feature_cache, kwargs.get("verbose")
        )
        if validation_data is not None:
            kwargs["validation_data"] = splits[1].arguments["x"]
        if self.anchors.lacks_fisher:
            estimate_fisher(self, x, y)
        choose_child(self, x, y)
        steps = steps_per_epoch or train.steps()
        begin_schedule(self, steps, epochs, initial_epoch)
        if self.bottleneck is not None:
            callbacks.append(Annealing(self.bottleneck.share, steps, epochs))
        # Before those that look at weights: the best epoch, checkpoints.
        callbacks = averaging(self, steps) + callbacks
        return super().fit(
            **train.arguments,
            epochs=epochs,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            callbacks=callbacks,
            shuffle=False,  # lists are shuffled by now; data sets come as they are
            **kwargs,
        )

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

    def predict(
        self, x: Any = None, batch_size: int | None = None, **kwargs: Any
    ) -> Any:
        """Logits, a row a text, in the order given."""
        data = feeding.feed(self, x, batch_size=batch_size)
        if data.batches is None:
            check_steps(self, steps=kwargs.get("steps"))
            return super().predict(x, batch_size=batch_size, **kwargs)
        result = np.zeros((len(data.batches.encoded), self.logits.units), "float32")
        for rows, logits in predict_batches(self, data.batches, batch_size, kwargs):
            result[rows] = logits
        return result

    def merge(self) -> TextTask:
        """A plain model that computes the same: LoRA's updates are in the kernels.

        Its recipe is this one's without ``adapter`` and ``backbone_regularizer`` (which
        was on the factors), its optimiser new; trained on, it trains in full.

        Raises:
            InputError: the model has no LoRA.
        """
        return merged(self)

    @property
    def block_patterns(self) -> list[tuple[str, ...]]:
        """Path patterns of the embeddings, then of each block, lowest first.

        Raises:
            InputError: the blocks are shared (ALBERT), so none has a depth.
        """
        return block_patterns(self.backbone, "gradual_unfreezing")

    @property
    def builder(self) -> str:
        """The builder that makes such a model: ``build_`` and this."""
        return {"regress": "regressor", "tag": "tagger"}.get(self.task, "classifier")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "recipe": self.recipe.to_json(),
            "architecture": dict(self.architecture),
        }

    @classmethod
    def from_preset(cls, preset: str, **kwargs: Any) -> Any:
        """The task that `save_to_preset` wrote to a local folder."""
        if kwargs:
            raise InputError(
                f"`from_preset` loads a saved task as it is; got {sorted(kwargs)}; "
                "use a builder to make a new task on a preset"
            )
        model = _compat.load_task(preset, TextTask)
        if not isinstance(model, cls):
            raise InputError(
                f"{preset}: holds a {type(model).__name__}, not a {cls.__name__}"
            )
        return model


def as_recipe(recipe: Recipe | Mapping[str, Any] | None) -> Recipe:
    """A recipe, from what a constructor or a saved config gives."""
    if not isinstance(recipe, Recipe):
        recipe = Recipe() if recipe is None else Recipe.from_json(recipe)
    if recipe.precision == "auto":
        raise InputError("`precision` 'auto' is for the builders, which pick one")
    return recipe


def _check_agreement(
    preprocessor: TextPreprocessor | None,
    task: str,
    labels: tuple[str, ...],
    recipe: Recipe,
) -> None:
    """What turns names into ids must be what turns ids into names."""
    for name, own in (
        ("task", task),
        ("labels", labels),
        ("sequence_length", recipe.sequence_length),
    ):
        theirs = getattr(preprocessor, name, own)
        if theirs != own:
            raise InputError(
                f"`preprocessor.{name}` must be the model's, {own!r}; got {theirs!r}"
            )
