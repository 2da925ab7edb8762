"""Every command on a tiny encoder, from files to answers."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys

import pytest

from tests.tiny_preset import (
    write_lines,
    write_pairs,
    write_reviews,
    write_sentences,
)
from tfreg.cli import main

SIZES = {"train": 24, "dev": 8, "test": 8}
QUICK = "--batch-size 8 --sequence-length 16 --learning-rate 1e-2 --quiet".split()
METRICS = ["task", "dev", "test", "epochs", "seconds", "real_tokens_per_second"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def films(place, preset):
    """A classifier's run folder."""
    write_reviews(place / "films", SIZES)
    options = ["--data", str(place / "films"), "--preset", preset, *QUICK]
    out = place / "runs" / "films"
    words = ["train", "classify", *options, "--epochs", "4", "--l2", "1e-4"]
    assert main([*words, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def scores(place, preset):
    """A regressor's run folder, of pairs."""
    data = write_pairs(place / "scores", SIZES)
    options = ["--data", str(data), "--preset", preset, *QUICK, "--epochs", "1"]
    out = place / "runs" / "scores"
    assert main(["train", "regress", *options, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def names(place, preset):
    """A tagger's run folder."""
    data = write_sentences(place / "names", SIZES)
    options = ["--data", str(data), "--preset", preset, *QUICK, "--epochs", "2"]
    out = place / "runs" / "names"
    assert main(["train", "tag", *options, "--out", str(out)]) == 0
    return out


def give(monkeypatch, text: str | bytes) -> None:
    """Put text on standard input."""
    content = text.encode() if isinstance(text, str) else text
    stdin = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)


def out_of(capsys, *words: object, code: int = 0) -> list[str]:
    """The lines a command prints."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == code
    return capsys.readouterr().out.split("\n")[:-1]


def test_features_of_a_frozen_encoder_are_kept_and_change_nothing(place, preset):
    write_reviews(place / "frozen", SIZES)
    options = ["--data", str(place / "frozen"), "--preset", preset, *QUICK]
    options += ["--epochs", "2", "--freeze", "backbone"]
    found = []
    for number, cache in enumerate(["none", str(place / "kept"), str(place / "kept")]):
        out = place / "runs" / f"frozen-{number}"
        words = ["train", "classify", *options, "--feature-cache", cache]
        assert main([*words, "--out", str(out)]) == 0
        metrics = json.loads((out / "metrics.json").read_text())
        found.append([metrics["dev"]["cross_entropy"], metrics["test"]["accuracy"]])
    assert len(list((place / "kept").iterdir())) == 2  # train and dev
    assert found[1] == pytest.approx(found[0], abs=1e-5)
    assert found[2] == found[1]


def test_train_writes_a_folder(films):
    metrics = json.loads((films / "metrics.json").read_text())
    assert list(metrics) == METRICS
    assert metrics["task"] == "classify" and len(metrics["epochs"]) == 4
    recipe = json.loads((films / "recipe.json").read_text())
    assert recipe["kernel_regularizer"]["class_name"] == "L2"
    assert recipe["batch_size"] == 8
    assert os.listdir(films.parent).count("films") == 1


def test_overwrite_replaces_a_run_and_prints_its_scores(place, preset, films, capsys):
    out = place / "runs" / "twice"
    shutil.copytree(films, out)
    (out / "note").touch()
    options = ["--data", place / "films", "--preset", preset, *QUICK, "--epochs", "1"]
    words = ["train", "classify", *options, "--out", out]
    assert out_of(capsys, *words, code=2) == []
    assert (out / "note").exists()
    lines = out_of(capsys, *words, "--overwrite")
    assert any(line.split() == ["dev", "test"] for line in lines)
    assert lines[-1] == f"run folder: {out}"
    assert not (out / "note").exists()
    assert len(json.loads((out / "metrics.json").read_text())["epochs"]) == 1


def test_evaluate_agrees_with_training_and_writes_nothing(films, place, capsys):
    before = sorted(os.listdir(films))
    lines = out_of(capsys, "evaluate", films, "--data", place / "films", "--json")
    trained = json.loads((films / "metrics.json").read_text())["test"]
    assert json.loads("\n".join(lines)) == pytest.approx(trained, abs=1e-6)
    assert sorted(os.listdir(films)) == before


def test_evaluate_takes_another_split_or_a_file(films, place, capsys):
    data = place / "films"
    split = out_of(capsys, "evaluate", films, "--data", data, "--split", "dev")
    file = out_of(capsys, "evaluate", films, "--data", data / "dev.tsv")
    assert split[0] == f"{data}, dev: 8 rows"
    assert split[3:] == file[3:] and any("accuracy" in line for line in file)


def test_predict_answers_line_by_line(films, monkeypatch, capsys):
    give(monkeypatch, "the film was good\n\nthe film was bad\nthe film was fine")
    lines = out_of(capsys, "predict", films, "--chunk", "2")
    assert len(lines) == 4
    for line in lines:
        label, probability = line.split("\t")
        assert label in ("neg", "pos") and 0.5 <= float(probability) <= 1


def test_predict_reads_any_format_the_same(films, tmp_path, capsys):
    texts = ["the film was good", "a bad film"]
    write_lines(tmp_path / "x.txt", texts)
    write_lines(tmp_path / "x.tsv", ["id\ttext", "1\t" + texts[0], "2\t" + texts[1]])
    write_lines(tmp_path / "x.csv", ["text,label", f'"{texts[0]}",?', f"{texts[1]},?"])
    write_lines(tmp_path / "x.jsonl", [json.dumps({"text": text}) for text in texts])
    answers = [
        out_of(capsys, "predict", films, tmp_path / f"x.{ending}")
        for ending in ("txt", "tsv", "csv", "jsonl")
    ]
    assert len(answers[0]) == 2
    assert all(answer == answers[0] for answer in answers)


def test_predict_as_jsonl_gives_all_probabilities(films, monkeypatch, capsys):
    give(monkeypatch, "the film was good\n")
    (line,) = out_of(capsys, "predict", films, "--format", "jsonl")
    said = json.loads(line)
    assert list(said) == ["label", "probability", "probabilities"]
    assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert said["probabilities"][said["label"]] == said["probability"]


def test_what_was_answered_before_a_bad_row_stays(films, monkeypatch, capsys):
    give(monkeypatch, b"good\nbad\nfine\na \xff b\npoor\n")
    assert main(["predict", str(films), "--chunk", "2"]) == 2
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 3
    assert captured.err.startswith("tfreg: error: <stdin>:4: ")
    assert captured.err.count("\n") == 1


def test_predict_numbers_of_pairs(scores, monkeypatch, capsys):
    give(monkeypatch, "text_a\ttext_b\ngood\tbad\nfine\tfilm\n")
    lines = out_of(capsys, "predict", scores, "--input-format", "tsv")
    assert len([float(line) for line in lines]) == 2
    give(monkeypatch, '{"text_a": "good", "text_b": "bad"}\n')
    words = "--input-format", "jsonl", "--format", "jsonl"
    (line,) = out_of(capsys, "predict", scores, *words)
    assert json.loads(line)["prediction"] == pytest.approx(float(lines[0]), abs=1e-4)


def test_predict_tags_word_by_word(names, place, monkeypatch, capsys):
    give(monkeypatch, "Ada lives in Paris\n\n标 bob\n")
    lines = out_of(capsys, "predict", names)
    words = [line.split(" ")[0] for line in lines]
    assert words == ["Ada", "lives", "in", "Paris", "", "", "标", "bob", ""]
    tags = {line.split(" ")[1] for line in lines if line}
    assert tags <= {"O", "B-LOC", "B-PER"}
    give(monkeypatch, "Ada lives in Paris\n\n标 bob\n")
    lines = out_of(capsys, "predict", names, "--format", "jsonl")
    said = [json.loads(line) for line in lines]
    assert [len(one["tags"]) for one in said] == [4, 0, 2]
    assert [len(one["probabilities"]) for one in said] == [4, 0, 2]


def test_predict_reads_conll(names, place, capsys):
    words = "--input-format", "conll"
    lines = out_of(capsys, "predict", names, place / "names" / "test.txt", *words)
    given = (place / "names" / "test.txt").read_text().split("\n")[:-1]
    assert [line.split(" ")[0] for line in lines] == [
        line.split(" ")[0] for line in given
    ]


def test_info_tells_without_the_model(films, capsys):
    lines = out_of(capsys, "info", films)
    told = {line[:10].strip(): line[10:] for line in lines}
    assert told["task"] == "classify, of texts"
    assert told["labels"] == "2: neg, pos"
    assert told["data"] == "films: 24 train, 8 dev, 8 test"
    assert "batch_size=8" in told["recipe"] and "dropout" not in told["recipe"]
    assert told["penalty"].startswith("L2(l2=0.0001) on ")
    assert "keras " in told["versions"]
    assert any(line.startswith("accuracy") for line in lines)


def test_info_of_other_tasks(scores, names, capsys):
    assert any("regress, of pairs" in line for line in out_of(capsys, "info", scores))
    assert any("tag, of lists" in line for line in out_of(capsys, "info", names))


def test_demo_goes_the_same_way(place, preset, films, monkeypatch, capsys):
    from tfreg.data.corpus import load_corpus
    from tfreg.runs import fit

    build = fit.build
    monkeypatch.setattr(fit, "build", lambda corpus, _, r: build(corpus, preset, r))
    corpus = load_corpus(place / "films")
    splits = {name: getattr(corpus, name) for name in ("train", "dev", "test")}
    demo = "classify", splits, corpus.labels
    monkeypatch.setattr("tfreg.data.demo.demo_splits", lambda _: demo)
    monkeypatch.chdir(place)
    lines = out_of(capsys, "demo", "--quiet")
    assert "run folder: runs/demo-classify" in lines
    pictures = [line.split()[-1] for line in lines if line.startswith("picture: ")]
    assert len(pictures) == 3 and all(os.path.isfile(picture) for picture in pictures)
    assert sum("; true " in line for line in lines) == 5


@pytest.mark.parametrize(
    "words, message",
    [
        (["--data", "{films}"], "expected a finite number; got 'pos'"),
        (["--data", "{scores}", "--text", "text_a"], "and this run takes pairs"),
        (["--data", "{scores}", "--split", "train", "--text", "x"], "x"),
        (["--data", "{place}/none"], "no such file or folder"),
    ],
)
def test_evaluate_refuses_other_data(place, scores, films, capsys, words, message):
    folders = {name: place / name for name in ("films", "scores")}
    given = [word.format(place=place, **folders) for word in words]
    assert main(["evaluate", str(scores), *given]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_predict_refuses_nothing(films, monkeypatch, capsys):
    give(monkeypatch, "")
    assert main(["predict", str(films)]) == 2
    assert "<stdin>: empty; expected at least one row" in capsys.readouterr().err


@pytest.mark.parametrize(
    "run, words, message",
    [
        (
            "scores",
            [],
            "this run takes pairs of texts: --input-format tsv, csv or jsonl",
        ),
        ("films", ["--input-format", "conll"], "takes whole texts, not CoNLL columns"),
        ("films", ["--format", "conll"], "only taggers answer in CoNLL columns"),
        ("films", ["--chunk", "0"], "--chunk: expected at least 1; got 0"),
        ("films", ["none.tsv"], "none.tsv: "),
        ("films", ["--input-format", "tsv", "--text", "body"], "body"),
    ],
)
def test_predict_refuses(
    place, films, scores, monkeypatch, capsys, run, words, message
):
    give(monkeypatch, "text\na film\n")
    assert main(["predict", str(place / "runs" / run), *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err and captured.err.count("\n") == 1
