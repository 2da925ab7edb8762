"""KerasHub's loaders."""

from __future__ import annotations

from typing import Any

import keras


def load_task(folder: str, cls: type) -> Any:
    """A task saved by `save_to_preset`, as exactly the class that was saved.

    `Task.from_preset` picks a class by the backbone's, one task class a backbone;
    ours take any backbone.
    """
    from keras_hub.src.utils.preset_utils import get_preset_loader

    loader = get_preset_loader(folder)
    # Left to itself the loader takes Keras's global policy, and knows no mixed ones.
    policy = keras.saving.deserialize_keras_object(loader.config["config"]["dtype"])
    return loader.load_task(
        cls, load_weights=True, load_task_weights=True, dtype=policy
    )


def transformers_converter(model_type: str) -> Any:
    """KerasHub's table of where each Hugging Face tensor goes, as a module."""
    from importlib import import_module

    name = model_type.replace("xlm-roberta", "xlm_roberta")
    return import_module(f"keras_hub.src.utils.transformers.convert_{name}")
