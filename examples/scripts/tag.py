"""Fine-tune a tagger of names, and show what it finds.

    python tag.py                            # names in tweets, the packaged encoder
    python tag.py --data conll2003/ --rows 0 --head linear

`--data` is what `tfreg.load_corpus` reads: `demo`, or a folder with train.txt, dev.txt
and test.txt in CoNLL columns (a word and its tag a line, an empty line after each
sentence). On two CPU cores the first line takes about three minutes.
"""

from __future__ import annotations

import argparse

import tfreg


def main() -> None:
    """Fit, score by spans, show a few sentences, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="demo")
    parser.add_argument("--preset", default="minilm")
    parser.add_argument("--rows", type=int, default=1000, help="of train; 0: all")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--head", choices=("crf", "linear"), default="crf")
    parser.add_argument("--out", default="tagger.keras", help="the model's file")
    args = parser.parse_args()

    data = tfreg.load_corpus(args.data, task="tag")
    recipe = tfreg.Recipe.preset(
        "small-data-tagging", epochs=args.epochs, head=args.head
    )
    model = tfreg.build_tagger(args.preset, data.labels, recipe=recipe)
    model.fit(data.train[: args.rows or None], validation_data=data.dev, verbose=2)

    judged = data.test or data.dev
    scores = model.evaluate(judged, return_dict=True, verbose=0)
    # Most words are no names: what says O to all of them has a good accuracy, too.
    tags = [tag for sentence in judged.targets for tag in sentence]
    print(f"says O always: accuracy {tags.count('O') / len(tags):.3f}, span F1 0")
    print(
        f"{args.head}: accuracy {scores['accuracy']:.3f}, "
        f"span F1 {scores['span_f1_strict']:.3f}"
    )
    for words, said in zip(judged.inputs[:5], model.predict_labels(judged[:5])):
        pairs = zip(words, (tag.label for tag in said))
        print(" ".join(w if tag == "O" else f"[{w} {tag}]" for w, tag in pairs))
    model.save(args.out)
    print(f"saved: {args.out}")


if __name__ == "__main__":
    main()
