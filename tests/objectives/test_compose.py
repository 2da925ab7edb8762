from __future__ import annotations

import dataclasses
import json
import math
from typing import ClassVar

import keras
import pytest

from tests.objectives.stepping import TASKS, assert_same, batch, build, step
from tfreg import objectives
from tfreg._checks import InputError
from tfreg.heads import Linear
from tfreg.objectives import (
    FGM,
    SAM,
    VAT,
    ConfidencePenalty,
    CrossEntropy,
    Focal,
    FreeLB,
    Mixup,
    Objective,
    RDrop,
)
from tfreg.objectives.compose import acting, training_loss
from tfreg.recipe import Recipe

ALL = [RDrop, VAT, FGM, FreeLB, Mixup, ConfidencePenalty, Focal, SAM]
BASES = [FreeLB, Mixup, Focal, SAM]


def test_these_are_all():
    public = [getattr(objectives, name) for name in objectives.__all__]
    found = {x for x in public if issubclass(x, Objective)} - {Objective}
    assert found == set(ALL)
    assert [each for each in ALL if each.base] == BASES


@pytest.mark.parametrize("kind", ALL)
def test_round_trip_and_ranges(kind):
    values = {field.name: field.default for field in dataclasses.fields(kind)}
    for name, value in values.items():
        changed = kind(**{name: value + 1})
        form = json.loads(json.dumps(keras.saving.serialize_keras_object(changed)))
        again = keras.saving.deserialize_keras_object(form)
        assert type(again) is kind and again == changed != kind()
        for bad in (-1, math.nan, math.inf, None, "1", True):
            with pytest.raises(InputError, match=f"^`{name}` must be a"):
                kind(**{name: bad})
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind(), kind.strength, 2.0)


@pytest.mark.parametrize("kind", ALL)
def test_at_0_it_is_off_and_training_plain(kind):
    """Where an off objective would be refused otherwise, too."""
    task = "regress" if kind in (Focal, ConfidencePenalty) else "classify"
    off = kind(**{kind.strength: 0})
    assert not off.active and acting([off, kind()]) == (kind(),)
    model, plain = build(task, [off, off]), build(task)
    assert model.objectives == () and not hasattr(model, "noise")
    x, y, w = batch(task)
    assert_same(model, step(model, x, y, w), step(plain, x, y, w), atol=0)


class Parts:
    """Passes whose losses are known."""

    logits, plain = 3.0, True

    def loss(self, logits):
        return 10.0 * logits


@dataclasses.dataclass(frozen=True)
class Term(Objective):
    weight: float = 1.0

    def __call__(self, passes):
        return self.weight * passes.logits


@dataclasses.dataclass(frozen=True)
class Base(Term):
    base: ClassVar[bool] = True


def test_the_base_loss_and_the_sum_of_all_terms():
    parts = Parts()
    assert training_loss((), parts) == 30.0
    assert training_loss((Term(2.0), Term(0.5)), parts) == 30.0 + 6.0 + 1.5
    assert training_loss((Term(2.0), Base(7.0)), parts) == 21.0 + 6.0


@pytest.mark.parametrize("task", ["classify", "tag"])
def test_two_terms_are_the_sum_of_both(task):
    x, y, w = batch(task)
    terms = [ConfidencePenalty(0.3), FGM(0.5, epsilon=0.1)]
    plain = step(build(task), x, y, w)
    alone = [step(build(task, each), x, y, w) for each in terms]
    model = build(task, terms)
    loss = sum(each[0] for each in alone) - plain[0]
    gradients = [a + b - c for a, b, c in zip(alone[0][1], alone[1][1], plain[1])]
    assert_same(model, step(model, x, y, w), (loss, gradients), atol=1e-5)


def test_terms_are_over_the_base_loss():
    """FGM's step climbs the focal loss, and its loss is the focal one."""
    x, y, w = batch()
    model = build("classify", [Focal(2.0), FGM(1.0, epsilon=1e-4)])
    focal = step(build("classify", Focal(2.0)), x, y, w)
    found = step(model, x, y, w)
    assert found[0] == pytest.approx(2 * focal[0], rel=0.01)


def refusal(task="classify", **fields):
    with pytest.raises(InputError) as error:
        build(task, **fields)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("one", BASES)
@pytest.mark.parametrize("other", BASES)
def test_there_is_one_base_loss(one, other):
    if one is other:
        expected = f"`objective`: {one.__name__} is given twice"
    else:
        expected = (
            f"`objective`: {one.__name__} and {other.__name__} are both the base loss, "
            "of which there is one"
        )
    with pytest.raises(InputError) as error:
        Recipe(objective=[one(), RDrop(), other()])
    assert str(error.value) == expected
    Recipe(objective=[one(), other(**{other.strength: 0})])


def test_what_cannot_be_combined():
    assert refusal(objective=[FGM(1.0), FGM(0.5)]) == (
        "`objective`: FGM is given twice"
    )
    message = refusal(objective=SAM(), gradient_accumulation_steps=2)
    assert message.startswith("`objective`: SAM needs the gradient of the whole batch")
    message = refusal(objective=Focal(), label_smoothing=0.1)
    assert message.startswith("`label_smoothing` and Focal cannot be combined")
    assert refusal("regress", objective=Focal()) == (
        "`objective`: Focal is not defined for a regressor"
    )


def test_a_backbone_without_such_embeddings():
    model = build()
    backbone = model.backbone
    layer = backbone.get_layer("embeddings_dropout")
    layer.name = "another"
    from tfreg.models.passes import check_served

    check_served((RDrop(), SAM(), Mixup()), "classify", Linear(), backbone)
    for objective in (FGM(), VAT(), FreeLB()):
        message = "moves embeddings, and BertBackbone has no layer 'embeddings_dropout'"
        with pytest.raises(InputError, match=message):
            check_served((objective,), "classify", Linear(), backbone)


@pytest.mark.parametrize(
    "objective", [RDrop(), VAT(), ConfidencePenalty(), Mixup(), Focal()]
)
def test_a_crf_head_has_no_prediction_for_one_word(objective):
    name = type(objective).__name__
    with pytest.raises(InputError, match=f"{name} is about the prediction for each"):
        build("tag", objective, head="crf", dropout=0.1)


def test_what_compile_cannot_take():
    model = build(objective=ConfidencePenalty(0.1))
    with pytest.raises(InputError, match="`objective` needs a loss that says over how"):
        model.compile(loss="mse")
    with pytest.raises(InputError, match="`loss_weights` does not go with `objective`"):
        model.compile(loss_weights=[2.0])
    with pytest.raises(InputError, match=r"build_classifier\(preset, ..., objective="):
        model.compile(objective=FGM(1.0))
    model.compile(loss=CrossEntropy(0.1))
    build().compile(loss="mse", loss_weights=[2.0])


@pytest.mark.parametrize("kind", [VAT, FGM, FreeLB, SAM])
def test_on_another_backend_what_needs_gradients_is_refused(kind, monkeypatch):
    model = build(objective=kind())
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="needs Keras's TensorFlow backend.*'jax'"):
        model.compile()


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_what_it_is_defined_for(task):
    for kind in ALL:
        if task in kind.tasks:
            build(task, kind(), dropout=0.1)
        else:
            assert "is not defined for a" in refusal(task, objective=kind())
    undefined = [kind for kind in ALL if task not in kind.tasks]
    assert undefined == ([ConfidencePenalty, Focal] if task == "regress" else [])
