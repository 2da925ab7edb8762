"""tfreg's worker: its public doors, as a user opens them."""

from __future__ import annotations

from typing import Any

import tfreg  # isort: skip  (before Keras: it turns oneDNN on)

from speed_epochs import Epochs
from speed_plan import PACKAGES
from speed_worker import Job, serve
from tasks import SETTINGS


class Tfreg:
    """A model and a training split, tokenised when first needed."""

    def __init__(self, job: Job) -> None:
        fraction = {} if job.part == "score" else {"dev_fraction": 0}
        self.corpus = tfreg.load_corpus(job.folder, task=job.kind, **fraction)
        self.texts = tfreg.Examples(self.corpus.train.kind, self.corpus.train.inputs)
        self.model = build(job, self.corpus.labels)
        self.encoded: Any = None
        self.epochs = Epochs(
            lambda own: self.model.fit(
                self._encoded(), epochs=job.epochs, callbacks=[own], verbose=0
            )
        )

    def _encoded(self) -> Any:
        if self.encoded is None:
            self.encoded = self.model.encode(self.corpus.train)
        return self.encoded

    def tokens(self) -> int:
        """Real pieces of the training split."""
        return int(self._encoded().lengths.sum())

    def train(self) -> None:
        """The fit's next epoch."""
        self.epochs.next()

    def predict(self) -> Any:
        """Logits of raw texts."""
        return self.model.predict(self.texts, verbose=0)

    def tune(self) -> dict[str, Any]:
        """Nothing to choose."""
        return {}

    def score(self, epochs: int) -> dict[str, float]:
        """Fit, then the dev scores."""
        from scores_tfreg import scores  # heavy, and no part of a start

        self.model.fit(self._encoded(), epochs=epochs, verbose=0)
        return scores(self.model, self.corpus.dev)


def build(job: Job, labels: Any) -> Any:
    """The model of a job."""
    kept = "precision", "seed", "learning_rate"
    recipe = {**SETTINGS, **{name: getattr(job, name) for name in kept}}
    recipe["sequence_length"] = max(job.length, SETTINGS["sequence_length"])
    if job.kind == "regress":
        return tfreg.build_regressor(job.encoder, **recipe)
    if job.kind == "tag":
        return tfreg.build_tagger(job.encoder, labels=labels, **recipe)
    return tfreg.build_classifier(job.encoder, labels=labels, **recipe)


if __name__ == "__main__":
    serve(Tfreg, PACKAGES["tfreg"])
