"""Surgery on built blocks: exactly the named activation and epsilon, everywhere."""

from __future__ import annotations

import keras
import keras_hub
import numpy as np
import pytest

from tests.huggingface_folders import forward, tensors, write
from tfreg._checks import InputError
from tfreg._huggingface import load_backbone
from tfreg.adapt.architecture import architecture_of, gelu_new, set_architecture

SIZES = {
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "max_sequence_length": 8,
}
MODELS = keras_hub.models
BACKBONES = {
    "bert": lambda: MODELS.BertBackbone(16, **SIZES),
    "distilbert": lambda: MODELS.DistilBertBackbone(16, **SIZES),
    "roberta": lambda: MODELS.RobertaBackbone(16, **SIZES),
    "xlm-roberta": lambda: MODELS.XLMRobertaBackbone(16, **SIZES),
    "electra": lambda: MODELS.ElectraBackbone(16, embedding_dim=4, **SIZES),
    "albert": lambda: MODELS.AlbertBackbone(16, embedding_dim=4, **SIZES),
    "deberta": lambda: MODELS.DebertaV3Backbone(16, bucket_size=4, **SIZES),
}
BUILT = {
    "bert": ("gelu_new", 1e-12),
    "distilbert": ("gelu", 1e-12),
    "roberta": ("gelu", 1e-5),
    "xlm-roberta": ("gelu", 1e-5),
    "electra": ("gelu_new", 1e-12),
    "albert": ("gelu_new", 1e-12),
    "deberta": ("gelu", 1e-7),
}


def run(backbone):
    ids = np.array([[2, 5, 9, 3]])
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    if "segment_ids" in backbone.input:
        inputs["segment_ids"] = np.zeros_like(ids)
    found = backbone(inputs)
    return np.array(found["sequence_output"] if isinstance(found, dict) else found)


@pytest.mark.parametrize("kind", list(BACKBONES))
def test_every_backbone_changes_and_changes_back(kind):
    backbone = BACKBONES[kind]()
    for variable in backbone.trainable_variables:
        # Larger than at the start of training, so that activations matter.
        variable.assign(
            keras.random.normal(variable.shape, mean=0.1, stddev=0.5, seed=1)
        )
    before, built = run(backbone), architecture_of(backbone)
    assert built == BUILT[kind]
    other = "gelu" if built[0] == "gelu_new" else "gelu_new"
    seen = [before]
    for change in (
        {"activation": other},
        {"activation": "relu"},
        {"layer_norm_epsilon": 0.3},
    ):
        set_architecture(backbone, **change)
        seen.append(run(backbone))
        assert np.abs(seen[-1] - seen[-2]).max() > 1e-5
    assert architecture_of(backbone) == ("relu", 0.3)
    set_architecture(backbone, activation=built[0], layer_norm_epsilon=built[1])
    np.testing.assert_allclose(run(backbone), before, rtol=1e-5, atol=1e-6)


def test_the_result_is_what_numpy_says(tmp_path):
    backbone, _ = load_backbone(write(tmp_path), "float32")
    set_architecture(backbone, activation="relu", layer_norm_epsilon=0.3)
    ids = np.array([[2, 5, 9, 3]])
    rows, _ = forward(tensors(), ids, ids > 0, ids * 0, activation="relu", epsilon=0.3)
    np.testing.assert_allclose(run(backbone), rows, atol=2e-5)


def test_a_backbone_rebuilt_from_its_config_needs_it_again():
    backbone = BACKBONES["bert"]()
    set_architecture(backbone, activation="gelu", layer_norm_epsilon=1e-5)
    again = type(backbone).from_config(backbone.get_config())
    again.set_weights(backbone.get_weights())
    assert architecture_of(again) == BUILT["bert"]
    activation, epsilon = architecture_of(backbone)
    set_architecture(again, activation=activation, layer_norm_epsilon=epsilon)
    np.testing.assert_array_equal(run(again), run(backbone))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_runs(policy):
    backbone = MODELS.BertBackbone(16, dtype=policy, **SIZES)
    set_architecture(backbone, activation="gelu")
    assert np.isfinite(run(backbone).astype("float32")).all()


@pytest.mark.parametrize(
    "alias, name",
    [("gelu_pytorch_tanh", "gelu_new"), ("gelu_python", "gelu"), ("swish", "silu")],
)
def test_names_of_one_function(alias, name):
    backbone = BACKBONES["distilbert"]()
    set_architecture(backbone, activation=alias)
    assert architecture_of(backbone)[0] == name


def test_mixed_or_unnamed_is_none():
    backbone = BACKBONES["bert"]()
    backbone.embeddings_layer_norm.epsilon = 0.1
    backbone.transformer_layers[0]._feedforward_intermediate_dense.activation = abs
    assert architecture_of(backbone) == (None, None)


def test_a_block_keeps_its_activation_in_its_config():
    backbone = BACKBONES["bert"]()
    set_architecture(backbone, activation="gelu_new")
    block = backbone.transformer_layers[0]
    again = type(block).from_config(block.get_config())
    assert again.activation is gelu_new


def test_wrong_arguments():
    backbone = BACKBONES["bert"]()
    with pytest.raises(InputError, match="`activation` must be one of gelu, .*'mish'"):
        set_architecture(backbone, activation="mish")
    with pytest.raises(InputError, match="`layer_norm_epsilon` must be"):
        set_architecture(backbone, layer_norm_epsilon=0.0)
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="feed-forward"):
        set_architecture(plain, activation="gelu")
    with pytest.raises(InputError, match="layer normalisation"):
        set_architecture(plain, layer_norm_epsilon=1e-5)
    set_architecture(plain)
