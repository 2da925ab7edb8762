"""Strengths of penalties that are learned while the weights are."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError, check_choice, check_integer, check_number
from tfreg.optimizers.step_response import StepResponse, check_response

PER = ("penalty", "group", "depth")


class AdaptiveStrength(keras.callbacks.Callback):
    """Learns the strengths of penalties in one fit, by gradients on held-out examples.

    After a step w → w' with gradient g = ∇L(w) + Σ_k λ_k·∇Ω_k(w), the loss of a batch
    of held-out examples moves with each strength by

        dL_held(w')/dlog λ_k = ⟨∇L_held(w'), (dw'/dg) ⊙ λ_k·∇Ω_k(w)⟩

    (`tfreg.optimizers.step_response`: −η for SGD; for Adam also how the gradient moves
    the second moment, without which the slope would be wrong), and Adam takes a step
    down it on log λ_k. Slopes are float32 whatever the model computes in; held-out
    examples are seen with dropout off. A slope is that of one step: an effect of λ on
    later steps is not seen.

    The factors exp(s) on what the recipe says are weights of the model: they are saved
    with it, go on from where they are in a later fit, and come back with the weights
    of the best epoch. The logs of each epoch have ``strength/<name>``; `recipe` has
    the learned numbers as plain ones. A looked-at step costs one more pass and gradient
    (of a held-out batch) and a copy of the penalised weights' gradients and moments.

    Args:
        held_out: labelled examples that are not trained on, in the forms that
            `fit` takes as ``validation_data``; or a share, in (0, 1), of the texts
            given to `fit`, which are then held out (of labels by stratum). It should
            not be the data that chooses the epoch, whose score it flatters.
        learning_rate: η of the strengths' logarithms, above 0: about the most one of
            them moves in an update; defaults to 0.05.
        per: ``"penalty"`` (default): a strength for each kind of penalty in the
            backbone and in the head; where it has several numbers they move by one
            factor. ``"group"``: for each penalty written in the recipe, so for each
            path pattern. ``"depth"``: for each kind and each depth of the backbone
            (embeddings, blocks; the pooler goes with the highest block).
        every: steps from one update of the strengths to the next, at least 1 (default).
        penalties: kinds that are learned, as their names in the logs: ``("l2sp",)``;
            None (default): all.
        limit: strengths stay within [λ/limit, λ·limit] of the recipe's, above 1;
            defaults to 1000.

    Raises:
        InputError: a number out of range; and, from `fit`: no penalty to learn, a
            proximal one, an optimiser that is not SGD, Adam or AdamW, several steps in
            one execution, several replicas, another backend than TensorFlow, no
            held-out examples, or, by depth, a backbone that shares its blocks (ALBERT).

    Example:
        >>> from tfreg import build_classifier, callbacks
        >>> from tfreg.regularizers import L2SP
        >>> model = build_classifier(
        ...     backbone, ("bad", "good"), tokenizer=tokenizer,
        ...     backbone_regularizer=L2SP(1e-2),
        ... )
        >>> adaptive = callbacks.AdaptiveStrength((["good", "bad"], ["good", "bad"]))
        >>> history = model.fit(
        ...     ["a good text", "a bad text"], ["good", "bad"],
        ...     epochs=2, verbose=0, callbacks=[adaptive],
        ... )
        >>> len(history.history["strength/l2sp"])
        2
        >>> type(adaptive.recipe().backbone_regularizer).__name__
        'L2SP'

    Luketina et al. (2016), "Scalable Gradient-Based Tuning of Continuous
    Regularization Hyperparameters", the gradient through one step of T1-T2. Ours:
    Adam's step differentiated in full; all strengths by their logarithms; where the
    optimiser clips by the global norm, the factor it clips by counts as a constant.
    """

    def __init__(
        self,
        held_out: Any,
        *,
        learning_rate: float = 0.05,
        per: str = "penalty",
        every: int = 1,
        penalties: Sequence[str] | None = None,
        limit: float = 1000.0,
    ) -> None:
        super().__init__()
        if isinstance(held_out, numbers.Real):
            share = float(held_out)  # NumPy's too
            held_out = check_number(
                "held_out", share, low=0, high=1, open_low=True, open_high=True
            )
        self.held_out = held_out
        self.learning_rate = check_number(
            "learning_rate", learning_rate, low=0, open_low=True
        )
        self.per = check_choice("per", per, PER)
        self.every = check_integer("every", every, low=1)
        if isinstance(penalties, str):
            raise InputError(f"`penalties` must be a sequence; got {penalties!r}")
        self.penalties = None if penalties is None else tuple(penalties)
        self.limit = check_number("limit", limit, low=1, open_low=True)
        self.slopes: dict[str, float] = {}  # dL/dlog λ, as last seen

    def check(self, model: Any) -> None:
        """Refuse to adapt to what would not be exact.

        Raises:
            InputError: saying what it is.
        """
        strategy = getattr(model, "distribute_strategy", None)
        replicas = getattr(strategy, "num_replicas_in_sync", 1)
        why = None
        if not _compat.on_tensorflow():
            why = "needs Keras's TensorFlow backend"
        elif model.steps_per_execution > 1:
            why = (
                "looks at single steps: `steps_per_execution` must be 1; "
                f"got {model.steps_per_execution}"
            )
        elif replicas > 1:
            why = f"needs a single replica; got {replicas}"
        if why:
            raise InputError(f"`AdaptiveStrength` {why}")
        check_response(_compat.inner_optimizer(model.optimizer))

    def begin(
        self,
        model: Any,
        strengths: Sequence[Any],
        held: Callable[[int], Iterator[Any]],
    ) -> None:
        """Take what a fit has made ready.

        Args:
            model: a compiled task model whose optimiser is built.
            strengths: what is learned, with ``name``, ``variables``, ``penalty`` and
                ``number``.
            held: gives batches of held-out examples without end, less the first so
                many.
        """
        self._strengths, self._held_after = list(strengths), held
        self.set_state({"drawn": 0})
        variables = {v.path: v for one in strengths for v in one.variables}
        self._variables = list(variables.values())
        self._response = StepResponse(model.optimizer, self._variables)
        if self._response.needs_trace:
            _compat.renew_step(model)
        self._known: Any = None  # of the step that is under way
        self._look = _compat.traced(self._before)
        self._compare = _compat.traced(self._after)

    def get_state(self) -> dict[str, int]:
        """How many held-out batches were drawn, for `ExactCheckpoint`."""
        return {"drawn": self._drawn}

    def set_state(self, state: Mapping[str, int]) -> None:
        """Go on after so many held-out batches."""
        self._drawn = state["drawn"]
        self._held = self._held_after(self._drawn)

    def recipe(self) -> Any:
        """The recipe with the strengths that the model has now as plain numbers.

        Raises:
            InputError: no fit has begun.
        """
        if self.model is None:
            raise InputError("`AdaptiveStrength.recipe`: no fit has begun")
        return self.model.learned_recipe

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._known = None
        self._step = _compat.iterations(self._optimizer)
        if self._step % self.every == 0:
            self._known = self._look()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        known, self._known = self._known, None
        # Loss scaling may have left the step out.
        if known is None or _compat.iterations(self._optimizer) == self._step:
            return
        x, y, weight = keras.utils.unpack_x_y_sample_weight(next(self._held))
        self._drawn += 1
        slopes = ops.convert_to_numpy(self._compare(x, y, weight, known))
        names = [one.name for one in self._strengths]
        self.slopes = dict(zip(names, map(float, slopes)))
        self.model.strengths.descend(
            np.array([self.slopes[name] for name in self.model.strengths.names]),
            self.learning_rate,
            self.limit,
        )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs |= {f"strength/{one.name}": one.number() for one in self._strengths}

    def on_train_end(self, logs: Any = None) -> None:
        self._held = iter(())  # and what it read ahead

    @property
    def _optimizer(self) -> Any:
        return _compat.inner_optimizer(self.model.optimizer)

    def _before(self) -> tuple[Any, Any]:
        """Each penalty's pull on its weights, λ∇Ω(w), and what the response needs."""
        pulls = [
            _compat.value_and_gradients(one.penalty, list(one.variables))[1]
            for one in self._strengths
        ]
        return pulls, self._response.before()

    def _after(self, x: Any, y: Any, weight: Any, known: tuple[Any, Any]) -> Any:
        """The slope of the held-out loss by the logarithm of each strength."""
        model, (pulls, before) = self.model, known

        def loss() -> Any:
            answer = model(x, training=False)
            # float16 has no gradients as small as these.
            return model.optimizer.scale_loss(
                _compat.data_loss(model, y, answer, weight)
            )

        _, gradients = _compat.value_and_gradients(loss, self._variables)
        moves = self._response.after(before)
        effect = {
            variable.path: ops.cast(gradient, "float32") * move
            for variable, gradient, move in zip(self._variables, gradients, moves)
        }
        slopes = [
            sum(
                ops.sum(effect[variable.path] * ops.cast(pull, "float32"))
                for variable, pull in zip(one.variables, own)
            )
            for one, own in zip(self._strengths, pulls)
        ]
        return ops.stack(slopes) / model.optimizer.scale_loss(ops.ones(()))
