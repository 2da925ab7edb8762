"""The example scripts do what they say, on a tiny encoder and few made-up texts."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny_preset
from tfreg.recipe import Recipe

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "scripts"
SIZES = {"train": 32, "dev": 16, "test": 16}
Run = Callable[..., str]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    return str(tiny_preset.save_tiny_preset(folder))


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tiny_preset.write_reviews(tmp_path_factory.mktemp("reviews"), SIZES)
    lines = (folder / "dev.tsv").read_text(encoding="utf-8").splitlines()
    # Wrong labels: where all answers are right, no temperature is best.
    lines[1:3] = [
        line[:-3] + {"pos": "neg", "neg": "pos"}[line[-3:]] for line in lines[1:3]
    ]
    tiny_preset.write_lines(folder / "dev.tsv", lines)
    return str(folder)


@pytest.fixture
def said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs a script in this process, which has TensorFlow already; what it printed."""

    def run(name: str, *words: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *words])
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_classify(said: Run, encoder: str, reviews: str, tmp_path: Path) -> None:
    words = ("--data", reviews, "--preset", encoder, "--epochs", "2")
    text = said("classify", *words, "--learning-rate", "1e-2")
    for name in ("plain", "regularised"):
        assert re.search(rf"^{name}: accuracy \d\.\d+, cross-entropy \d", text, re.M)
    assert "L2SP" in text and "Calibration(temperature=" in text
    assert (tmp_path / "classifier.keras").is_file()


def test_tag(said: Run, encoder: str, tmp_path: Path) -> None:
    data = str(tiny_preset.write_sentences(tmp_path / "names", SIZES))
    text = said("tag", "--data", data, "--preset", encoder, "--epochs", "2")
    assert "says O always: accuracy 0.600, span F1 0\n" in text
    assert re.search(r"^crf: accuracy \d\.\d+, span F1 \d\.\d+$", text, re.M)
    assert re.search(r"lives", text)
    assert (tmp_path / "tagger.keras").is_file()


def test_choose_strength(said: Run, encoder: str, reviews: str, tmp_path: Path) -> None:
    words = ("--data", reviews, "--preset", encoder, "--epochs", "1", "--trials", "1")
    text = said("choose_strength", *words)
    assert re.search(r"^path: best λ \S+, simplest \S+, dev accuracy", text, re.M)
    assert re.search(r"^search: .*, dev accuracy \d", text, re.M)
    assert re.search(r"better than (its standard|the default)", text)
    assert re.search(r"^adaptive: λ \S+ at the end, dev accuracy \d", text, re.M)
    found = {path.name for path in (tmp_path / "strength").rglob("*")}
    assert {"path.csv", "trials.csv", "best.json", "scores.png"} <= found


def test_few_examples(said: Run, encoder: str, reviews: str) -> None:
    words = ("--data", reviews, "--preset", encoder, "--epochs", "1", "--seeds", "2")
    text = said("few_examples", *words, "--methods", "masking")
    assert re.search(r"^plain: \d+\.\d%$", text, re.M)
    assert re.search(r"^masking: [+-]\d+\.\d ± \d+\.\d points$", text, re.M)


def test_few_examples_needs_two_seeds(
    said: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        said("few_examples", "--seeds", "1")
    assert error.value.code == 2 and "at least 2" in capsys.readouterr().err


def test_methods_are_recipes() -> None:
    methods = runpy.run_path(str(FOLDER / "few_examples.py"))["METHODS"]
    assert all(Recipe(**fields) != Recipe() for fields in methods.values())


def test_many_devices(said: Run, encoder: str, reviews: str) -> None:
    words = ("--data", reviews, "--preset", encoder, "--epochs", "1")
    one = said("many_devices", *words, "--strategy", "cpu")
    # A process of its own: two strategies in one disturb each other.
    script = str(FOLDER / "many_devices.py")
    done = subprocess.run(
        [sys.executable, script, *words, "--strategy", "mirrored", "--cpus", "2"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "strategy: mirrored, on CPU:0, CPU:1" in done.stderr
    pattern = r"^(\d) device\(s\), (\d+) steps, cross-entropy (\d\.\d+)$"
    found = [re.search(pattern, text, re.M) for text in (one, done.stdout)]
    devices, steps, scores = zip(*(match.groups() for match in found if match))
    assert devices == ("1", "2") and steps == ("1", "1")
    assert float(scores[0]) == pytest.approx(float(scores[1]), abs=2e-5)


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem
)
def test_it_says_how_to_call_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""') and f"    python {path.name}" in text
    assert text.count("\n") <= 75
