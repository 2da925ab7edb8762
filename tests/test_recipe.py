from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.adapt import Adapter, BitFit, LoRA
from tfreg.data.augment import Masking, Swap, Synonyms
from tfreg.heads import CRF, Bottleneck, Projection
from tfreg.optimizers import ChildTuning
from tfreg.recipe import NAMED, SHORT_NAMES, Recipe
from tfreg.regularizers import (
    L1,
    L1L2,
    L2,
    L2SP,
    ByDepth,
    FisherL2SP,
    GroupLasso,
    Sum,
)

FIELDS = [field.name for field in dataclasses.fields(Recipe)]


def message(**fields):
    with pytest.raises(InputError) as error:
        Recipe(**fields)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_defaults_are_the_strong_plain_recipe():
    assert Recipe().to_json() == {
        "kernel_regularizer": None,
        "backbone_regularizer": None,
        "head": None,
        "dropout": 0.1,
        "backbone_dropout": None,
        "attention_dropout": None,
        "word_dropout": 0.0,
        "embedding_noise": 0.0,
        "mixout": 0.0,
        "dropconnect": 0.0,
        "weight_noise": 0.0,
        "multi_sample_dropout": 1,
        "noisy_tune": 0.0,
        "freeze": None,
        "adapter": None,
        "reinitialize": 0,
        "gradual_unfreezing": 0,
        "child_tuning": None,
        "label_smoothing": 0.0,
        "objective": None,
        "augment": None,
        "learning_rate": 5e-5,
        "weight_decay": 0.01,
        "warmup": 0.1,
        "schedule": "linear",
        "layer_decay": 1.0,
        "anchor_decay": 0.0,
        "ema": None,
        "swa": None,
        "global_clipnorm": 1.0,
        "epochs": 3,
        "batch_size": 32,
        "gradient_accumulation_steps": 1,
        "steps_per_execution": 1,
        "sequence_length": 128,
        "patience": None,
        "precision": "float32",
        "seed": 0,
    }


def test_frozen_and_by_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().dropout = 0.2
    with pytest.raises(TypeError):
        Recipe(None)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("head", ("dense", "", 3, ["crf"], {}, {"class_name": "L2", "config": {}})),
        ("dropout", (-0.1, 1.0, math.nan, "0.1", None, True)),
        ("backbone_dropout", (-0.1, 1.0, math.inf, "none")),
        ("attention_dropout", (-0.1, 1.0, [0.1])),
        ("word_dropout", (-0.1, 1.0, None)),
        ("embedding_noise", (-0.1, math.inf, None)),
        ("mixout", (-0.1, 1.0, None)),
        ("dropconnect", (-0.1, 1.0, "0.1")),
        ("weight_noise", (-0.1, 1.0, None)),
        ("multi_sample_dropout", (0, 2.5, None, True)),
        ("noisy_tune", (-0.15, math.nan, None)),
        ("head", ("bottleneck", "", 3, L2(0.1), {}, [1])),
        ("freeze", ("all", "", 0, -1, 1.5, True, ["embeddings"])),
        ("objective", (3, "RDrop", {}, LoRA(), L2(0.1), [3])),
        ("adapter", ("lora", 8, {}, [LoRA()], LoRA, ChildTuning(), L2(0.1))),
        ("reinitialize", (-1, 1.0, None, True, "1")),
        ("gradual_unfreezing", (-1, 1.5, None, True)),
        ("child_tuning", (0.3, "ChildTuning", {}, LoRA(), ChildTuning)),
        ("label_smoothing", (-0.1, 1.0, None)),
        ("learning_rate", (0, -1e-5, math.inf, math.nan, None, 10**400)),
        ("weight_decay", (-0.01, math.nan, None)),
        ("warmup", (-0.1, 1.1, None)),
        ("schedule", ("exponential", None, "")),
        ("augment", ("swap", 0.1, [], (), [Swap(), "swap"], Swap, {"rate": 0.1})),
        ("layer_decay", (0, -0.5, 1.1, None, "0.9")),
        ("anchor_decay", (-0.1, math.inf, None)),
        ("ema", (0, 1, -0.1, "0.9", True)),
        ("swa", (0, 1.1, "0.5", [])),
        ("global_clipnorm", (0.0, -1.0, math.inf)),
        ("epochs", (0, 1.0, None, True)),
        ("batch_size", (0, 2.5, None)),
        ("gradient_accumulation_steps", (0, -1, 2.0, None, True)),
        ("steps_per_execution", (0, 1.5, "auto", None)),
        ("sequence_length", (7, 128.0, None)),
        ("patience", (0, 1.5)),
        ("precision", ("float64", "mixed_float16", None)),
        ("seed", (-1, 0.5, None, 2**32)),
        ("kernel_regularizer", ("l2", 0.1, [1], abs, keras.regularizers.L2)),
        ("backbone_regularizer", ("l2", 0.1, {}, {"*": None}, {1: L2(0.1)})),
    ],
)
def test_every_field_refuses_the_impossible_by_name(name, values):
    for value in values:
        assert message(**{name: value}).startswith(f"`{name}"), value


def test_every_field_is_tried_above():
    parameters = test_every_field_refuses_the_impossible_by_name.pytestmark[0].args[1]
    assert {row[0] for row in parameters} == set(FIELDS)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("head", (None, "linear", "crf", "projection")),
        ("dropout", (0, 0.0, 0.999)),
        ("backbone_dropout", (None, 0.0, 0.5)),
        ("freeze", (None, "embeddings", "backbone", 1, 24)),
        ("reinitialize", (0, 1, 24)),
        ("gradual_unfreezing", (0, 1, 24)),
        ("warmup", (0, 1)),
        ("schedule", ("linear", "cosine", "constant", "slanted")),
        ("layer_decay", (1e-3, 1)),
        ("anchor_decay", (0, 10.0)),
        ("ema", (None, 1e-6, 0.9999)),
        ("swa", (None, 0.01, 1)),
        ("weight_decay", (0, 1.0)),
        ("global_clipnorm", (None, 0.1)),
        ("sequence_length", (8, 512)),
        ("patience", (None, 1)),
        ("word_dropout", (0, 0.999)),
        ("embedding_noise", (0, 10.0)),
        ("mixout", (0.0, 0.9)),
        ("dropconnect", (0.0, 0.9)),
        ("weight_noise", (0, 0.9)),
        ("multi_sample_dropout", (1, 64)),
        ("noisy_tune", (0, 0.15)),
        ("head", (None, "linear")),
        ("gradient_accumulation_steps", (1, 1000)),
        ("steps_per_execution", (1, 1000)),
        ("precision", ("float32", "bfloat16", "float16", "auto")),
        ("seed", (0, 2**32 - 1)),
    ],
)
def test_the_ends_of_the_ranges_are_in(name, values):
    for value in values:
        assert getattr(Recipe(**{name: value}), name) == value


def test_exact_words():
    assert message(dropout=1) == "`dropout` must be a number in [0, 1); got 1"
    assert message(learning_rate=0) == (
        "`learning_rate` must be a number in (0, inf]; got 0"
    )
    assert message(freeze="all") == (
        "`freeze` must be one of None, 'embeddings', 'backbone'; got 'all'"
    )
    assert message(kernel_regularizer="l2") == (
        "`kernel_regularizer` must be a keras.regularizers.Regularizer; got 'l2'"
    )
    assert message(backbone_regularizer={"*/kernel": 3}) == (
        "`backbone_regularizer['*/kernel']` must be a "
        "keras.regularizers.Regularizer; got 3"
    )
    assert message(backbone_regularizer={}) == (
        "`backbone_regularizer` must be a mapping from path patterns to "
        "regularizers; got {}"
    )


def test_the_head_cannot_be_anchored():
    assert message(kernel_regularizer=L2SP(0.1)) == (
        "`kernel_regularizer` cannot be anchored: the head has no pretrained values; "
        "use `backbone_regularizer=L2SP(...)`"
    )
    for rule in (GroupLasso(0.1), ByDepth(L2(0.1), 2.0)):
        for given in (rule, Sum([rule]), [L2(0.1), Sum([rule])]):
            assert message(kernel_regularizer=given) == (
                f"`kernel_regularizer` cannot be {type(rule).__name__}, which acts on "
                "blocks of an encoder; use `backbone_regularizer`"
            )


@pytest.mark.parametrize(
    "fields",
    [
        {"backbone_regularizer": L2(0.1)},
        {"backbone_regularizer": {"*/kernel": L2(0.1)}},
        {"backbone_dropout": 0.0},
        {"attention_dropout": 0.2},
    ],
)
def test_nothing_acts_on_a_frozen_backbone(fields):
    (name,) = fields
    assert message(freeze="backbone", **fields) == (
        f"`{name}` has nothing to act on with `freeze='backbone'`: frozen weights "
        "are not penalised and run without dropout"
    )
    Recipe(freeze="embeddings", **fields)
    Recipe(freeze=1, **fields)


@pytest.mark.parametrize("name", ["reinitialize", "gradual_unfreezing", "child_tuning"])
def test_nothing_starts_anew_or_late_in_a_frozen_backbone(name):
    value = ChildTuning() if name == "child_tuning" else 1
    assert message(freeze="backbone", **{name: value}) == (
        f"`{name}` has nothing to act on with `freeze='backbone'`: frozen weights stay "
        "as they are"
    )


@pytest.mark.parametrize(
    ("field", "value", "config"),
    [
        ("adapter", LoRA(4, penalty=L2(0.5)), {"rank": 4, "alpha": 16.0}),
        ("adapter", Adapter(3), {"dim": 3}),
        ("adapter", BitFit(), {}),
        ("child_tuning", ChildTuning(0.2, True), {"share": 0.2, "fisher": True}),
    ],
)
def test_round_trip_of_objects(field, value, config):
    recipe = Recipe(**{field: value})
    stored = json.loads(json.dumps(recipe.to_json()))
    again = Recipe.from_json(stored)
    assert again == recipe and type(getattr(again, field)) is type(value)
    assert config.items() <= stored[field]["config"].items()
    short = {"class_name": type(value).__name__, "config": stored[field]["config"]}
    assert Recipe(**{field: short}) == recipe


@pytest.mark.parametrize(
    "broken",
    [
        {"class_name": "LoRa"},
        {"class_name": "LoRA", "config": {"ranks": 2}},
        {"class_name": "LoRA", "config": {"rank": 0}},
        {"class_name": "LoRA", "config": {"penalty": {"class_name": "L3"}}},
        {"class_name": "LoRA", "config": 5},
        {"class_name": 5},
        {"config": {}},
        {"class_name": "tfreg>ChildTuning", "config": {}},
        {"class_name": "Dense", "module": "keras.layers", "config": {"units": 1}},
    ],
)
def test_broken_objects(broken):
    assert message(adapter=broken).startswith("`adapter` cannot be read: ")


@pytest.mark.parametrize("fields", [{"layer_decay": 0.9}, {"anchor_decay": 0.1}])
def test_nothing_moves_in_a_frozen_backbone(fields):
    (name,) = fields
    assert message(freeze="backbone", **fields) == (
        f"`{name}` has nothing to act on with `freeze='backbone'`: frozen weights do "
        "not move"
    )
    Recipe(freeze="embeddings", **fields)


def test_one_mean_of_the_weights_at_a_time():
    assert message(ema=0.9, swa=0.5) == (
        "`ema` and `swa` cannot be combined: both are means of the weights"
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"class_name": "Nope", "config": {}},
        {"class_name": "L2", "config": {"l3": 1.0}},
        {"class_name": "L2", "config": {"l2": -1.0}},
        {"class_name": "L2", "config": 5},
        {"class_name": 5, "config": {}},
        {"class_name": "tfreg>L2SP", "config": {"alpha": 0}},
        {"class_name": "system", "module": "os", "config": {}, "registered_name": None},
        {
            "class_name": "Dense",
            "module": "keras.layers",
            "config": {"units": 1},
            "registered_name": None,
        },
    ],
)
def test_broken_regularizers(broken):
    assert message(backbone_regularizer=broken).startswith("`backbone_regularizer` ")
    where = "`backbone_regularizer['*/kernel']` "
    assert message(backbone_regularizer={"*/kernel": broken}).startswith(where)


@pytest.mark.parametrize(
    "name", ["mixout", "dropconnect", "weight_noise", "noisy_tune"]
)
def test_no_noise_on_a_frozen_backbone(name):
    assert message(freeze="backbone", **{name: 0.5}) == (
        f"`{name}` has nothing to act on with `freeze='backbone'`: frozen weights "
        "stay as they are"
    )
    Recipe(freeze="embeddings", **{name: 0.5})
    Recipe(freeze=1, **{name: 0.5})


@pytest.mark.parametrize("name", ["word_dropout", "embedding_noise"])
def test_no_noise_below_frozen_blocks(name):
    for frozen in ("backbone", 1):
        assert message(freeze=frozen, **{name: 0.5}) == (
            f"`{name}` acts below the frozen blocks (`freeze={frozen!r}`), whose "
            "features must be the same in every pass; set one of the two off"
        )
    Recipe(freeze="embeddings", **{name: 0.5})


def test_noise_that_cannot_be_combined_or_does_nothing():
    assert message(mixout=0.5, dropconnect=0.1) == (
        "`mixout` and `dropconnect` are two kinds of noise on the same kernels; set "
        "one of them to 0"
    )
    assert message(dropconnect=0.1, weight_noise=0.1).startswith(
        "`dropconnect` and `weight_noise` are two kinds of noise on the same kernels"
    )
    assert message(multi_sample_dropout=4, dropout=0.0) == (
        "`multi_sample_dropout` of 4 needs a `dropout` above 0: without masks all "
        "samples are the same"
    )
    Recipe(multi_sample_dropout=1, dropout=0.0)


WEIGHTS = np.array([[1.0, -2.0], [0.5, 0.0]], "float32")


@pytest.mark.parametrize(
    ("regularizer", "value"),
    [
        (L1(0.1), 0.35),  # 0.1 * 3.5
        (L2(0.1), 0.525),  # 0.1 * 5.25
        (L1L2(0.1, 0.2), 1.4),
    ],
)
def test_round_trip_of_penalties(regularizer, value):
    recipe = Recipe(
        kernel_regularizer=regularizer, backbone_regularizer={"*/kernel": regularizer}
    )
    stored = json.loads(json.dumps(recipe.to_json()))
    again = Recipe.from_json(stored)
    for found in (again.kernel_regularizer, again.backbone_regularizer["*/kernel"]):
        assert type(found) is type(regularizer)
        assert float(found(WEIGHTS)) == pytest.approx(value)
    assert again.to_json() == stored


def test_round_trip_of_anchored_penalties():
    recipe = Recipe(backbone_regularizer={"a/*": L2SP(0.25), "b/*": L2(0.5)})
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert list(again.backbone_regularizer) == ["a/*", "b/*"]
    assert again.backbone_regularizer["a/*"].alpha == 0.25
    assert type(again.backbone_regularizer["a/*"]) is L2SP
    single = Recipe.from_json(Recipe(backbone_regularizer=L2SP(0.5)).to_json())
    assert single.backbone_regularizer.alpha == 0.5


def test_round_trip_of_several_penalties():
    rules = {"a/*": [L2SP(0.25), L1(0.5)], "b/*": ByDepth(L2(0.5), 1.5)}
    recipe = Recipe(backbone_regularizer=rules)
    stored = json.loads(json.dumps(recipe.to_json()))
    again = Recipe.from_json(stored)
    assert again == recipe and again.to_json() == stored
    first, second = again.backbone_regularizer["a/*"]
    assert (first.alpha, type(second)) == (0.25, L1)
    sets = Recipe(backbone_regularizer=[GroupLasso(0.1, "neurons"), FisherL2SP(2.0)])
    assert Recipe.from_json(json.loads(json.dumps(sets.to_json()))) == sets


@pytest.mark.parametrize("rule", [GroupLasso(), ByDepth(L2(0.1), 2.0)])
def test_the_head_has_no_blocks(rule):
    with pytest.raises(InputError, match="acts on blocks of an encoder"):
        Recipe(kernel_regularizer=rule)


@pytest.mark.parametrize("head", [CRF(L2(0.5)), Projection(8, None, 0.5, True, "max")])
def test_round_trip_of_heads(head):
    recipe = Recipe(head=head)
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert type(again.head) is type(head)
    assert again.head.get_config() == head.get_config()
    assert again == recipe and again != Recipe(head=type(head)())


@keras.saving.register_keras_serializable("tests")
class Halved(keras.regularizers.Regularizer):
    def __init__(self, strength):
        self.strength = strength

    def __call__(self, x):
        return 0.5 * self.strength * keras.ops.sum(x)

    def get_config(self):
        return {"strength": self.strength}


def test_round_trip_of_a_penalty_of_the_users_own():
    recipe = Recipe(kernel_regularizer=Halved(3.0))
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert type(again.kernel_regularizer) is Halved
    assert again.kernel_regularizer.strength == 3.0


def test_round_trip_of_augmentations():
    dictionary = {"good": ["fine", "nice"], "class_name": ["x"], "config": ["y"]}
    recipe = Recipe(augment=[Swap(0.2), Synonyms(0.5, dictionary)])
    assert recipe.augment == (Swap(0.2), Synonyms(0.5, dictionary))
    stored = json.loads(json.dumps(recipe.to_json()))
    again = Recipe.from_json(stored)
    assert again == recipe and again.augment == recipe.augment
    assert dataclasses.replace(again, epochs=5).augment == recipe.augment
    assert Recipe(augment=Swap(0.2)).augment == (Swap(0.2),)
    # As one writes them by hand.
    short = {"class_name": "Masking", "config": {"rate": 0.3}}
    assert Recipe(augment=short).augment == (Masking(0.3),)
    assert Recipe(augment=[short, short]).augment == (Masking(0.3), Masking(0.3))


@pytest.mark.parametrize(
    "broken",
    [
        {"class_name": "Nope", "config": {}},
        {"class_name": "Swap", "config": {"rate": 2}},
        {"class_name": "Swap", "config": {"rat": 0.1}},
        {"class_name": "tfreg>L2SP", "config": {"alpha": 1.0}},
        {"class_name": "L2", "module": "keras.regularizers", "config": {"l2": 0.1}},
        {"class_name": "Synonyms", "config": {"rate": 0.1}},
    ],
)
def test_broken_augmentations(broken):
    assert message(augment=broken).startswith("`augment` ")


def test_round_trip_of_every_plain_field(tmp_path):
    other = {
        "head": "projection",
        "dropout": 0.2,
        "backbone_dropout": 0.3,
        "attention_dropout": 0.0,
        "word_dropout": 0.1,
        "embedding_noise": 0.01,
        "mixout": 0.9,
        "dropconnect": 0.0,
        "weight_noise": 0.0,
        "multi_sample_dropout": 4,
        "noisy_tune": 0.15,
        "freeze": "embeddings",
        "reinitialize": 3,
        "gradual_unfreezing": 2,
        "label_smoothing": 0.1,
        "learning_rate": 1e-3,
        "weight_decay": 0.0,
        "warmup": 0.5,
        "schedule": "cosine",
        "layer_decay": 0.9,
        "anchor_decay": 0.01,
        "ema": 0.99,
        "swa": None,
        "global_clipnorm": None,
        "epochs": 5,
        "batch_size": 8,
        "gradient_accumulation_steps": 4,
        "steps_per_execution": 2,
        "sequence_length": 64,
        "patience": 2,
        "precision": "bfloat16",
        "seed": 7,
    }
    recipe = Recipe(**other)
    objects = {
        "kernel_regularizer",
        "backbone_regularizer",
        "adapter",
        "child_tuning",
        "augment",
        "objective",
    }
    assert {*other, *objects} == set(FIELDS)
    assert Recipe.from_json(recipe.to_json()) == recipe
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe.to_json()), encoding="utf-8")
    assert Recipe.from_json(path) == Recipe.from_json(str(path)) == recipe


def test_round_trip_of_a_head():
    recipe = Recipe(head=Bottleneck(dim=64, beta=1e-4), dropconnect=0.5)
    stored = json.loads(json.dumps(recipe.to_json()))
    again = Recipe.from_json(stored)
    assert type(again.head) is Bottleneck and again.head.dim == 64
    assert again == recipe and again.to_json() == stored
    assert recipe != Recipe(head=Bottleneck(dim=65, beta=1e-4), dropconnect=0.5)


def test_fields_left_out_of_a_file_have_their_defaults():
    assert Recipe.from_json({"epochs": 5}) == Recipe(epochs=5)


@pytest.mark.parametrize("make", [Recipe.from_json, Recipe.from_options])
def test_unknown_fields(make):
    with pytest.raises(InputError) as error:
        make({"epochs": 2, "droput": 0.1})
    expected = f"unknown recipe field `droput`; known: {', '.join(FIELDS)}"
    assert str(error.value) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"epochs": 3,}', "not a JSON file"),
        (b"", "not a JSON file"),
        (b"\xff\xfe{}", "not a JSON file"),
        (b"[1, 2]", "expected a JSON object of recipe fields"),
        (b"null", "expected a JSON object of recipe fields"),
    ],
)
def test_files_that_hold_no_recipe(tmp_path, content, message):
    path = tmp_path / "recipe.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        Recipe.from_json(path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError) as error:
        Recipe.from_json(tmp_path / "recipe.json")
    expected = f"{tmp_path / 'recipe.json'}: No such file or directory"
    assert str(error.value) == expected
    with pytest.raises(InputError, match="Is a directory"):
        Recipe.from_json(tmp_path)


def test_numbers_that_json_should_not_hold(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text('{"learning_rate": NaN}')
    with pytest.raises(InputError, match="`learning_rate` must be a number"):
        Recipe.from_json(path)


def test_short_names():
    recipe = Recipe.from_options({"l2": 1e-4, "l2sp": 0.5, "dropout": 0.2})
    assert type(recipe.kernel_regularizer) is L2
    assert float(recipe.kernel_regularizer(WEIGHTS)) == pytest.approx(5.25e-4)
    assert type(recipe.backbone_regularizer) is L2SP
    assert recipe.backbone_regularizer.alpha == 0.5
    assert recipe.dropout == 0.2
    assert type(Recipe.from_options({"l1": 0.1}).kernel_regularizer) is L1


def test_several_strengths_add_up():
    first, second = Recipe.from_options({"l1": 0.1, "l2": 0.2}).kernel_regularizer
    assert (type(first), type(second)) == (L1, L2)
    assert float(first(WEIGHTS)) + float(second(WEIGHTS)) == pytest.approx(1.4)
    several = Recipe.from_options({"l2sp": 0.1, "group_lasso": 0.2})
    kinds = [type(one).__name__ for one in several.backbone_regularizer]
    assert kinds == ["L2SP", "GroupLasso"]


def test_short_names_of_objectives():
    recipe = Recipe.from_options({"objective.rdrop": 0.5, "objective.fgm": 1.0})
    kinds = [(type(one).__name__, one.weight) for one in recipe.objective]
    assert kinds == [("RDrop", 0.5), ("FGM", 1.0)]


def test_short_names_left_out():
    assert Recipe.from_options(dict.fromkeys(SHORT_NAMES)) == Recipe()
    assert Recipe.from_options({}) == Recipe()


@pytest.mark.parametrize("name", list(SHORT_NAMES))
def test_a_strength_of_zero_is_none_and_none_is_below(name):
    assert Recipe.from_options({name: 0}) == Recipe()
    assert Recipe.from_options({name: 0.5}) != Recipe()
    for value in (-1.0, math.nan, "x"):
        with pytest.raises(InputError, match=f"^`{name}` must be a number in "):
            Recipe.from_options({name: value})


def test_a_penalty_given_twice():
    with pytest.raises(InputError) as error:
        Recipe.from_options({"l2": 0.1, "kernel_regularizer": L1(0.1)})
    assert str(error.value) == (
        "`kernel_regularizer` is given twice: by itself and by "
        "['l1', 'l2', 'proximal_l1']"
    )
    recipe = Recipe.from_options({"l2": 0.1, "kernel_regularizer": None})
    assert type(recipe.kernel_regularizer) is L2


def test_fields_say_how_they_are_read_from_text():
    read = {field.name: field.metadata["type"] for field in dataclasses.fields(Recipe)}
    assert all(field.metadata["help"] for field in dataclasses.fields(Recipe))
    assert read["freeze"]("none") is None
    assert read["freeze"]("3") == 3
    assert read["freeze"]("embeddings") == "embeddings"
    assert read["head"]("none") is None and read["head"]("crf") == "crf"
    projection = {"class_name": "Projection", "config": {"width": 8}}
    assert read["head"](json.dumps(projection)) == projection
    with pytest.raises(
        InputError,
        match="an object is written as the name of its class or as JSON.*got '{crf}'",
    ):
        read["head"]("{crf}")
    assert read["patience"]("none") is None and read["patience"]("2") == 2
    assert read["global_clipnorm"]("none") is None
    assert read["backbone_dropout"]("0.2") == 0.2
    assert read["epochs"]("4") == 4
    assert read["head"]("none") is None and read["head"]("linear") == "linear"
    head = {"class_name": "Bottleneck", "config": {"dim": 64}}
    assert read["head"](json.dumps(head)) == head
    with pytest.raises(InputError, match="name of its class or as JSON"):
        read["head"]('{"class_name":')
    serialised = {"class_name": "L2", "config": {"l2": 0.5}}
    assert read["kernel_regularizer"](json.dumps(serialised)) == serialised
    with pytest.raises(InputError, match="written as JSON.*got 'l2'"):
        read["kernel_regularizer"]("l2")
    assert read["adapter"]("none") is None
    assert read["adapter"]("LoRA") == {"class_name": "LoRA", "config": {}}
    with pytest.raises(InputError, match="name of its class or as JSON.*got 'L-1'"):
        read["child_tuning"]("L-1")


def test_a_recipe_without_penalties_needs_no_keras():
    code = (
        "import sys; from tfreg.recipe import Recipe\n"
        "options = {'dropout': 0.2, 'l2': None, 'head': 'crf'}\n"
        "recipe = Recipe.from_options(options)\n"
        "assert Recipe.from_json(recipe.to_json()) == recipe\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_recipes_are_equal_if_they_say_the_same():
    one, two = (Recipe(kernel_regularizer=L2(0.1), dropout=0.2) for _ in range(2))
    assert one == two and hash(one) == hash(two)
    assert one != Recipe(kernel_regularizer=L2(0.2), dropout=0.2)
    assert Recipe.from_json(one.to_json()) == one


def test_a_short_class_name_is_enough_for_ours():
    recipe = Recipe(
        backbone_regularizer={"class_name": "L2SP", "config": {"alpha": 0.5}}
    )
    assert recipe.backbone_regularizer.alpha == 0.5


def test_a_regularizer_that_cannot_be_saved_is_refused():
    class Mine(keras.regularizers.Regularizer):
        def __call__(self, x):
            return 0.0

    with pytest.raises(InputError, match="Mine has no `get_config`"):
        Recipe(kernel_regularizer=Mine())


@pytest.mark.parametrize("name", NAMED)
def test_recipes_by_name(name):
    found = Recipe.preset(name, seed=3)
    assert found.seed == 3
    assert {field: getattr(found, field) for field in NAMED[name]} == NAMED[name]
    assert Recipe.preset(name, epochs=2).epochs == 2
    assert Recipe.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_plain_is_the_defaults():
    assert Recipe.preset("plain") == Recipe()


def test_a_name_or_field_that_does_not_exist():
    with pytest.raises(InputError, match="`name` must be one of 'plain', 'small-data'"):
        Recipe.preset("small")
    with pytest.raises(InputError, match="unknown recipe field `epoch`"):
        Recipe.preset("small-data", epoch=1)
