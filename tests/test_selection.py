from __future__ import annotations

from types import SimpleNamespace

import pytest

from tfreg._checks import InputError
from tfreg.selection import assign, kernels, matches, select

PATHS = (
    "token_embedding/embeddings",
    "embeddings_layer_norm/gamma",
    "transformer_layer_0/self_attention_layer/query/kernel",
    "transformer_layer_0/self_attention_layer/query/bias",
    "transformer_layer_1/self_attention_layer/query/kernel",
    "transformer_layer_10/self_attention_layer/query/kernel",
    "kernel",
)
VARIABLES = [SimpleNamespace(path=path) for path in PATHS]


def paths(variables):
    return [variable.path for variable in variables]


def test_a_pattern_must_fit_the_whole_path():
    assert matches(PATHS[0], ["token_embedding/*"])
    assert matches(PATHS[2], ["nothing", "*/query/*"])  # * crosses /
    assert not matches(PATHS[2], ["query/kernel"])
    assert not matches(PATHS[2], ["*/Kernel"])  # case counts
    assert not matches(PATHS[2], [])


def test_selected_in_the_order_of_the_variables():
    found = select(VARIABLES, "transformer_layer_1/*")
    assert paths(found) == [PATHS[4]]  # and not layer 10
    assert paths(select(reversed(VARIABLES), "*/query/kernel")) == [
        *(PATHS[5], PATHS[4], PATHS[2])
    ]
    assert paths(select(VARIABLES, "transformer_layer_[01]/*kernel")) == [
        *(PATHS[2], PATHS[4])
    ]


def test_kernels_are_chosen_by_path():
    assert paths(kernels(VARIABLES)) == [PATHS[2], PATHS[4], PATHS[5]]


def test_one_rule_a_path():
    rules = {"*_1/*": "b", "token_*": "a"}
    found = assign("penalty", iter(VARIABLES), rules)
    assert list(found.items()) == [(PATHS[0], "a"), (PATHS[4], "b")]


def test_a_pattern_that_matches_nothing():
    with pytest.raises(InputError) as error:
        assign("penalty", VARIABLES, {"token_*": 1, "LayerNorm": 2})
    assert str(error.value) == (
        "`penalty`: the pattern 'LayerNorm' matches no weight; "
        f"paths look like {PATHS[2]}, {PATHS[4]}, {PATHS[5]}"
    )


def test_patterns_that_overlap():
    with pytest.raises(InputError) as error:
        assign("penalty", VARIABLES, {"*/query/*": 1, "transformer_layer_1/*": 1})
    assert str(error.value) == (
        "`penalty`: the patterns '*/query/*' and 'transformer_layer_1/*' "
        f"both match {PATHS[4]!r}"
    )
