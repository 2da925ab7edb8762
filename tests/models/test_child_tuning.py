"""Child-Tuning in a fit: the task chooses once, on the data, before the first step."""

from __future__ import annotations

import numpy as np
import pytest

import tfreg
from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS
from tfreg._checks import InputError
from tfreg.builders import build_classifier
from tfreg.models.fisher import estimate_fisher
from tfreg.optimizers import ChildTuning

FIELDS = {"sequence_length": 16, "batch_size": 8, "learning_rate": 1e-2, "dropout": 0.0}


def classifier(**fields):
    fields = {**FIELDS, **fields}
    return build_classifier(tiny(), ("neg", "pos"), tokenizer=tokenizer(), **fields)


def values(model):
    return {v.path: np.array(v) for v in model.weights}


def test_the_task_chooses_before_the_first_step_and_once(tmp_path):
    model = classifier(child_tuning=ChildTuning(0.2, fisher=True))
    before, fisher = values(model), estimate_fisher(model, TEXTS, NAMES)
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)
    after = values(model)
    everything = np.concatenate([value.ravel() for value in fisher.values()])
    border = np.sort(everything)[-round(0.2 * everything.size)]
    moved = 0
    for path, value in fisher.items():
        changed = after[path] != before[path]
        assert not changed[value < border * 0.999].any(), path
        moved += changed.sum()
    assert moved > 0.15 * everything.size
    assert (after["logits/kernel"] != before["logits/kernel"]).all()
    masks = [v.numpy() for v in model.optimizer.variables if "child" in v.path]
    model.save(tmp_path / "model.keras")
    loaded = tfreg.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        each.fit(TEXTS, NAMES, epochs=1, verbose=0)
        found = [v.numpy() for v in each.optimizer.variables if "child" in v.path]
        for one, other in zip(masks, found):
            np.testing.assert_array_equal(one, other)
    for path, value in values(model).items():
        np.testing.assert_allclose(values(loaded)[path], value, atol=1e-7, err_msg=path)


def test_the_fisher_information_by_single_gradients():
    import tensorflow as tf

    model = classifier()
    fisher = estimate_fisher(model, TEXTS, NAMES)
    variables = model.backbone.trainable_variables
    sums = [np.zeros(v.shape) for v in variables]
    for text, name in zip(TEXTS, NAMES):
        batches = model.preprocessor.batches(
            model.encode(tfreg.Examples("text", (text,), (name,))), 1
        )
        x, y = batches.collate(np.arange(1))
        with tf.GradientTape() as tape:
            logits = model(x, training=False)
            loss = -tf.nn.log_softmax(logits)[0, int(y[0])]
        for total, g in zip(sums, tape.gradient(loss, [v.value for v in variables])):
            total += tf.convert_to_tensor(g).numpy() ** 2
    for variable, total in zip(variables, sums):
        expected = total / len(TEXTS)
        found = fisher[variable.path]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-8)


def test_task_free_the_head_trains_in_full_and_the_seed_decides():
    found = []
    for seed in (0, 0, 1):
        model = classifier(child_tuning=ChildTuning(0.5), seed=seed)
        assert model.optimizer.child_tuning.seed == seed
        found.append(model.optimizer.child_tuning.paths)
    assert "logits/*" not in found[0] and "pooled_dense/*" in found[0]
    assert "token_embedding/*" in found[0]
    history = model.fit(TEXTS, NAMES, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    first = {v.path: v for v in model.optimizer.variables if "velocity" in v.path}
    shares = {
        path: float((np.array(v) != 0).mean())
        for path, v in first.items()
        if "kernel" in path
    }
    head = [share for path, share in shares.items() if "logits" in path]
    assert head == [1.0]
    # Of two steps: a weight of the encoder was in one of them by three quarters.
    encoder = [share for path, share in shares.items() if "logits" not in path]
    assert encoder and encoder == pytest.approx([0.75] * len(encoder), abs=0.1)


def test_weights_that_do_not_train_are_refused_when_it_is_built():
    with pytest.raises(InputError, match="`child_tuning`: no weight that trains"):
        classifier(child_tuning=ChildTuning(0.5, paths=["nonsense/*"]))


def test_a_step_by_hand_before_the_task_has_chosen_is_refused():
    model = classifier(child_tuning=ChildTuning(0.2, fisher=True))
    encoded = model.encode(tfreg.Examples("text", tuple(TEXTS), tuple(NAMES)))
    batch = model.preprocessor.batches(encoded, 4).collate(np.arange(4))
    with pytest.raises(InputError, match="`train_on_batch`: nobody has estimated"):
        model.train_on_batch(*batch)
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)
    model.train_on_batch(*batch)


def test_the_task_chooses_among_the_encoder_s_weights_alone():
    tuning = ChildTuning(0.2, fisher=True, paths=("logits/*",))
    with pytest.raises(InputError, match="weights of the encoder; .*'logits/kernel'"):
        classifier(child_tuning=tuning).compile()
    classifier(child_tuning=ChildTuning(0.2, paths=("logits/*",))).compile()
