"""What is picked and what is refused; what fits has processes of its own."""

from __future__ import annotations

import json
from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.tuning.conftest import corpus_of
from tfreg import _compat, distribute
from tfreg._checks import InputError
from tfreg.builders import build_classifier
from tfreg.distribute.cluster import Cluster, read_cluster
from tfreg.tuning import search

WORKERS = {"worker": ["a:1", "b:2"]}


def config(cluster, kind="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


def test_alone_there_is_nothing_to_share(capsys, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for kind in ("auto", "cpu"):
        assert distribute.strategy(kind) is tf.distribute.get_strategy()
        assert capsys.readouterr().err == "strategy: none needed, on the CPU\n"
    assert distribute.is_chief()


def test_a_cluster_of_one_is_alone(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config({"worker": ["a:1"]}))
    assert distribute.strategy() is tf.distribute.get_strategy()


def test_gpus_share(monkeypatch):
    made = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * 2)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind] * 2)
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", made.append)
    assert distribute.pick()[1] == "mirrored, on GPU:0, GPU:1"
    assert made == [["GPU:0", "GPU:1"]]
    picked, said = distribute.pick("cpu")
    assert said == "one CPU" and isinstance(picked, tf.distribute.OneDeviceStrategy)


@pytest.mark.parametrize("kind", ["auto", "multiworker"])
def test_workers_share(monkeypatch, kind):
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", lambda: "made")
    monkeypatch.setenv("TF_CONFIG", config(WORKERS, index=1))
    assert distribute.pick(kind) == ("made", "multiworker, worker 2 of 2, on the CPU")


def test_the_chief_comes_first(monkeypatch):
    cluster = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}
    monkeypatch.setenv("TF_CONFIG", config(cluster, index=0))
    assert read_cluster() == Cluster(("c:3", "a:1", "b:2"), 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "TF_CONFIG: no JSON"),
        ("[]", 'expected "cluster" and "task"'),
        ("{}", 'expected "cluster" and "task"'),
        (config({"worker": ["a:1"], "ps": ["b:2"]}), "not with parameter servers"),
        (config(WORKERS, index=2), "is none of the cluster's 2 workers"),
        (config(WORKERS, "evaluator"), "is none of the cluster's 2 workers"),
        (json.dumps({"cluster": WORKERS}), "the task null is none"),
    ],
)
def test_a_cluster_that_cannot_be(monkeypatch, text, said):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG") as raised:
        distribute.strategy()
    assert said in str(raised.value)


def test_what_is_not_there(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match="needs the environment variable TF_CONFIG"):
        distribute.strategy("multiworker")
    with pytest.raises(InputError, match="`strategy` must be one of 'auto', 'cpu'"):
        distribute.strategy("horovod")


def test_no_tpu(monkeypatch):
    monkeypatch.setenv("TPU_WORKER_ID", "0")
    with pytest.raises(InputError, match="strategy 'tpu': no TPU answers: "):
        distribute.strategy()


def classifier():
    return build_classifier(
        tiny(), ("a", "b"), tokenizer=tokenizer(), sequence_length=32
    )


def test_keras_distribution_is_refused():
    devices = keras.distribution.DataParallel(devices=["cpu:0"])
    keras.distribution.set_distribution(devices)
    try:
        for do in (distribute.strategy, classifier):
            with pytest.raises(InputError, match="does nothing on TensorFlow"):
                do()
    finally:
        keras.distribution.set_distribution(None)


def test_parameter_servers_are_refused(monkeypatch):
    one = tf.distribute.OneDeviceStrategy("/cpu:0")
    monkeypatch.setattr(tf.distribute, "ParameterServerStrategy", type(one))
    with one.scope(), pytest.raises(InputError, match="ParameterServerStrategy; use"):
        classifier()


def test_a_model_from_outside_the_scope_is_refused():
    model = classifier()
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        with pytest.raises(InputError, match="built outside the scope"):
            model.compile()


def test_a_model_is_compiled_in_its_own_scope():
    one = tf.distribute.OneDeviceStrategy("/cpu:0")
    with one.scope():
        model = classifier()
    model.compile()
    history = model.fit(["good"] * 4, ["a", "b"] * 2, epochs=1, verbose=0).history
    assert history["loss"][0] > 0


@pytest.mark.parametrize("inside", [False, True])
def test_searches_that_cannot_be(monkeypatch, tmp_path, inside):
    one = tf.distribute.OneDeviceStrategy("/cpu:0")

    def refused(strategy):
        with pytest.raises(InputError) as raised:
            search(corpus_of("classify"), out=tmp_path / "out", strategy=strategy)
        assert not (tmp_path / "out").exists()
        return str(raised.value)

    if inside:
        with one.scope():
            assert "opens its strategy's scope itself" in refused(None)
        return
    assert "must be a tf.distribute.Strategy; got 'mirrored'" in refused("mirrored")
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", type(one))
    assert "does not share a trial among hosts" in refused(one)


class Plain:
    """A trainer whose functions are the steps themselves."""

    def _make_function(self, step, **how):
        return step


class Mended(_compat.OnWorkers, Plain):
    """The same, mended for workers."""


@pytest.mark.parametrize("keras_can", [True, False])
def test_the_mending_is_off_where_keras_can(monkeypatch, keras_can):
    monkeypatch.setattr("tfreg._compat.workers.several_workers", lambda _: True)
    monkeypatch.setattr("tfreg._compat.workers._reduces_scalars", lambda _: keras_can)
    log = Mended()._make_function(lambda data: {"loss": tf.constant(data)})(1.0)["loss"]
    assert log.shape == (() if keras_can else (1,))


def test_where_a_shape_costs_a_compiled_step():
    def costs(jit_compile, strategy=None):
        model = SimpleNamespace(jit_compile=jit_compile, distribute_strategy=strategy)
        return _compat.compiles_steps(model)

    tpu = object.__new__(tf.distribute.TPUStrategy)
    assert [costs(False), costs(True), costs(False, tpu)] == [False, True, True]


class Shares:
    """As much of a strategy over two replicas as a build asks for."""

    num_replicas_in_sync = 2

    def reduce(self, op, values, axis):
        raise ValueError("shapes differ")

    def experimental_local_results(self, values):
        return values, None


@pytest.mark.parametrize("asks", [True, False])
def test_a_model_is_built_by_the_first_replica_s_batch_where_keras_asks_for_a_mean(
    asks,
):
    class Keras:
        """A trainer that builds by a mean over replicas, or by what it has."""

        distribute_strategy = Shares()

        def _maybe_symbolic_build(self, iterator=None, data_batch=None):
            if asks:
                return self.distribute_strategy.reduce("MEAN", [[1, 2]], axis=None)
            return data_batch

    class Mended(_compat.OnWorkers, Keras):
        """The same, mended."""

    batch = Mended()._maybe_symbolic_build(data_batch=7)
    assert batch == ([[1, 2]] if asks else 7)
    with pytest.raises(ValueError, match="shapes differ"):
        Mended.distribute_strategy.reduce("MEAN", [[1, 2]], axis=None)
