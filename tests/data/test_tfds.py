"""On builders that are made here: nothing is downloaded."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import numpy as np
import pytest

from tfreg._checks import DataError
from tfreg.data import tfds
from tfreg.data.corpus import load_corpus
from tfreg.data.ledger import Ledger

CONLL = "Ada B-PER\nspoke O\n\nin O\nRome B-LOC\n"


@pytest.fixture(scope="module")
def builders(tmp_path_factory):
    """Two prepared data sets in a folder that tfds looks into."""
    datasets = pytest.importorskip("tensorflow_datasets")
    from tensorflow_datasets.core.dataset_builders.conll import conll_dataset_builder

    folder = tmp_path_factory.mktemp("tfds")
    features = datasets.features

    class TfregToyTexts(datasets.core.GeneratorBasedBuilder):
        VERSION = datasets.core.Version("1.0.0")

        def _info(self):
            return datasets.core.DatasetInfo(
                builder=self,
                features=features.FeaturesDict(
                    {
                        "idx": features.Scalar(np.int32),
                        "sentence": features.Text(),
                        "label": features.ClassLabel(names=["bad", "good"]),
                    }
                ),
            )

        def _split_generators(self, download_manager):
            return {
                name: self._generate_examples(name)
                for name in ("train", "validation", "test", "extra")
            }

        def _generate_examples(self, split):
            for i in range(4):
                label = -1 if split == "test" else i % 2
                yield i, {"idx": i, "sentence": f"{split} é {i}", "label": label}

    path = folder / "words.txt"
    path.write_text(CONLL)

    class TfregToyWords(conll_dataset_builder.ConllDatasetBuilder):
        VERSION = datasets.core.Version("1.0.0")
        BUILDER_CONFIGS = [
            conll_dataset_builder.ConllBuilderConfig(
                name="toy",
                separator=" ",
                ordered_features={
                    "tokens": features.Sequence(features.Text()),
                    "ner": features.Sequence(
                        features.ClassLabel(names=["O", "B-PER", "B-LOC"])
                    ),
                },
            )
        ]

        def _info(self):
            return datasets.core.DatasetInfo(
                builder=self, features=self.builder_config.features_dict
            )

        def _split_generators(self, download_manager):
            return {"train": self._generate_examples(str(path))}

    for builder in (TfregToyTexts, TfregToyWords):
        builder(data_dir=str(folder)).download_and_prepare()
    datasets.core.add_data_dir(str(folder))


def test_texts(builders):
    corpus = load_corpus("tfds:tfreg_toy_texts")
    assert (corpus.task, corpus.labels) == ("classify", ("bad", "good"))
    for split, name in ((corpus.train, "train"), (corpus.dev, "validation")):
        rows = {(f"{name} é {i}", ("bad", "good")[i % 2]) for i in range(4)}
        assert set(zip(split.inputs, split.targets)) == rows
    assert corpus.test is None
    assert corpus.report == (
        "tfds:tfreg_toy_texts: not read: extra, test (no labels)",
        "tfds:tfreg_toy_texts/train: 4 rows in, 4 out, 0 dropped",
        "tfds:tfreg_toy_texts/train: columns not used: 'idx'",
        "tfds:tfreg_toy_texts/validation: 4 rows in, 4 out, 0 dropped",
        "tfds:tfreg_toy_texts/validation: columns not used: 'idx'",
    )


def test_named_columns(builders):
    corpus = load_corpus("tfds:tfreg_toy_texts", task="regress", label="idx")
    assert sorted(corpus.train.targets) == [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(DataError) as error:
        load_corpus("tfds:tfreg_toy_texts", text="body")
    assert str(error.value) == (
        "tfds:tfreg_toy_texts/train:1: no column 'body' among 'idx', 'label', "
        "'sentence'"
    )


def test_words(builders):
    corpus = load_corpus("tfds:tfreg_toy_words", dev_fraction=0)
    assert (corpus.task, corpus.labels) == ("tag", ("O", "B-LOC", "B-PER"))
    assert set(zip(corpus.train.inputs, corpus.train.targets)) == {
        (("Ada", "spoke"), ("B-PER", "O")),
        (("in", "Rome"), ("O", "B-LOC")),
    }


def test_bad_bytes_are_found(builders):
    feature = SimpleNamespace()
    with pytest.raises(DataError, match="^x:3: invalid UTF-8: byte 0xff at byte 1$"):
        tfds._plain(feature, b"\xff", 3, Ledger("x"))
    assert tfds._plain(feature, b"\xff", 3, Ledger("x", repair=True)) == "\ufffd"


def test_no_such_data_set(builders):
    with pytest.raises(DataError, match="^tfds:tfreg_none: Dataset tfreg_none not"):
        load_corpus("tfds:tfreg_none")


def test_extra_is_not_installed(monkeypatch):
    monkeypatch.setattr(tfds.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError) as error:
        load_corpus("tfds:glue/rte")
    assert str(error.value) == (
        "tfds:glue/rte: tensorflow_datasets is not installed: "
        'pip install "tfreg[datasets]"'
    )


def test_no_network(builders, monkeypatch):
    import tensorflow_datasets

    def download():
        raise AssertionError("tried for minutes")

    builder = SimpleNamespace(
        is_prepared=lambda: False,
        url_infos={"https://data.example/a.zip": None},
        download_and_prepare=download,
    )

    def nowhere(host, port):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(tensorflow_datasets, "builder", lambda name: builder)
    monkeypatch.setattr(tfds.urllib.request, "getproxies", dict)
    monkeypatch.setattr(tfds.socket, "getaddrinfo", nowhere)
    with pytest.raises(DataError) as error:
        load_corpus("tfds:far")
    assert str(error.value) == (
        "tfds:far: not prepared here, and cannot be downloaded: no way to data.example"
    )
    # Unknown hosts are not checked; what comes from the attempt is one line.
    builder.url_infos = None
    builder.download_and_prepare = lambda: (_ for _ in ()).throw(OSError("lost\nway"))
    with pytest.raises(DataError) as error:
        load_corpus("tfds:far")
    message = "tfds:far: cannot be downloaded and prepared: lost"
    assert str(error.value) == message
