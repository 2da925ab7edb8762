"""What classifier, regressor and tagger share: their structure, loss and config."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras

from tfreg import _compat, _onednn
from tfreg._checks import InputError
from tfreg.adapt.block_outputs import block_outputs
from tfreg.adapt.describe import describe
from tfreg.adapt.freeze import block_patterns
from tfreg.adapt.last_block import answering_first
from tfreg.adapt.noise import kernel_noise
from tfreg.adapt.penalise import Anchors
from tfreg.adapt.prepare import prepare
from tfreg.adapt.strengths import Strengths
from tfreg.data.preprocessing import TextPreprocessor
from tfreg.heads import AttentionPooling
from tfreg.heads.head import make_head
from tfreg.layers import LayerMix, MultiSampleDropout
from tfreg.models.agreement import as_recipe, check_agreement
from tfreg.models.alike import fullness
from tfreg.models.hiding import word_dropout
from tfreg.models.merging import merged
from tfreg.models.padding import leaving_out
from tfreg.models.passes import ModelPasses, check_masks, check_served
from tfreg.models.reusing import FEATURES, Halves
from tfreg.models.samples import as_rows, averaged
from tfreg.models.strengths import attach_strengths, learned_recipe
from tfreg.models.text_trainer import TextTrainer
from tfreg.objectives import compose
from tfreg.recipe import Recipe
from tfreg.regularizers.combined import as_one, several


class TextTask(TextTrainer):
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
        _onednn.warn_if_off()
        recipe = as_recipe(recipe)
        check_agreement(preprocessor, task, labels, recipe)
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
        self.strengths = Strengths(name="strengths")
        self.kernel_noise = noise
        self.word_dropout = words
        self.layer_mix = self.pooling = None
        if head.layer_mix:
            self.layer_mix = LayerMix(dtype="float32", name="layer_mix")
        if head.text_pooling == "attention":
            self.pooling = AttentionPooling(dtype="float32", name="pooling")
        on_kernels = as_one(several(recipe.kernel_regularizer))
        self.projection = head.projection(on_kernels)
        self.head_dropout = MultiSampleDropout(
            recipe.dropout, recipe.multi_sample_dropout, name="head_dropout"
        )
        self.logits = keras.layers.Dense(
            units,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            kernel_regularizer=on_kernels,
            dtype="float32",  # losses and metrics need every digit
            name="logits",
        )
        self.bottleneck = head.bottleneck(on_kernels, recipe.seed_of("bottleneck"))
        self.transitions = head.transitions(labels)
        if objectives:  # what they draw
            self.noise = _compat.ReplicaSeeds(recipe.seed)

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

    @property
    def reads_first(self) -> bool:
        """Whether it reads the last block at the first position alone."""
        return False

    @property
    def reads_words(self) -> bool:
        """Whether it reads the last block at the first pieces of words alone."""
        return False

    def as_read(self) -> AbstractContextManager[None]:
        """Inside, if it reads the first position alone, the last block has no other."""
        return answering_first(self.backbone) if self.reads_first else nullcontext()

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
        with self.as_read(), leaving_out(self, inputs, training):
            if self.halves is not None and FEATURES in inputs:
                return self.halves.upper(inputs, training=training)
            return super().call(inputs, training=training, mask=mask)

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
        sets = self.set_penalties.values()
        penalties = [penalty() / _compat.replicas() for penalty in sets]
        penalties.append(_compat.penalties(self))
        terms = []
        # As penalties: before other passes leave their own.
        if self.bottleneck is not None:
            real = rows[0] >= 0 if self.task == "tag" else None
            terms.append(self.bottleneck.penalty(real))
        if self.objectives:
            passes = ModelPasses(self, x, y, y_pred, sample_weight)
            terms.append(compose.training_loss(self.objectives, passes))
        else:
            terms.append(_compat.data_loss(self, *rows))
        return sum(penalties, sum(terms) * fullness(self, y))

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> Any:
        """Scores so far; where training has several sets of logits, of their mean."""
        return super().compute_metrics(x, y, averaged(self, y_pred), sample_weight)

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
    def learned_recipe(self) -> Recipe:
        """The recipe, with the strengths that were learned as plain numbers."""
        return learned_recipe(self)

    @property
    def builder(self) -> str:
        """The builder that makes such a model: ``build_`` and this."""
        return {"regress": "regressor", "tag": "tagger"}.get(self.task, "classifier")

    def get_config(self) -> dict[str, Any]:
        learned = self.strengths.per and {"strengths": self.strengths.said()}
        return {
            **super().get_config(),
            "recipe": self.recipe.to_json(),
            "architecture": dict(self.architecture),
            **(learned or {}),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The model of a config; learned strengths are in its weights."""
        config = dict(config)
        learned = config.pop("strengths", None)
        model = super().from_config(config)
        if learned is not None:
            model.strengths.learn_by(**learned)
            attach_strengths(model)
        return model

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
