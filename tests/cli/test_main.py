"""Exit codes, and one line where something is wrong."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.tiny_preset import write_lines, write_reviews
from tfreg._checks import InputError
from tfreg.cli import info, main


def error_of(capsys, *words: object) -> str:
    """The one line of a command that ends with 2."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("tfreg: error: ") and captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "required: COMMAND"),
        (["fit"], "invalid choice: 'fit'"),
        (["train"], "required: task, --data, --out (see `tfreg train --help`)"),
        (["train", "cluster"], "invalid choice: 'cluster'"),
        (
            ["train", "tag", "--data", "d", "--out", "o", "--column"],
            "--column: expected",
        ),
        (["demo", "--task", "regress"], "invalid choice: 'regress'"),
        (["evaluate", "r", "--data", "d", "--split", "all"], "invalid choice: 'all'"),
        (["predict", "r", "--format", "xml"], "invalid choice: 'xml'"),
        (["info"], "required: RUN"),
        (["info", "no/such/run"], "no/such/run: no such folder"),
        (["predict", "no/such/run"], "no/such/run: no such folder"),
        (["evaluate", "no/such/run", "--data", "d"], "no/such/run: no such folder"),
        (["info", os.path.dirname(__file__)], "not a run folder"),
    ],
)
def test_wrong_words(capsys, words, message):
    assert message in error_of(capsys, *words)


@pytest.fixture
def films(tmp_path):
    return write_reviews(tmp_path / "films", {"train": 12, "dev": 4})


@pytest.mark.parametrize(
    "words, message",
    [
        (["--data", "nowhere"], "nowhere: no such file or folder"),
        (["--data", "{films}", "--text", "body"], "body"),
        (["--data", "{films}", "--dropout", "1.5"], "`dropout` must be"),
        (["--data", "{films}", "--config", "none.json"], "none.json: "),
        (["--data", "{films}", "--preset", "no_such_preset"], "no_such_preset"),
        (["--data", "{tags}"], "has one tag a word; use `tfreg train tag`"),
        (["--data", "{broken}"], "train.tsv:3: "),
        (["--data", "{films}", "--out", "{films}"], "not empty"),
        (["--data", "{films}", "--out", "{films}", "--overwrite"], "not a run"),
        (["--data", "{films}", "--out", "{films}/dev.tsv"], "this is a file"),
    ],
)
def test_bad_input_to_train_leaves_nothing(tmp_path, films, capsys, words, message):
    (tmp_path / "tags").mkdir()
    write_lines(
        tmp_path / "tags" / "train.txt",
        [line for n in range(20) for line in ("Ada B", f"{n} O", "")],
    )
    (tmp_path / "broken").mkdir()
    broken = ["text\tlabel", "a film\tpos", "no label"]
    write_lines(tmp_path / "broken" / "train.tsv", broken)
    before = sorted(os.listdir(tmp_path))
    names = ("films", "tags", "broken")
    folders = {name: tmp_path / name for name in names}
    given = ["--out", tmp_path / "run", *[word.format(**folders) for word in words]]
    assert message in error_of(capsys, "train", "classify", *given)
    assert sorted(os.listdir(tmp_path)) == before
    assert sorted(os.listdir(films)) == ["dev.tsv", "train.tsv"]


def raise_in_info(monkeypatch, error: BaseException) -> list[str]:
    def run(_):
        raise error

    monkeypatch.setattr(info, "run", run)
    return ["info", "x"]


def test_lines_of_an_error_become_one(monkeypatch, capsys):
    words = raise_in_info(monkeypatch, InputError("first\nsecond"))
    assert error_of(capsys, *words) == "tfreg: error: first second\n"


def test_ctrl_c(monkeypatch, capsys):
    words = raise_in_info(monkeypatch, KeyboardInterrupt())
    assert main(words) == 130
    assert capsys.readouterr().err == "tfreg: interrupted\n"


def test_a_full_disk_is_one_line(monkeypatch, capsys):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "run/model.keras")
    words = raise_in_info(monkeypatch, full)
    expected = "tfreg: error: run/model.keras: No space left on device\n"
    assert error_of(capsys, *words) == expected


@pytest.mark.parametrize("error", [RuntimeError("ours"), OSError(errno.EIO, "io")])
def test_our_own_errors_keep_their_traceback(monkeypatch, error):
    with pytest.raises(type(error)):
        main(raise_in_info(monkeypatch, error))


def run_python(code: str, **kwargs) -> subprocess.Popen:
    words = [sys.executable, "-c", textwrap.dedent(code)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(words, **{**pipes, **kwargs})


def test_the_process_ends_with_the_code(tmp_path):
    words = [sys.executable, "-m", "tfreg", "info", str(tmp_path / "none")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"tfreg: error: {tmp_path}/none: no such folder\n"


def test_a_reader_that_goes_away_is_no_error():
    process = run_python("""
        import sys
        from tfreg.cli import info, main

        def run(_):
            while True:
                print("an answer", flush=True)

        info.run = run
        sys.exit(main(["info", "x"]))
        """)
    assert process.stdout.readline() == "an answer\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141


@pytest.mark.parametrize(
    "stop, code, said",
    [(signal.SIGINT, 130, "tfreg: interrupted\n"), (signal.SIGTERM, 143, "")],
)
def test_a_stopped_command_takes_its_folder_away(tmp_path, stop, code, said):
    process = run_python(f"""
        import signal, sys, time
        from tfreg.cli import info, main
        from tfreg.runs.folder import new_folder

        # Ignored, where the tests themselves run in a shell's background.
        signal.signal(signal.SIGINT, signal.default_int_handler)

        def run(_):
            with new_folder({str(tmp_path / "run")!r}) as folder:
                (folder / "half").touch()
                print("begun", flush=True)
                time.sleep(60)

        info.run = run
        sys.exit(main(["info", "x"]))
        """)
    assert process.stdout.readline() == "begun\n"
    assert len(os.listdir(tmp_path)) == 1
    process.send_signal(stop)
    assert process.wait() == code
    assert process.stderr.read() == said
    assert os.listdir(tmp_path) == []
