"""Forward passes that differ from a model's own in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keras.src.backend.common import global_state


def in_training() -> bool:
    """Whether the call of layers that goes on is for training.

    Keras tells it to layers whose ``call`` has an argument for it when they are made.
    """
    context = global_state.get_global_attribute("current_call_ctx")
    return bool(context is not None and context.training)


def _same(x: Any) -> Any:
    return x


@contextmanager
def rerouted(
    layer: Any,
    before: Callable[[Any], Any] = _same,
    after: Callable[[Any], Any] = _same,
) -> Iterator[None]:
    """Inside, what a layer takes goes through ``before``, what it gives ``after``.

    Keras has no hooks. A sub-model from the layer on would leave out whatever else
    stands around it in the model. Only a forward pass may stand inside: replicas
    are traced in turns, which change where they wait for one another.

    Raises:
        RuntimeError: the layer was not called inside.
    """
    called = []
    own = vars(layer).get("call")
    call = layer.call

    def rerouted_call(x: Any, *args: Any, **kwargs: Any) -> Any:
        called.append(True)
        return after(call(before(x), *args, **kwargs))

    vars(layer)["call"] = rerouted_call
    try:
        yield
    finally:
        if own is None:
            del vars(layer)["call"]
        else:
            vars(layer)["call"] = own
    if not called:
        raise RuntimeError(f"layer {layer.name!r} was not called")


def random_states(model: Any) -> list[Any]:
    """The states of all random generators in a model, each once.

    A pass with the states it began with draws the same dropout masks again.
    """
    return [v for v in model.variables if v.name == "seed_generator_state"]
