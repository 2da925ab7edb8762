"""KerasHub's worker, in two systems: its own text classifier, and a tagger on it.

`kerashub` leaves its preprocessor's sequence length alone (512, or what the encoder's
folder says) and gives it texts; `kerashub-length` sets the length of the task's longest
text and tokenises once. What
is left out, optimiser and compilation, is KerasHub's default. There is no tagger in
KerasHub: it is what a Keras user would write, a Dense layer on each piece.
"""

from __future__ import annotations

from typing import Any

import keras
import keras_hub
import numpy as np
from speed_epochs import Epochs
from speed_plan import PACKAGES
from speed_worker import Job, serve
from tasks import SETTINGS, find_split, read_sentences, read_table

NO_LABEL = -1


class TextModel:
    """KerasHub's classifier; regression is one output and the squared error."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.texts, targets = self._read("train")
        self.labels = sorted(set(targets))
        self.targets = self._ids(targets)
        regress = job.kind == "regress"
        self.by_hand = job.system == "kerashub-length"
        self.preprocessor = keras_hub.models.BertTextClassifierPreprocessor.from_preset(
            str(job.encoder),
            tokenizer=load_tokenizer(job),
            **({"sequence_length": job.length} if self.by_hand else {}),
        )
        self.model = keras_hub.models.BertTextClassifier.from_preset(
            str(job.encoder),
            num_classes=1 if regress else len(self.labels),
            preprocessor=None if self.by_hand else self.preprocessor,
        )
        if regress:
            self.model.compile(optimizer=keras.optimizers.Adam(5e-5), loss="mse")
        self.inputs: Any = None
        self.epochs = Epochs(lambda own: self._fit(job.epochs, [own]))

    def _read(self, split: str) -> tuple[Any, list[str]]:
        path = find_split(self.job.folder, split)
        assert path is not None
        rows, targets = read_table(path)
        columns = tuple(np.array(texts) for texts in zip(*rows))
        return columns if len(columns) == 2 else columns[0], targets

    def _ids(self, targets: list[str]) -> np.ndarray:
        if self.job.kind == "regress":
            return np.array(targets, "float32")
        return np.array([self.labels.index(target) for target in targets])

    def tokens(self) -> int:
        """Real pieces of the training split."""
        return int(np.sum(self._encode(self.texts)["padding_mask"]))

    def _encode(self, texts: Any) -> Any:
        return self.preprocessor(texts, y=None)  # else a pair is taken for (x, y)

    def train(self) -> None:
        """The fit's next epoch."""
        self.epochs.next()

    def _fit(self, epochs: int, callbacks: Any = ()) -> None:
        """Epochs over rows tokenised once, or as `fit` tokenises them."""
        if self.inputs is None:
            self.inputs = self._encode(self.texts) if self.by_hand else self.texts
        size = SETTINGS["batch_size"]
        self.model.fit(
            self.inputs,
            self.targets,
            batch_size=size,
            epochs=epochs,
            callbacks=list(callbacks),
            verbose=0,
        )

    def predict(self, texts: Any = None) -> Any:
        """Logits of raw texts."""
        texts = self.texts if texts is None else texts
        given = self._encode(texts) if self.by_hand else texts
        size = SETTINGS["batch_size"]
        return self.model.predict(given, batch_size=size, verbose=0)

    def tune(self) -> dict[str, Any]:
        """Nothing to choose; what it came with is told."""
        return {"sequence_length": self.preprocessor.sequence_length}

    def score(self, epochs: int) -> dict[str, float]:
        """Fit, then the dev scores."""
        self._fit(epochs)
        texts, targets = self._read("dev")
        logits = self.predict(texts)
        if self.job.kind == "regress":
            found = np.corrcoef(logits[:, 0], self._ids(targets))
            return {"pearson": float(found[0, 1])}
        return {"accuracy": float(np.mean(logits.argmax(-1) == self._ids(targets)))}


class Tagger:
    """One Dense layer on KerasHub's encoder; words are tagged at their first piece."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.words, self.tags = self._read("train")
        self.labels = sorted({tag for tags in self.tags for tag in tags})
        self.tokenizer = load_tokenizer(job)
        backbone = keras_hub.models.BertBackbone.from_preset(str(job.encoder))
        features = keras.layers.Dropout(SETTINGS["dropout"])(
            backbone.output["sequence_output"]
        )
        logits = keras.layers.Dense(len(self.labels))(features)
        self.model = keras.Model(backbone.input, logits)
        self.model.compile(
            optimizer=keras.optimizers.Adam(5e-5),
            loss=keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, ignore_class=NO_LABEL
            ),
        )
        self.encoded: Any = None
        self.epochs = Epochs(lambda own: self._fit(job.epochs, [own]))

    def _read(self, split: str) -> tuple[list[list[str]], list[list[str]]]:
        path = find_split(self.job.folder, split)
        assert path is not None
        return read_sentences(path)

    def _encode(self, sentences: list[list[str]]) -> tuple[Any, list[list[int]]]:
        """Arrays of a fixed length, and the places of the words that fit."""
        length, cls, sep = (
            self.job.length,
            self.tokenizer.cls_token_id,
            self.tokenizer.sep_token_id,
        )
        flat = self.tokenizer([word for words in sentences for word in words])
        pieces = iter(flat)
        ids = np.full((len(sentences), length), self.tokenizer.pad_token_id, "int32")
        mask = np.zeros((len(sentences), length), "int32")
        firsts = []
        for row, words in enumerate(sentences):
            line, places = [cls], []
            for _ in words:
                places.append(len(line))
                line.extend(next(pieces))
            line = [*line[: length - 1], sep]
            ids[row, : len(line)] = line
            mask[row, : len(line)] = 1
            firsts.append([place for place in places if place < length - 1])
        segments = np.zeros_like(ids)
        inputs = {"token_ids": ids, "padding_mask": mask, "segment_ids": segments}
        return inputs, firsts

    def _training_arrays(self) -> Any:
        if self.encoded is None:
            inputs, firsts = self._encode(self.words)
            targets = np.full(inputs["token_ids"].shape, NO_LABEL, "int32")
            for row, places in enumerate(firsts):
                for place, tag in zip(places, self.tags[row]):
                    targets[row, place] = self.labels.index(tag)
            self.encoded = inputs, targets
        return self.encoded

    def tokens(self) -> int:
        """Real pieces of the training split."""
        return int(self._training_arrays()[0]["padding_mask"].sum())

    def train(self) -> None:
        """The fit's next epoch."""
        self.epochs.next()

    def _fit(self, epochs: int, callbacks: Any = ()) -> None:
        """Epochs over rows tokenised once."""
        self.model.fit(
            *self._training_arrays(),
            batch_size=SETTINGS["batch_size"],
            epochs=epochs,
            callbacks=list(callbacks),
            verbose=0,
        )

    def predict(self, sentences: Any = None) -> list[np.ndarray]:
        """Logits of raw words: one array a sentence, a row a word."""
        inputs, firsts = self._encode(sentences or self.words)
        size = SETTINGS["batch_size"]
        logits = self.model.predict(inputs, batch_size=size, verbose=0)
        return [row[places] for row, places in zip(logits, firsts)]

    def tune(self) -> dict[str, Any]:
        """Nothing to choose."""
        return {}

    def score(self, epochs: int) -> dict[str, float]:
        """Fit, then the dev scores; words past the length are "O"."""
        from seqeval.metrics import f1_score
        from seqeval.scheme import IOB2

        self._fit(epochs)
        words, tags = self._read("dev")
        found = [
            [self.labels[answer] for answer in logits.argmax(-1)]
            for logits in self.predict(words)
        ]
        found = [row + ["O"] * (len(own) - len(row)) for row, own in zip(found, tags)]
        return {"span_f1_strict": f1_score(tags, found, mode="strict", scheme=IOB2)}


def load_tokenizer(job: Job) -> Any:
    """The encoder's tokenizer; from such folders KerasHub keeps accents by mistake."""
    return keras_hub.tokenizers.BertTokenizer.from_preset(
        str(job.encoder), strip_accents=True
    )


def make(job: Job) -> Any:
    """The model of a job."""
    keras.utils.set_random_seed(job.seed)
    return Tagger(job) if job.kind == "tag" else TextModel(job)


if __name__ == "__main__":
    serve(make, PACKAGES["kerashub"])
