from __future__ import annotations

import gzip
import json
import warnings

import pytest

from tfreg._checks import DataError, DataWarning, InputError
from tfreg.data.corpus import load_corpus, load_split

TRAIN = "text\tlabel\na\t0\nb\t1\nc\t0\n"


def write(folder, **files):
    """Files by name (`train_tsv` is train.tsv) and text; the folder's name."""
    for name, text in files.items():
        stem, _, ending = name.rpartition("_")
        (folder / f"{stem}.{ending}").write_bytes(text.encode())
    return str(folder)


def quietly(*arguments, **options):
    """A corpus, and the warnings it came with."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        corpus = load_corpus(*arguments, **options)
    assert all(warning.category is DataWarning for warning in caught)
    return corpus, [str(warning.message) for warning in caught]


def test_a_folder_of_splits(tmp_path):
    dev, test = "text\tlabel\nd\t1\n", "label\ttext\n0\te\n"
    folder = write(
        tmp_path, train_tsv=TRAIN, valid_tsv=dev, test_tsv=test, README_md=""
    )
    corpus, caught = quietly(folder)
    assert (corpus.task, corpus.labels, caught) == ("classify", ("0", "1"), [])
    assert corpus.train.inputs == ("a", "b", "c")
    assert corpus.train.targets == ("0", "1", "0")
    assert (corpus.dev.inputs, corpus.dev.targets) == (("d",), ("1",))
    assert (corpus.test.inputs, corpus.test.targets) == (("e",), ("0",))
    assert corpus.report == (
        f"{folder}: not read: README.md",
        f"{folder}/train.tsv: 3 rows in, 3 out, 0 dropped",
        f"{folder}/valid.tsv: 1 rows in, 1 out, 0 dropped",
        f"{folder}/test.tsv: 1 rows in, 1 out, 0 dropped",
    )


def test_a_file_is_train_and_dev_is_cut_off(tmp_path):
    path = tmp_path / "all.tsv.gz"
    rows = [f"text {i}\t{i % 4 == 0:d}\n" for i in range(40)]
    path.write_bytes(gzip.compress(("text\tlabel\n" + "".join(rows)).encode()))
    corpus = load_corpus(path, dev_fraction=0.2, seed=1)
    assert (len(corpus.train), len(corpus.dev), corpus.test) == (32, 8, None)
    assert sorted(corpus.dev.targets) == ["0"] * 6 + ["1"] * 2
    together = {*corpus.train.inputs, *corpus.dev.inputs}
    assert together == {f"text {i}" for i in range(40)}
    assert f"{path}: 8 of the rows cut off as dev, by class, seed 1" in corpus.report
    assert load_corpus(path, dev_fraction=0.2, seed=1) == corpus
    assert load_corpus(path, dev_fraction=0.2, seed=2).dev != corpus.dev
    assert load_corpus(path, dev_fraction=0).dev is None


def test_no_label_leaves_train_with_the_cut(tmp_path):
    text = "a B-X\n\n" + "".join(f"b{i} O\n\n" for i in range(8)) + "c B-Y\n"
    folder = write(tmp_path, train_txt=text)
    for seed in range(20):
        corpus = load_corpus(folder, dev_fraction=0.5, seed=seed)
        assert corpus.labels == ("O", "B-X", "B-Y")
        assert {tag for tags in corpus.train.targets for tag in tags} == {
            *corpus.labels
        }
        assert len(corpus.train) + len(corpus.dev) == 10 and len(corpus.dev) > 2


def test_regression_must_be_said(tmp_path):
    rows = "".join(f"a{i}\tb\t{i / 10:.3f}\n" for i in range(20))
    folder = write(tmp_path, train_tsv=f"text_a\ttext_b\tlabel\n{rows}")
    corpus = load_corpus(folder, task="regress")
    assert (corpus.task, corpus.labels, corpus.train.kind) == ("regress", (), "pair")
    assert sorted(corpus.train.targets + corpus.dev.targets) == [
        pytest.approx(i / 10) for i in range(20)
    ]
    assert load_corpus(folder, dev_fraction=0).task == "classify"


def test_several_labels(tmp_path):
    rows = [{"text": "a", "labels": ["y", "x"]}, {"text": "b", "labels": []}]
    folder = write(tmp_path, train_jsonl="\n".join(map(json.dumps, rows)))
    corpus = load_corpus(folder, dev_fraction=0)
    assert (corpus.task, corpus.labels) == ("multilabel", ("x", "y"))
    assert corpus.train.targets == (("y", "x"), ())


def test_universal_dependencies_by_column(tmp_path):
    text = "1\ta\t_\tX\tP\t" + "_\t" * 4 + "_\n2\tb\t_\tY\tQ\t" + "_\t" * 4 + "_\n"
    folder = write(tmp_path, train_conllu=text)
    assert load_corpus(folder, dev_fraction=0).labels == ("X", "Y")
    corpus = load_corpus(folder, column="xpos", dev_fraction=0)
    assert (corpus.labels, corpus.train.targets) == (("P", "Q"), (("P", "Q"),))


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({"train_tsv": ""}, {}, "/train.tsv: empty; expected a header line"),
        (
            {"train_tsv": "text\tlabel\n"},
            {},
            "/train.tsv: empty; expected at least one row",
        ),
        (
            {"train_tsv": TRAIN, "dev_tsv": "text\tlabel\n"},
            {},
            "/dev.tsv: empty; expected at least one row",
        ),
        (
            {"train_txt": "\n\n"},
            {},
            "/train.txt: empty; expected at least one row",
        ),
        ({"train_jsonl": ""}, {}, "/train.jsonl: empty"),
        (
            {"train_tsv": "text\tlabel\na\t1\nb\t1\n"},
            {},
            "/train.tsv: one class only, '1'",
        ),
        ({"train_txt": "a O\nb O\n"}, {}, "/train.txt: one tag only, 'O'"),
        (
            {"train_jsonl": '{"text": "a", "label": []}'},
            {},
            "/train.jsonl: no label in any row",
        ),
        (
            {"train_tsv": TRAIN, "dev_tsv": "text\tlabel\nd\t1\ne\t2\n"},
            {},
            "/dev.tsv:3: label '2' is not in train",
        ),
        (
            {"train_txt": "a O\nb B-X\n", "test_txt": "a O\n\nc O\nd B-Y\n"},
            {},
            "/test.txt:3: tag 'B-Y' of word 'd' is not in train",
        ),
        (
            {"train_tsv": TRAIN, "test_tsv": "text_a\ttext_b\tlabel\na\tb\t0\n"},
            {},
            "/test.tsv: rows are 'pair', those of train 'text'",
        ),
        ({"test_tsv": TRAIN}, {}, ": no train among its splits: test"),
        (
            {"train_tsv": "text\tlabel\na\t1\nb\t0\n"},
            {},
            "/train.tsv: no dev given, and too few rows to cut one off",
        ),
        (
            {"train_tsv": TRAIN},
            {"task": "tag"},
            "/train.tsv: one tag a word needs CoNLL columns, or .jsonl with words and "
            "tags",
        ),
    ],
)
def test_errors_in_folders(tmp_path, files, options, message):
    folder = write(tmp_path, **files)
    with pytest.raises(DataError) as error:
        load_corpus(folder, **options)
    assert str(error.value) == folder + message


def test_errors_in_arguments(tmp_path):
    missing = tmp_path / "missing.tsv"
    other = tmp_path / "data.xml"
    other.touch()
    for source, options, message in [
        (missing, {}, f"{missing}: no such file or folder"),
        (
            other,
            {},
            f"{other}: no ending of .tsv, .csv, .jsonl, .txt, .conll, .conllu (or with "
            ".gz)",
        ),
        (
            missing,
            {"task": "rank"},
            "`task` must be one of None, 'classify', 'multilabel', 'regress', 'tag'; "
            "got 'rank'",
        ),
        (
            missing,
            {"text": ("a", "a")},
            "`text` must be a column or two different ones; got ('a', 'a')",
        ),
        (
            missing,
            {"text": "a", "label": "a"},
            "`label` must be another column than `text`; got 'a'",
        ),
        (
            missing,
            {"dev_fraction": 1},
            "`dev_fraction` must be a number in [0, 1); got 1",
        ),
        (missing, {"seed": -1}, "`seed` must be an integer of at least 0; got -1"),
    ]:
        with pytest.raises(InputError) as error:
            load_corpus(source, **options)
        assert str(error.value) == message


def test_repair_drops_labels_that_train_lacks(tmp_path):
    dev = "text\tlabel\nd\t1\ne\t2\nf\t3\n"
    folder = write(tmp_path, train_tsv=TRAIN, dev_tsv=dev)
    corpus, caught = quietly(folder, repair=True)
    assert corpus.dev.inputs == ("d",)
    assert caught == [
        f"{folder}/dev.tsv: 2 rows dropped: label not in train (first at line 3)"
    ]
    assert f"{folder}/dev.tsv: 3 rows in, 1 out, 2 dropped" in corpus.report
    write(tmp_path, dev_tsv="text\tlabel\ne\t2\n")
    with pytest.raises(DataError, match="dev.tsv: no row is left$"):
        load_corpus(folder, repair=True)


def test_empty_texts_are_counted(tmp_path):
    folder = write(tmp_path, train_tsv=TRAIN + "\t1\n \u3000\t0\nz\t1\n")
    corpus, caught = quietly(folder, dev_fraction=0)
    assert len(corpus.train) == 6
    assert caught == [f"{folder}/train.tsv: 2 empty texts (first at line 5)"]
    rows = [
        {"words": w, "tags": ["XY"[i] for i in range(len(w))]}
        for w in (["a", "b"], [], ["", "c"])
    ]
    (tmp_path / "words.jsonl").write_text("\n".join(map(json.dumps, rows)))
    path = f"{folder}/words.jsonl"
    corpus, caught = quietly(path, dev_fraction=0)
    assert corpus.train.inputs == (("a", "b"), (), ("", "c"))
    assert caught == [
        f"{path}: 1 empty text (at line 2)",
        f"{path}: 1 text with blank words (at line 3)",
    ]


def test_repeats_are_counted_and_named(tmp_path):
    test = "text\tlabel\nz\t1\nb\t0\nc\t0\nb\t1\n"
    folder = write(
        tmp_path, train_tsv=TRAIN, dev_tsv="text\tlabel\nd\t1\n", test_tsv=test
    )
    corpus, caught = quietly(folder)
    assert caught == [
        f"{folder}/test.tsv: 3 exact repeats of train rows (first at line 3)"
    ]
    assert caught[0] in corpus.report
    assert corpus.repeats("test") == (1, 2, 3)
    assert corpus.repeats("dev") == ()
    with pytest.raises(InputError, match="`split` must be one of 'dev', 'test'"):
        corpus.repeats("train")


def test_repeats_in_a_dev_that_was_cut_off(tmp_path):
    folder = write(tmp_path, train_tsv="text\tlabel\n" + "a\t0\n" * 10 + "b\t1\n" * 10)
    corpus, caught = quietly(folder)
    where = f"{folder}/train.tsv (dev): 2 exact repeats of train rows (first at line "
    assert len(caught) == 1 and caught[0].startswith(where)
    assert corpus.repeats("test") == ()


STRAY = "a O\nb I-X\nc I-Y\n\nd B-X\ne I-X\nf B-Y\n"


def test_stray_tags_are_kept_and_counted(tmp_path):
    folder = write(tmp_path, train_txt=STRAY)
    corpus, caught = quietly(folder, dev_fraction=0)
    assert corpus.train.targets == (("O", "I-X", "I-Y"), ("B-X", "I-X", "B-Y"))
    assert caught == [
        f"{folder}/train.txt: 2 I- tags follow no tag of their span (first at line 1)"
    ]


def test_stray_tags_are_repaired_and_counted(tmp_path):
    folder = write(tmp_path, train_txt=STRAY)
    corpus, caught = quietly(folder, dev_fraction=0, repair=True)
    assert corpus.train.targets == (("O", "B-X", "B-Y"), ("B-X", "I-X", "B-Y"))
    assert corpus.labels == ("O", "B-X", "B-Y", "I-X")
    assert caught == [f"{folder}/train.txt: 2 I- tags made B- (first at line 1)"]


def test_other_tags_are_no_spans(tmp_path):
    folder = write(tmp_path, train_txt="a NOUN\nb I-X\n")
    assert quietly(folder, dev_fraction=0, repair=True)[1] == []


def test_one_split_alone(tmp_path):
    folder = write(tmp_path, test_tsv="text\tlabel\na\tx\nb\ty\n")
    examples, report = load_split(folder, task="classify", labels=("x", "y", "z"))
    assert examples.targets == ("x", "y")
    assert report == (f"{folder}/test.tsv: 2 rows in, 2 out, 0 dropped",)
    alone = load_split(f"{folder}/test.tsv", "dev", task="classify", labels="xy")
    assert alone[0] == examples
    for options, message in [
        ({"labels": ("x",)}, "/test.tsv:3: label 'y' is not one of the model's"),
        ({"split": "dev"}, ": no dev among its splits: test"),
        ({"task": "regress"}, "/test.tsv:2: expected a finite number; got 'x'"),
    ]:
        with pytest.raises(DataError) as error:
            load_split(folder, **{"task": "classify", "labels": ("x", "y"), **options})
        assert str(error.value) == folder + message


# Rows of train, dev, test and labels as the list of data sets says; then warnings.
SETS = {
    "sst2": ("classify", 6920, 872, 1821, 2),
    "conll2003_ner": ("tag", 14041, 3250, 3453, 9),
    "rte": ("classify", 2490, 277, None, 2),
    "mrpc": ("classify", 3668, 408, 1725, 2),
    "cola": ("classify", 8551, 1043, None, 2),
    "stsb": ("regress", 5749, 1500, 1379, 0),
    "banking77": ("classify", 9005, 998, 3080, 77),
    "chnsenticorp": ("classify", 7566, 1200, 1200, 2),
    "weibo_ner": ("tag", 1174, 270, 270, 17),
    "ud_ewt_pos": ("tag", 12544, 2001, 2077, 17),
}
REPEATS = {
    "conll2003_ner": (193, 126),
    "cola": (16, 0),
    "stsb": (6, 7),
    "chnsenticorp": (0, 0),
    "ud_ewt_pos": (68, 94),
}
WORDS = {"conll2003_ner": (203621, 51362, 46435), "ud_ewt_pos": (204577, 25147, 25094)}


@pytest.mark.data
@pytest.mark.parametrize("name", SETS)
def test_data_sets(data_dir, name):
    task, train, dev, test, labels = SETS[name]
    given = "regress" if task == "regress" else None
    corpus, _ = quietly(data_dir / name, task=given)
    assert (corpus.task, len(corpus.labels)) == (task, labels)
    assert (len(corpus.train), len(corpus.dev)) == (train, dev)
    assert corpus.test is None if test is None else len(corpus.test) == test
    if name in REPEATS:
        found = len(corpus.repeats("dev")), len(corpus.repeats("test"))
        assert found == REPEATS[name]
    if name in WORDS:
        splits = (corpus.train, corpus.dev, corpus.test)
        assert tuple(sum(map(len, split.inputs)) for split in splits) == WORDS[name]


@pytest.mark.data
def test_weibo_by_character(data_dir):
    folder = data_dir / "weibo_ner"
    corpus, caught = quietly(folder)
    assert corpus.train.inputs[0][:4] == ("科", "技", "全", "方")
    assert [line.split(" (")[0] for line in caught] == [
        f"{folder}/train.txt: 10 I- tags follow no tag of their span",
        f"{folder}/test.txt: 4 I- tags follow no tag of their span",
    ]
    repaired, caught = quietly(folder, repair=True)
    assert [line.split(" (")[0] for line in caught] == [
        f"{folder}/train.txt: 10 I- tags made B-",
        f"{folder}/test.txt: 4 I- tags made B-",
    ]
    changed = [
        (old, new)
        for before, after in zip(corpus.train.targets, repaired.train.targets)
        for old, new in zip(before, after)
        if old != new
    ]
    assert len(changed) == 10 and all(new == "B" + old[1:] for old, new in changed)
