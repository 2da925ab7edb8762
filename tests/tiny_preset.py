"""A random encoder of 2 layers x 32, as a local preset, and data it can learn."""

from __future__ import annotations

from pathlib import Path

WORDS = "the a film was is good bad fine poor ada bob lives in paris rome plays".split()
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "##s", "1", "2"]


def save_tiny_preset(folder: Path) -> Path:
    """Save the encoder and its tokenizer as `--preset` takes them."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(VOCABULARY),
        num_layers=2,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
        max_sequence_length=128,
    )
    backbone.save_to_preset(str(folder))
    keras_hub.models.BertTokenizer(VOCABULARY, lowercase=True).save_to_preset(
        str(folder)
    )
    return folder


def reviews(count: int) -> list[tuple[str, str]]:
    """Texts with a label: good or fine films, bad or poor ones."""
    kinds = [("good", "pos"), ("bad", "neg"), ("fine", "pos"), ("poor", "neg")]
    return [
        (f"the film {number} was {kinds[number % 4][0]}", kinds[number % 4][1])
        for number in range(count)
    ]


def sentences(count: int) -> list[list[tuple[str, str]]]:
    """Sentences with a person and a place."""
    people, places = ("Ada", "Bob"), ("Paris", "Rome")
    return [
        [
            (people[number % 2], "B-PER"),
            ("lives", "O"),
            ("in", "O"),
            (places[number // 2 % 2], "B-LOC"),
            (str(number), "O"),
        ]
        for number in range(count)
    ]


def write_reviews(folder: Path, sizes: dict[str, int]) -> Path:
    """A folder of ``text<TAB>label`` files."""
    folder.mkdir(parents=True, exist_ok=True)
    start = 0
    for split, size in sizes.items():
        rows = reviews(start + size)[start:]
        lines = ["text\tlabel", *("\t".join(row) for row in rows)]
        write_lines(folder / f"{split}.tsv", lines)
        start += size
    return folder


def write_pairs(folder: Path, sizes: dict[str, int]) -> Path:
    """A folder of ``text_a<TAB>text_b<TAB>label`` files, the label a number."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, size in sizes.items():
        lines = ["text_a\ttext_b\tlabel"]
        lines += [
            f"the film is good\tfilm {split} {n}\t{n % 5 / 2}" for n in range(size)
        ]
        write_lines(folder / f"{split}.tsv", lines)
    return folder


def write_sentences(folder: Path, sizes: dict[str, int]) -> Path:
    """A folder of CoNLL files, ``word tag`` a line."""
    folder.mkdir(parents=True, exist_ok=True)
    start = 0
    for split, size in sizes.items():
        lines = []
        for sentence in sentences(start + size)[start:]:
            lines += [f"{word} {tag}" for word, tag in sentence] + [""]
        write_lines(folder / f"{split}.txt", lines)
        start += size
    return folder


def write_lines(path: Path, lines: list[str]) -> None:
    """UTF-8, one line break after each line."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
