"""The only place that touches private Keras or KerasHub API, or a backend itself.

Each function names the trap it is for; each has a test that fails when the trap is
gone, so that the repair can go too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops


def dropouts(layers: Iterable[Any]) -> list[tuple[str, Any]]:
    """All dropout below some layers: ("hidden" or "attention", what to set).

    Keras's attention keeps its rate twice: in a private number that decides which
    kernel runs, and in a private layer.
    """
    inner = [found for layer in layers for found in layer._flatten_layers()]
    attentions = [x for x in inner if isinstance(x, keras.layers.MultiHeadAttention)]
    owned = {id(attention._dropout_layer) for attention in attentions}
    result: list[tuple[str, Any]] = [("attention", x) for x in attentions]
    for layer in inner:
        if isinstance(layer, keras.layers.Dropout) and id(layer) not in owned:
            kind = "attention" if layer.name == "attention_dropout" else "hidden"
            result.append((kind, layer))
    return result


def dropout_rate(dropout: Any) -> float:
    """The rate of what `dropouts` found."""
    if isinstance(dropout, keras.layers.MultiHeadAttention):
        return dropout._dropout
    return dropout.rate


def set_dropout_rate(dropout: Any, rate: float) -> None:
    """Set the rate of what `dropouts` found.

    A Dropout built at rate 0 has no random state and crashes when raised: give it
    one, although Keras has locked the layer.
    """
    if isinstance(dropout, keras.layers.MultiHeadAttention):
        dropout._dropout = rate
        dropout = dropout._dropout_layer
    if rate > 0 and not hasattr(dropout, "seed_generator"):
        dropout._tracker.unlock()
        dropout.seed_generator = keras.random.SeedGenerator(dropout.seed)
        dropout._tracker.lock()
    dropout.rate = rate


def on_tensorflow() -> bool:
    """Whether Keras runs on TensorFlow; JAX compiles and fuses by itself."""
    return keras.backend.backend() == "tensorflow"


def jit_compile(asked: bool | str) -> bool | str:
    """Whether to compile by XLA, where "auto" was asked.

    Not on TensorFlow: every new shape would be compiled anew, and buckets have many
    shapes. On JAX it is the same, but what is not compiled runs operation by operation.
    """
    return False if asked == "auto" and on_tensorflow() else asked


def forget_trace(model: Any) -> None:
    """Have JAX compile the next training step anew.

    It reads variables that neither the model nor the optimiser owns (a schedule's)
    while it compiles, and never again: the second fit would keep the first one's
    rates, past their end, and learn nothing.
    """
    if keras.backend.backend() == "jax":
        model.train_function = None


def widest_float() -> str:
    """The dtype for sums that are subtracted: float64, or float32 where JAX has it not.

    JAX truncates float64 with a warning at every use, unless configured otherwise.
    """
    if keras.backend.backend() != "jax":
        return "float64"
    import jax

    return "float64" if jax.config.jax_enable_x64 else "float32"


def replace_dropout(dropout: Any, cls: type) -> None:
    """Make what `dropouts` found, built as it is, an instance of a subclass.

    A dropout inside a functional graph or an attention cannot be exchanged for
    another layer: its place is held by the graph's node and by private names.
    """
    if isinstance(dropout, keras.layers.MultiHeadAttention):
        dropout = dropout._dropout_layer
    if type(dropout) is keras.layers.Dropout:
        dropout.__class__ = cls


def dense_gradient(gradient: Any) -> Any:
    """A gradient as one dense tensor, rows of the same index summed."""
    if on_tensorflow() and isinstance(gradient, tf.IndexedSlices):
        return tf.convert_to_tensor(gradient)
    return gradient


def sum_rows(gradient: Any) -> Any:
    """An embedding's sparse gradient with each row once; any other as it is.

    Keras hands Adam the duplicate rows one by one, and the second moment becomes Σg²
    where it should be (Σg)².
    """
    if not (on_tensorflow() and isinstance(gradient, tf.IndexedSlices)):
        return gradient
    rows, place = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


class OnePassAdamW(keras.optimizers.AdamW):
    """Keras's AdamW, same numbers, in fewer passes over memory.

    Keras writes each of a dozen intermediate arrays of every weight to memory; a step
    on a short batch is then mostly the optimiser. TensorFlow has a kernel for Adam
    that reads and writes each array once.
    """

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        if not on_tensorflow() or self.clipnorm:
            return super()._clip_gradients(grads)
        if not self.global_clipnorm:
            return super()._clip_gradients([dense_gradient(g) for g in grads])
        values = [g.values if isinstance(g, tf.IndexedSlices) else g for g in grads]
        squares = [2.0 * tf.nn.l2_loss(x) for x in values if x is not None]
        norm = tf.sqrt(tf.add_n([tf.cast(square, tf.float32) for square in squares]))
        # Infinite or missing numbers must not pass for a small scale.
        scale = tf.where(
            tf.math.is_finite(norm),
            self.global_clipnorm / tf.maximum(norm, self.global_clipnorm),
            norm - norm,
        )
        return [_scaled(gradient, scale) for gradient in grads]

    def _apply_weight_decay(self, variables: list[Any]) -> None:
        if not on_tensorflow() or self.amsgrad:
            super()._apply_weight_decay(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        gradient = dense_gradient(gradient)
        if not on_tensorflow() or self.amsgrad:
            return super().update_step(gradient, variable, learning_rate)
        dtype = variable.dtype
        rate = tf.cast(learning_rate, dtype)
        step = tf.cast(self.iterations, dtype) + 1
        index = self._get_variable_index(variable)
        if self.weight_decay and self._use_weight_decay(variable):
            variable.assign(variable * (1 - rate * tf.cast(self.weight_decay, dtype)))
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.cast(self.beta_1, dtype) ** step,
            beta2_power=tf.cast(self.beta_2, dtype) ** step,
            lr=rate,
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


def _scaled(gradient: Any, scale: Any) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values * scale
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return None if gradient is None else gradient * tf.cast(scale, gradient.dtype)


def compiled(function: Any) -> Any:
    """An elementwise function as one loop over memory, by XLA, in graphs without XLA.

    For what computes much on few arrays: XLA on a CPU is slow at matrix products in
    bfloat16, and compiles anew for each shape, which a small function can afford.
    """
    if not on_tensorflow():
        return function
    return tf.function(function, jit_compile=True, reduce_retracing=True)


def global_sum(value: Any) -> Any:
    """The sum of a value over all replicas; the value itself where there is one."""
    if not on_tensorflow():
        return value
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def data_loss(model: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    """The compiled loss alone, without penalties or other added losses."""
    if model._compile_loss is None:
        return ops.zeros(())
    return model._compile_loss(y, y_pred, sample_weight)


def schedule(optimizer: Any) -> Any:
    """The learning-rate schedule of an optimiser, also inside a loss-scaling one."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return getattr(inner, "_learning_rate", None)


def iterations(optimizer: Any) -> int:
    """Steps an optimiser has done; `int()` fails on a mirrored variable."""
    return int(ops.convert_to_numpy(optimizer.iterations.value))


def value_and_gradients(function: Any, variables: list[Any]) -> tuple[Any, list[Any]]:
    """What a function of no arguments gives, and its gradients (zeros if none)."""
    if keras.backend.backend() == "jax":
        return _jax_value_and_gradients(function, variables)
    with tf.GradientTape() as tape:
        value = function()
    gradients = tape.gradient(value, [variable.value for variable in variables])
    return value, [
        ops.zeros(variable.shape) if gradient is None else dense_gradient(gradient)
        for gradient, variable in zip(gradients, variables)
    ]


def _jax_value_and_gradients(function: Any, variables: list[Any]) -> tuple[Any, Any]:
    import jax

    def pure(values: list[Any]) -> Any:
        with keras.StatelessScope(state_mapping=zip(variables, values)):
            return function()

    return jax.value_and_grad(pure)([variable.value for variable in variables])


def replicas() -> int:
    """How many replicas compute each step together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def gradients_in_turn(
    part: Callable[[Any], tuple[Any, Any]],
    parts: Any,
    variables: Sequence[Any],
    unroll: bool,
) -> tuple[Any, list[Any]]:
    """The summed values of some parts, and their summed gradients.

    Parts are computed strictly one after the other, so that only one of them has its
    activations in memory: left alone, TensorFlow would run parts side by side, in an
    unrolled loop all of them, in a plain `while_loop` ten. A variable that no part
    reaches has no gradient (None), as from a tape.

    Args:
        part: gives, for a part's number, its value and what to differentiate.
        parts: how many there are; an integer if unrolled.
        variables: what to differentiate by.
        unroll: whether each part is traced by itself.
    """
    reached: set[int] = set()

    def turn(number: Any, value: Any, sums: list[Any]) -> tuple[Any, Any, list[Any]]:
        with tf.GradientTape() as tape:
            more, scaled = part(number)
        gradients = tape.gradient(scaled, variables)
        reached.update(i for i, g in enumerate(gradients) if g is not None)
        sums = [
            so_far if gradient is None else so_far + dense_gradient(gradient)
            for so_far, gradient in zip(sums, gradients)
        ]
        return number + 1, value + more, sums

    zeros = [tf.zeros(variable.shape, variable.dtype) for variable in variables]
    state = (0, tf.constant(0.0), zeros)
    if unroll:
        for _ in range(parts):
            with tf.control_dependencies(state[2]):
                state = turn(*state)
    else:
        state = tf.while_loop(
            lambda number, *_: number < parts, turn, state, parallel_iterations=1
        )
    _, value, sums = state
    return value, [s if i in reached else None for i, s in enumerate(sums)]


def track_loss(model: Any, loss: Any, rows: Any) -> None:
    """Count a training step's loss into what `fit` shows."""
    model._loss_tracker.update_state(loss * replicas(), sample_weight=rows)


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


_CJK = (
    r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}"
    r"\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
)
_PUNCTUATION = r"[!-/:-@\[-`{-~\p{P}]"
# Where TensorFlow lowers by context (sigma at the end of a word), or by the language
# of the machine it runs on (Turkish, Lithuanian), and Hugging Face does not.
_LOWERED_ALIKE = list(zip("ΣIJĮÌÍĨ", "σijįìíĩ")) + [("İ", "i\u0307")]
_LONGEST_WORD = 100  # characters; Hugging Face's WordPiece gives [UNK] beyond


def word_to_pieces(
    vocabulary: Sequence[str], unknown: str, suffix: str, dtype: str
) -> Any:
    """TensorFlow Text's WordPiece over words that are already split and cleaned."""
    import tensorflow_text

    return tensorflow_text.FastWordpieceTokenizer(
        vocab=vocabulary,
        token_out_type=dtype,
        suffix_indicator=suffix,
        unknown_token=unknown,
        no_pretokenization=True,
        support_detokenization=True,
        # It counts bytes, the rule counts characters of up to four bytes.
        max_bytes_per_word=4 * _LONGEST_WORD,
    )


def tokenize_bert(tokenizer: Any, inputs: Any) -> Any:
    """Hugging Face's BertNormalizer, BertPreTokenizer and WordPiece, step for step."""
    from keras_hub.src.utils.tensor_utils import preprocessing_function

    return preprocessing_function(_tokenize_bert)(tokenizer, inputs)


def _tokenize_bert(tokenizer: Any, inputs: Any) -> Any:
    import tensorflow_text as tf_text

    text = (
        inputs
        if isinstance(inputs, tf.RaggedTensor)
        else tf.convert_to_tensor(inputs, tf.string)
    )
    single = text.shape.rank == 0
    if single:
        text = tf.expand_dims(text, 0)
    replace = tf.strings.regex_replace
    if tokenizer.clean_text:
        text = replace(text, r"[\t\n\r\p{Z}]", " ")
        text = replace(text, r"[\p{Cc}\p{Cf}\p{Co}\x{FFFD}]", "")
    if tokenizer.split_on_cjk:
        text = replace(text, _CJK, r" \0 ")
    if tokenizer.strip_accents:
        text = replace(tf_text.normalize_utf8(text, "NFD"), r"\p{Mn}", "")
    if tokenizer.lowercase:
        for capital, small in _LOWERED_ALIKE:
            text = replace(text, capital, small)
        text = tf.strings.lower(text, encoding="utf-8")
    words = tf_text.regex_split(text, r"[\s\p{Z}]|" + _PUNCTUATION, _PUNCTUATION)
    too_long = tf.strings.length(words, unit="UTF8_CHAR") > _LONGEST_WORD
    words = tf.where(too_long, tokenizer.oov_token, words)
    pieces = tokenizer._word_to_pieces.tokenize(words).merge_dims(-2, -1)
    if tokenizer.sequence_length:
        shape = pieces.shape.as_list()[:-1] + [tokenizer.sequence_length]
        pieces = pieces.to_tensor(shape=shape)
    return tf.squeeze(pieces, 0) if single else pieces


def nested_layers(layer: Any) -> list[Any]:
    """All layers inside a layer or model, at any depth, without itself."""
    return list(layer._flatten_layers(include_self=False, recursive=True))


def transformers_converter(model_type: str) -> Any:
    """KerasHub's table of where each Hugging Face tensor goes, as a module."""
    from importlib import import_module

    name = model_type.replace("xlm-roberta", "xlm_roberta")
    return import_module(f"keras_hub.src.utils.transformers.convert_{name}")
