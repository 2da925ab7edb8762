"""Texts said anew: kept as soon as they are said, failures counted, never lost."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tfreg._checks import DataWarning, InputError
from tfreg.data.augment import BackTranslation, Paraphrase, augment_corpus
from tfreg.data.augment.answers import Answers
from tfreg.data.examples import Examples

TEXTS = Examples("text", ["a", "b", "c", "a"], ["x", "y", "x", "x"])


@pytest.fixture(autouse=True)
def _no_word_is_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        yield


class Asked:
    """A method that remembers what it was asked, and fails on some texts."""

    def __init__(self, fails=(), says=lambda text: [f"{text}1", f"{text}2"]):
        self.fails, self.says, self.asked = fails, says, []

    def __call__(self, text):
        self.asked.append(text)
        if text in self.fails:
            raise TimeoutError(f"no answer for {text}")
        return self.says(text)


def test_new_rows_follow_with_their_labels(tmp_path):
    asked = Asked()
    more = augment_corpus(TEXTS, Paraphrase(asked, name="m"), cache=tmp_path)
    new = ("a1", "a2", "b1", "b2", "c1", "c2", "a1", "a2")
    assert more.inputs == (*TEXTS.inputs, *new)
    assert more.targets == (*TEXTS.targets, *"xxyyxxxx")
    assert asked.asked == ["a", "b", "c"]  # each text once
    assert TEXTS.inputs == ("a", "b", "c", "a")


@pytest.mark.parametrize(
    "targets", [None, [1.5, 2.0], [("u", "v"), ()]], ids=["none", "numbers", "several"]
)
def test_every_kind_of_label(targets, tmp_path):
    examples = Examples("text", ["a", "b"], targets)
    method = Paraphrase(str.upper, name="upper")
    more = augment_corpus(examples, method, cache=tmp_path)
    assert more.inputs == ("a", "b", "A", "B")
    expected = None if targets is None else examples.targets * 2
    assert more.targets == expected


def test_pairs_take_their_answers_together(tmp_path):
    pairs = Examples("pair", [("a", "bb"), ("bb", "a"), ("a", "c")], [1.0, 2.0, 3.0])
    says = {"a": ["A", "AA"], "bb": ["B"], "c": ["c"]}
    more = augment_corpus(pairs, Paraphrase(says.get, name="m"), cache=tmp_path)
    new = (("A", "B"), ("B", "A"), ("A", "c"))
    assert more.inputs == (*pairs.inputs, *new)
    assert more.targets == (1.0, 2.0, 3.0, 1.0, 2.0, 3.0)


def test_repeats_are_left_out(tmp_path):
    method = Paraphrase(lambda text: [text, "z", "z", text], name="m")
    more = augment_corpus(TEXTS[:1], method, cache=tmp_path)
    assert more.inputs == ("a", "z")


def test_back_translation_goes_there_and_back():
    there = Asked(says=lambda text: [f"{text}>1", f"{text}>2"])
    back = Asked(says=lambda text: (f"{text}<{i}" for i in range(2)))
    method = BackTranslation(there, back, name="m")
    assert method("t") == ("t>1<0", "t>1<1", "t>2<0", "t>2<1")
    assert back.asked == ["t>1", "t>2"]


def test_what_was_said_is_not_asked_again(tmp_path):
    first, second = Asked(), Asked()
    before = augment_corpus(TEXTS, Paraphrase(first, name="m"), cache=tmp_path)
    after = augment_corpus(TEXTS, Paraphrase(second, name="m"), cache=tmp_path)
    assert second.asked == [] and after.inputs == before.inputs
    longer = Examples("text", [*TEXTS.inputs, "d"])
    augment_corpus(longer, Paraphrase(second, name="m"), cache=tmp_path)
    assert second.asked == ["d"]
    for method in (
        Paraphrase(second, name="n"),
        Paraphrase(second, name="m", version="2"),
    ):
        del second.asked[:]
        augment_corpus(TEXTS, method, cache=tmp_path)
        assert second.asked == ["a", "b", "c"]
    assert len(list(tmp_path.iterdir())) == 3


def test_failures_are_counted_and_tried_again(tmp_path):
    failing = Asked(fails=("a", "c"))
    with pytest.warns(DataWarning) as said:
        more = augment_corpus(TEXTS, Paraphrase(failing, name="m"), cache=tmp_path)
    assert [str(one.message) for one in said] == [
        "m: 3 of 4 rows failed (first row 0: TimeoutError: no answer for a)"
    ]
    assert more.inputs == (*TEXTS.inputs, "b1", "b2")
    again = Asked(fails=("c",))
    with pytest.warns(DataWarning, match="1 of 4 rows failed .first row 2: Timeout"):
        augment_corpus(TEXTS, Paraphrase(again, name="m"), cache=tmp_path)
    assert again.asked == ["a", "c"]


@pytest.mark.parametrize(
    "answer, why",
    [
        (None, "it must give a text, or texts; got None"),
        (b"bytes", "it must give a text, or texts; got b'bytes'"),
        (["ok", 3], "it must give texts that are not blank; got 3"),
        ("  ", "it must give texts that are not blank; got '  '"),
        ("x\0", "a NUL or a lone surrogate in 'x\\x00'"),
        (["\ud800"], "a NUL or a lone surrogate in '\\ud800'"),
    ],
)
def test_answers_that_are_no_texts_are_failures(answer, why, tmp_path):
    method = Paraphrase(lambda text: answer if text == "b" else "z", name="m")
    with pytest.warns(DataWarning) as said:
        augment_corpus(TEXTS, method, cache=tmp_path)
    message = f"m: 1 of 4 rows failed (first row 1: InputError: {why})"
    assert [str(one.message) for one in said] == [message]


def test_no_answer_is_no_failure(tmp_path):
    more = augment_corpus(TEXTS, Paraphrase(lambda text: [], name="m"), cache=tmp_path)
    assert more.inputs == TEXTS.inputs
    empty = Examples("text", [], [])
    assert (
        len(augment_corpus(empty, Paraphrase(Asked(), name="m"), cache=tmp_path)) == 0
    )


def test_only_if_all_fail_is_it_an_error(tmp_path):
    method = Paraphrase(Asked(fails="abc"), name="m")
    with pytest.raises(InputError) as error:
        augment_corpus(TEXTS, method, cache=tmp_path)
    expected = "m: 4 of 4 rows failed; the first: TimeoutError: no answer for a"
    assert str(error.value) == expected


def test_a_user_s_interrupt_is_no_failure(tmp_path):
    def says(text):
        if text == "c":
            raise KeyboardInterrupt
        return text * 2

    with pytest.raises(KeyboardInterrupt):
        augment_corpus(TEXTS, Paraphrase(says, name="m"), cache=tmp_path)
    rest = Asked()
    augment_corpus(TEXTS, Paraphrase(rest, name="m"), cache=tmp_path)
    assert rest.asked == ["c"]


KILLED = """
import sys, time
from tfreg.data.augment import Paraphrase, augment_corpus
from tfreg.data.examples import Examples

def says(text):
    if text == "t3":
        print("now", flush=True)
        time.sleep(60)
    return text + "!"

examples = Examples("text", [f"t{i}" for i in range(9)])
augment_corpus(examples, Paraphrase(says, name="m"), cache=sys.argv[1])
"""


def test_a_kill_loses_the_text_at_work(tmp_path):
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout.readline() == b"now\n"
        process.kill()
    rest = Asked()
    texts = Examples("text", [f"t{i}" for i in range(9)])
    augment_corpus(texts, Paraphrase(rest, name="m"), cache=tmp_path)
    assert rest.asked == [f"t{i}" for i in range(3, 9)]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_half_written_is_as_if_it_were_not_there(cut, tmp_path):
    method = Paraphrase(str.upper, name="m")
    augment_corpus(TEXTS, method, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    file.write_bytes(content[:-cut])
    rest = Asked()
    augment_corpus(TEXTS, Paraphrase(rest, name="m"), cache=tmp_path)
    assert rest.asked == (["c"] if cut > 1 else [])
    for line in file.read_bytes().splitlines()[-1:]:
        assert set(json.loads(line)) == {"key", "texts"}
    # What was damaged is left; what was said since is read.
    again = Asked()
    augment_corpus(TEXTS, Paraphrase(again, name="m"), cache=tmp_path)
    assert again.asked == []


@pytest.mark.parametrize(
    "line",
    [b"", b"null", b"[1]", b'{"key": 1}', b"\xff", b'{"key": "k", "texts": "t"}'],
)
def test_damaged_lines(line, tmp_path):
    with Answers(tmp_path, "m", "1") as answers:
        answers["a"] = ("A",)
    content = answers.path.read_bytes()
    answers.path.write_bytes(line + b"\n" + content)
    with Answers(tmp_path, "m", "1") as answers:
        assert answers["a"] == ("A",) and "b" not in answers


def test_any_text_and_any_name(tmp_path):
    odd = ["", "é\u2028\n", "\ud800", '"', "x" * 10000]
    for name in ("../../m", "a/b c", "日本", "."):
        with Answers(tmp_path / "deep" / "er", name, "1") as answers:
            for text in odd:
                answers[text] = (text[:3], "ü")
        with Answers(tmp_path / "deep" / "er", name, "1") as answers:
            assert [answers[text] for text in odd] == [(t[:3], "ü") for t in odd]
    assert len(list((tmp_path / "deep" / "er").iterdir())) == 4


def test_errors(tmp_path):
    method = Paraphrase(str.upper, name="m")
    tagged = Examples("words", [["a"]], [["O"]])
    for examples, method_, cache, message in (
        (tagged, method, tmp_path, "`examples`: tags cannot follow words"),
        (["a"], method, tmp_path, "`examples` must be Examples, as a corpus has them"),
        (TEXTS, str.upper, tmp_path, "`method` must be a Paraphrase or a BackTransl"),
        (TEXTS, method, None, "`cache` must be a folder; got None"),
    ):
        with pytest.raises(InputError) as error:
            augment_corpus(examples, method_, cache=cache)
        assert str(error.value).startswith(message)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="`cache`: .*file/m-.*: File exists"):
        augment_corpus(TEXTS, method, cache=tmp_path / "file")
    with pytest.raises(InputError, match="`function` must be a function of a text"):
        Paraphrase("upper", name="m")
    with pytest.raises(InputError, match="`back` must be a function of a text"):
        BackTranslation(str.upper, None, name="m")
    for name in ("", " ", None, 3):
        with pytest.raises(InputError, match="`name` must be a text"):
            Paraphrase(str.upper, name=name)
    with pytest.raises(InputError, match="`version` must be a text; got 2"):
        Paraphrase(str.upper, name="m", version=2)
