"""One process of `test_two_devices`: fit a tagger, print its weights' fingerprint."""

from __future__ import annotations

import contextlib
import sys
import warnings

import keras
import numpy as np

from tests.backbones import tiny, tokenizer
from tests.models.devices import strategy_of
from tfreg._checks import DataWarning
from tfreg.builders import build_classifier, build_tagger
from tfreg.regularizers import L2, L2SP, GroupLasso

EPOCHS = 3  # of four steps


def main(devices: int, out: str) -> None:
    """Fit on that many logical CPUs, 0: on workers, and write the trained weights."""
    strategy = strategy_of(devices)
    sentences = [["the", "good", "movie"], ["a"] * 11, ["bad", "dog"], ["x"]] * 4
    tags = [["O", "B-X", "I-X"], ["O"] * 11, ["B-X", "O"], ["B-X"]] * 4
    fields = {
        "sequence_length": 32,
        "batch_size": 4,
        "dropout": 0.0,
        "kernel_regularizer": L2(0.1),
        "backbone_regularizer": [L2SP(0.5), GroupLasso(0.01, "neurons")],
    }
    weights = {}
    with strategy.scope() if strategy else contextlib.nullcontext():
        keras.utils.set_random_seed(1)
        tagger = build_tagger(
            tiny(), ("O", "B-X", "I-X"), tokenizer=tokenizer(), **fields
        )
        tagger.compile(optimizer=keras.optimizers.SGD(0.1))
    tagger.fit(sentences, tags, epochs=EPOCHS, verbose=0, class_weight={"O": 0.5})
    weights.update({f"tagger/{v.path}": np.array(v) for v in tagger.trainable_weights})
    said = tagger.predict(sentences, verbose=0)
    weights.update({f"said/{i}": logits for i, logits in enumerate(said)})
    with strategy.scope() if strategy else contextlib.nullcontext():
        keras.utils.set_random_seed(1)
        classifier = build_classifier(
            tiny(), ("a", "b"), tokenizer=tokenizer(), **fields
        )
        classifier.compile(optimizer=keras.optimizers.SGD(0.1))
    texts = [" ".join(words) for words in sentences]
    classifier.fit(texts, ["a", "b", "b", "a"] * 4, epochs=EPOCHS, verbose=0)
    weights.update(
        {f"text/{v.path}": np.array(v) for v in classifier.trainable_weights}
    )
    # Two devices take each batch of 6 in parts besides, uneven in rows and words.
    several = strategy.num_replicas_in_sync if strategy else 1
    parts = {"batch_size": 6 // several, "gradient_accumulation_steps": several}
    with strategy.scope() if strategy else contextlib.nullcontext():
        keras.utils.set_random_seed(1)
        tagger = build_tagger(
            tiny(),
            ("O", "B-X", "I-X"),
            tokenizer=tokenizer(),
            **{**fields, **parts, "freeze": 1},
        )
        tagger.compile(optimizer=keras.optimizers.SGD(0.1))
    tagger.fit(sentences, tags, epochs=EPOCHS, verbose=0, class_weight={"O": 0.5})
    weights.update({f"parts/{v.path}": np.array(v) for v in tagger.trainable_weights})
    with strategy.scope() if strategy else contextlib.nullcontext():
        keras.utils.set_random_seed(1)
        tagger = build_tagger(
            tiny(), ("O", "B-X", "I-X"), tokenizer=tokenizer(), head="crf", **fields
        )
        tagger.transitions.between.assign(np.arange(9.0).reshape(3, 3) / 9)
        tagger.compile(optimizer=keras.optimizers.SGD(0.1))
    tagger.fit(sentences, tags, epochs=EPOCHS, verbose=0, class_weight={"O": 0.5})
    weights.update({f"crf/{v.path}": np.array(v) for v in tagger.trainable_weights})
    scores = tagger.evaluate(sentences, tags, verbose=0, return_dict=True)
    weights.update({f"crf/{name}": value for name, value in scores.items()})
    said = tagger.predict(sentences, verbose=0)
    weights.update({f"crf/said/{i}": np.exp(logs) for i, logs in enumerate(said)})
    with strategy.scope() if strategy else contextlib.nullcontext():
        keras.utils.set_random_seed(1)
        frozen = build_classifier(
            tiny(), ("a", "b"), tokenizer=tokenizer(), freeze=1, **fields
        )
        frozen.compile(optimizer=keras.optimizers.SGD(0.1))
    warnings.simplefilter("error", DataWarning)  # features are kept, or it says why
    frozen.fit(
        texts,
        ["a", "b", "b", "a"] * 4,
        epochs=EPOCHS,
        verbose=0,
        feature_cache=f"{out}.features" if devices else False,
    )
    weights.update({f"kept/{v.path}": np.array(v) for v in frozen.trainable_weights})
    np.savez(out, **weights)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
