"""Fine-tune a text classifier, plain and with a penalty, on few examples.

    python classify.py                       # 300 film reviews, the packaged encoder
    python classify.py --data reviews/ --rows 0 --preset bert_base_en_uncased

`--data` is what `tfreg.load_corpus` reads: `demo`, `tfds:NAME`, or a folder with
train.tsv, dev.tsv and test.tsv. On two CPU cores the first line takes about five
minutes.
"""

from __future__ import annotations

import argparse
from typing import Any

import tfreg


def fit(args: argparse.Namespace, data: tfreg.Corpus, **fields: Any) -> Any:
    """A fitted classifier; its weights are those of the best dev epoch."""
    model = tfreg.build_classifier(
        args.preset,
        data.labels,
        learning_rate=args.learning_rate,
        epochs=args.epochs,
        sequence_length=64,
        **fields,
    )
    train = data.train[: args.rows or None]
    model.fit(train, validation_data=data.dev, verbose=2)
    return model


def main() -> None:
    """Fit twice, compare, calibrate, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="demo")
    parser.add_argument("--preset", default="minilm")
    parser.add_argument("--rows", type=int, default=300, help="of train; 0: all")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--l2sp", type=float, default=0.1, help="λ of the penalty")
    parser.add_argument("--out", default="classifier.keras", help="the model's file")
    args = parser.parse_args()

    data = tfreg.load_corpus(args.data)
    judged = data.test or data.dev
    plain = fit(args, data)
    # λ·Σ(w − w⁰)², w⁰ the pretrained weights: it pulls back to what the encoder knew.
    regularised = fit(
        args, data, backbone_regularizer=tfreg.regularizers.L2SP(args.l2sp)
    )
    for name, model in (("plain", plain), ("regularised", regularised)):
        scores = model.evaluate(judged, return_dict=True, verbose=0)
        moved = tfreg.inspect.weight_distance(model, args.preset)
        print(
            f"{name}: accuracy {scores['accuracy']:.3f}, "
            f"cross-entropy {scores['cross_entropy']:.3f}, "
            f"weights moved by up to {max(moved.values()):.2%} a block"
        )
    tfreg.penalty_report(regularised, data.dev[:64])
    try:
        print(tfreg.calibrate(regularised, data.dev))
    except tfreg.InputError as error:  # where all of dev is right there is no best
        print(f"not calibrated: {error}")
    regularised.save(args.out)
    print(f"saved: {args.out}")


if __name__ == "__main__":
    main()
