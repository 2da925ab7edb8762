"""The only place that touches private Keras or KerasHub API, or a backend itself.

Each function names the trap it is for; each has a test that fails when the trap is
gone, so that the repair can go too.
"""

from tfreg._compat.adamw import OnePassAdamW
from tfreg._compat.backends import (
    as_numpy,
    compiled,
    forget_trace,
    global_sum,
    jit_compile,
    make_deterministic,
    of_replica,
    on_tensorflow,
    renew_step,
    replicas,
    traced,
    widest_float,
)
from tfreg._compat.encoders import (
    EncoderLayers,
    attach,
    attention_layers,
    attention_mask,
    detach,
    dropout_rate,
    dropouts,
    encoder_layers,
    give_seeds,
    nested_layers,
    replace_dropout,
    set_dropout_rate,
)
from tfreg._compat.epochs import beginning_at
from tfreg._compat.gradients import (
    dense_gradient,
    gradients_in_turn,
    graphs_let_go,
    inner_gradients,
    sum_rows,
    value_and_gradients,
)
from tfreg._compat.passes import random_states, rerouted
from tfreg._compat.presets import load_task, transformers_converter
from tfreg._compat.randomness import global_random_states, restore_random_states
from tfreg._compat.training import (
    build_metrics,
    build_optimizer,
    data_loss,
    first_moment,
    inner_optimizer,
    iterations,
    keras_variable,
    penalties,
    schedule,
    second_moment,
    track_loss,
)
from tfreg._compat.tuner import requeue
from tfreg._compat.variables import uncast
from tfreg._compat.wordpiece import tokenize_bert, word_to_pieces
from tfreg._compat.workers import (
    OnWorkers,
    is_chief,
    is_lost_worker,
    misfit,
    predict_in_shares,
    said_by_chief,
    scope_of,
    several_workers,
)

__all__ = [
    "EncoderLayers",
    "OnWorkers",
    "OnePassAdamW",
    "as_numpy",
    "attach",
    "attention_layers",
    "attention_mask",
    "beginning_at",
    "build_metrics",
    "build_optimizer",
    "compiled",
    "data_loss",
    "dense_gradient",
    "detach",
    "dropout_rate",
    "dropouts",
    "encoder_layers",
    "first_moment",
    "forget_trace",
    "give_seeds",
    "global_random_states",
    "global_sum",
    "gradients_in_turn",
    "graphs_let_go",
    "inner_gradients",
    "inner_optimizer",
    "is_chief",
    "is_lost_worker",
    "iterations",
    "jit_compile",
    "keras_variable",
    "load_task",
    "make_deterministic",
    "misfit",
    "nested_layers",
    "of_replica",
    "on_tensorflow",
    "penalties",
    "predict_in_shares",
    "random_states",
    "renew_step",
    "replace_dropout",
    "replicas",
    "requeue",
    "rerouted",
    "restore_random_states",
    "said_by_chief",
    "schedule",
    "scope_of",
    "second_moment",
    "set_dropout_rate",
    "several_workers",
    "sum_rows",
    "tokenize_bert",
    "traced",
    "track_loss",
    "transformers_converter",
    "uncast",
    "value_and_gradients",
    "widest_float",
    "word_to_pieces",
]
