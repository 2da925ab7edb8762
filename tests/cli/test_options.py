"""Options become a recipe: over the file's, over the defaults."""

from __future__ import annotations

import json

import pytest

from tfreg._checks import InputError
from tfreg.cli.options import read_recipe, text_columns
from tfreg.cli.parser import build_parser
from tfreg.data.augment import Masking, Swap
from tfreg.recipe import Recipe


def recipe(*options: str) -> Recipe:
    words = ["train", "classify", "--data", "d", "--out", "o", *options]
    return read_recipe(build_parser().parse_args(words))


def config(tmp_path, **fields) -> str:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(fields))
    return str(path)


def l2(strength: float) -> dict:
    return {"class_name": "L2", "config": {"l2": strength}}


def test_no_options_are_the_defaults():
    assert recipe() == Recipe()


def test_recipes_by_name():
    assert recipe("--config", "small-data") == Recipe.preset("small-data")
    got = recipe("--config", "many-labels", "--epochs", "2")
    assert got == Recipe.preset("many-labels", epochs=2)


def test_a_file_of_that_name_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small-data").write_text('{"epochs": 1}')
    assert recipe("--config", "small-data") == Recipe(epochs=1)


def test_every_field_can_be_given():
    got = recipe(
        *"--dropout .2 --backbone-dropout 0 --attention-dropout none "
        "--word-dropout .1 --embedding-noise .01 --mixout .9 --dropconnect 0 "
        "--weight-noise 0 --multi-sample-dropout 4 --noisy-tune .15 "
        "--freeze embeddings --child-tuning none --adapter none --reinitialize 1 "
        "--gradual-unfreezing 2 --label-smoothing .1 --learning-rate 1e-4 "
        "--weight-decay 0 --warmup .06 "
        "--schedule cosine --layer-decay .9 --anchor-decay .1 --ema none --swa .25 "
        "--global-clipnorm none --epochs 5 --batch-size 16 "
        "--gradient-accumulation-steps 4 --steps-per-execution 8 "
        "--sequence-length 64 --patience 2 --precision bfloat16 --seed 7 "
        "--head projection".split()
    )
    assert got == Recipe(
        head="projection",
        dropout=0.2,
        backbone_dropout=0.0,
        word_dropout=0.1,
        embedding_noise=0.01,
        mixout=0.9,
        multi_sample_dropout=4,
        noisy_tune=0.15,
        freeze="embeddings",
        reinitialize=1,
        gradual_unfreezing=2,
        label_smoothing=0.1,
        learning_rate=1e-4,
        weight_decay=0.0,
        warmup=0.06,
        schedule="cosine",
        layer_decay=0.9,
        anchor_decay=0.1,
        swa=0.25,
        global_clipnorm=None,
        epochs=5,
        batch_size=16,
        gradient_accumulation_steps=4,
        steps_per_execution=8,
        sequence_length=64,
        patience=2,
        precision="bfloat16",
        seed=7,
    )


def test_penalties_by_short_name_and_in_full():
    got = recipe("--l1", "1e-5", "--l2", "1e-4", "--l2sp", "1e-2").to_json()
    kinds = [one["class_name"] for one in got["kernel_regularizer"]]
    assert kinds == ["L1", "L2"]
    assert got["backbone_regularizer"]["config"]["alpha"] == pytest.approx(1e-2)
    got = recipe("--kernel-regularizer", json.dumps(l2(0.5))).to_json()
    assert got["kernel_regularizer"]["config"] == {"l2": 0.5}


def test_a_head_in_full():
    head = {"class_name": "Bottleneck", "config": {"dim": 64}}
    got = recipe("--head", json.dumps(head)).to_json()["head"]
    assert got["class_name"] == "Bottleneck" and got["config"]["dim"] == 64


def test_a_head_by_name_and_in_full():
    assert recipe("--head", "crf") == Recipe(head="crf")
    written = {"class_name": "Projection", "config": {"width": 8}}
    got = recipe("--head", json.dumps(written)).to_json()
    assert got["head"]["config"]["width"] == 8
    assert recipe("--head", "none") == Recipe()


def test_penalties_of_a_file_are_switched_off(tmp_path):
    file = config(tmp_path, kernel_regularizer=l2(1), backbone_regularizer=l2(1))
    assert recipe("--config", file) != Recipe()
    off = "--kernel-regularizer none --backbone-regularizer none".split()
    assert recipe("--config", file, *off) == Recipe()


def test_objects_by_name_and_in_full():
    got = recipe("--adapter", "LoRA", "--adapter", "BitFit").to_json()
    assert got["adapter"]["class_name"] == "BitFit"
    lora = {"class_name": "LoRA", "config": {"rank": 4}}
    got = recipe("--adapter", json.dumps(lora)).to_json()
    assert got["adapter"]["config"]["rank"] == 4
    got = recipe("--child-tuning", "ChildTuning").to_json()
    assert got["child_tuning"]["config"]["share"] == 0.3


def test_augmentations(tmp_path):
    swap = {"class_name": "Swap", "config": {"rate": 0.3}}
    got = recipe("--augment", json.dumps(swap))
    assert got.augment == (Swap(0.3),)
    got = recipe(
        "--augment", json.dumps([swap, {"class_name": "Masking", "config": {}}])
    )
    assert got.augment == (Swap(0.3), Masking())
    file = config(tmp_path, augment=[swap])
    assert recipe("--config", file).augment == (Swap(0.3),)
    assert recipe("--config", file, "--augment", "none").augment is None


def test_options_override_the_file(tmp_path):
    file = config(tmp_path, dropout=0.3, epochs=5, kernel_regularizer=l2(0.5))
    got = recipe("--config", file, "--epochs", "2").to_json()
    assert (got["dropout"], got["epochs"]) == (0.3, 2)
    assert got["kernel_regularizer"]["config"] == {"l2": 0.5}
    got = recipe("--config", file, "--l2", "0.25").to_json()
    assert got["kernel_regularizer"]["config"] == {"l2": 0.25}


def test_a_default_given_as_an_option_overrides_too(tmp_path):
    file = config(tmp_path, epochs=5, patience=2)
    got = recipe("--config", file, "--epochs", "3", "--patience", "none")
    assert (got.epochs, got.patience) == (3, None)


def test_a_runs_own_recipe_is_a_config(tmp_path):
    file = config(tmp_path, **Recipe(dropout=0.2, freeze="embeddings").to_json())
    assert recipe("--config", file) == Recipe(dropout=0.2, freeze="embeddings")


@pytest.mark.parametrize(
    "options, message",
    [
        (["--epochs", "many"], "--epochs: expected int; got 'many'"),
        (["--patience", "x"], "--patience: expected int | none; got 'x'"),
        (["--epochs", "0"], "`epochs` must be an integer of at least 1; got 0"),
        (["--dropout", "1"], "`dropout` must be a number in [0, 1); got 1"),
        (["--learning-rate", "nan"], "`learning_rate` must be a number"),
        (["--head", "dense"], "`head` cannot be read: unknown class 'dense'"),
        (
            ["--head", "{dense"],
            "an object is written as the name of its class or as JSON",
        ),
        (["--head", '{"class_name": "CFR"}'], "`head` cannot be read"),
        (["--schedule", "steps"], "--schedule: invalid choice: 'steps'"),
        (["--freeze", "top"], "`freeze` must be one of"),
        (["--l2", "-1"], "`l2` must be a number"),
        (["--kernel-regularizer", "L2"], "a regularizer is written as JSON"),
        (["--l2", "1", "--kernel-regularizer", "{}"], "is given twice"),
        (["--freeze", "backbone", "--l2sp", "1"], "nothing to act on"),
        (["--adapter", "LoRa"], "`adapter` cannot be read: unknown class 'LoRa'"),
        (["--adapter", "{"], "an object is written as the name of its class or as JS"),
        (["--freeze", "backbone", "--adapter", "LoRA"], "leave `freeze` out"),
        (["--augment", "Swp"], "`augment` cannot be read: unknown class 'Swp'"),
        (["--augment", "{}"], "`augment` cannot be read: it has no"),
        (["--ema", ".9", "--swa", ".5"], "`ema` and `swa` cannot be combined"),
        (["--drop", "1"], "unrecognized arguments: --drop 1"),
        (["--learning_rate", "1"], "unrecognized arguments: --learning_rate 1"),
    ],
)
def test_bad_values_name_the_option(options, message):
    with pytest.raises(InputError) as caught:
        recipe(*options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "recipe.json: not a JSON file"),
        ("[]", "recipe.json: expected a JSON object"),
        ('{"epoch": 3}', "unknown recipe field `epoch`"),
        ('{"epochs": "3"}', "`epochs` must be an integer"),
    ],
)
def test_bad_config_files(tmp_path, content, message):
    (tmp_path / "recipe.json").write_text(content)
    with pytest.raises(InputError) as caught:
        recipe("--config", str(tmp_path / "recipe.json"))
    assert message in str(caught.value)


def test_a_missing_config_file(tmp_path):
    with pytest.raises(InputError, match="none.json: No such file"):
        recipe("--config", str(tmp_path / "none.json"))


def test_a_mistyped_name_of_a_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        recipe("--config", "small-data-taging")
    assert str(caught.value) == (
        "--config: small-data-taging: No such file, nor a recipe of that name: "
        "plain, small-data, small-data-tagging, many-labels"
    )


def test_text_columns():
    def columns(*options: str):
        words = ["predict", "run", *options]
        return text_columns(build_parser().parse_args(words))

    assert columns() is None
    assert columns("--text", "a") == "a"
    assert columns("--text", "a", "--text", "b") == ("a", "b")
    with pytest.raises(InputError, match="one or two columns"):
        columns("--text", "a", "--text", "b", "--text", "c")


@pytest.mark.parametrize(
    ("given", "read"), [("-1", -1), ("2", 2), ("UPOS", "UPOS"), ("-", "-")]
)
def test_a_column_is_a_number_or_a_name(given, read):
    words = ["train", "tag", "--data", "d", "--out", "o", f"--column={given}"]
    assert build_parser().parse_args(words).column == read
