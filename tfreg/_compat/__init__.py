"""The only place that touches private Keras or KerasHub API, or a backend itself.

Each function names the trap it is for; each has a test that fails when the trap is
gone, so that the repair can go too.
"""

from tfreg._compat.adamw import OnePassAdamW
from tfreg._compat.backends import (
    compiled,
    forget_trace,
    global_sum,
    jit_compile,
    on_tensorflow,
    replicas,
    widest_float,
)
from tfreg._compat.encoders import (
    EncoderLayers,
    attention_layers,
    attention_mask,
    dropout_rate,
    dropouts,
    encoder_layers,
    nested_layers,
    replace_dropout,
    set_dropout_rate,
)
from tfreg._compat.gradients import (
    dense_gradient,
    gradients_in_turn,
    sum_rows,
    value_and_gradients,
)
from tfreg._compat.presets import load_task, transformers_converter
from tfreg._compat.training import (
    build_optimizer,
    data_loss,
    inner_optimizer,
    iterations,
    keras_variable,
    schedule,
    track_loss,
)
from tfreg._compat.wordpiece import tokenize_bert, word_to_pieces

__all__ = [
    "EncoderLayers",
    "OnePassAdamW",
    "attention_layers",
    "attention_mask",
    "build_optimizer",
    "compiled",
    "data_loss",
    "dense_gradient",
    "dropout_rate",
    "dropouts",
    "encoder_layers",
    "forget_trace",
    "global_sum",
    "gradients_in_turn",
    "inner_optimizer",
    "iterations",
    "jit_compile",
    "keras_variable",
    "load_task",
    "nested_layers",
    "on_tensorflow",
    "replace_dropout",
    "replicas",
    "schedule",
    "set_dropout_rate",
    "sum_rows",
    "tokenize_bert",
    "track_loss",
    "transformers_converter",
    "value_and_gradients",
    "widest_float",
    "word_to_pieces",
]
