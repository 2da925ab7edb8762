"""What a CRF head costs: training steps beside those of the plain head, in turn.

    python crf.py --data DATA

`DATA` holds the folder `conll2003_ner`. Both models see the same batches, in which rows
are of like length, one after the other in changing order; the first pass over all
shapes, which compiles them, is not timed. On a busy machine read the processor's time,
which waits for nobody.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path


def main() -> None:
    """Print milliseconds a step of both heads, and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(args.threads)

    import numpy as np

    import tfreg

    corpus = tfreg.load_corpus(args.data / "conll2003_ner")
    train = corpus.train
    rows = np.random.default_rng(0).permutation(len(train))[: args.rows]
    models = {
        head: tfreg.build_tagger(
            "minilm", corpus.labels, head=head, precision=args.precision
        )
        for head in ("linear", "crf")
    }
    encoded = models["crf"].encode(train.take(rows.tolist()))
    batches = models["crf"].preprocessor.batches(encoded, 32, seed=0)
    batches.ladder = batches.fitted(1).lengths
    data = [batches.collate(batch) for batch in batches.order(0)]
    words = [int((y >= 0).sum(axis=1).max()) for _, y in data]
    print(f"{len(data)} batches of 32, of at most {max(words)} words")
    seconds: dict[str, list[tuple[float, float]]] = {head: [] for head in models}
    for number in range(args.rounds + 1):
        for place, batch in enumerate(data):
            heads = list(models)[:: 1 if (number + place) % 2 else -1]
            for head in heads:
                began = time.perf_counter(), time.process_time()
                models[head].train_on_batch(*batch)
                ended = time.perf_counter(), time.process_time()
                if number:
                    seconds[head].append((ended[0] - began[0], ended[1] - began[1]))
    plain, crf = (np.array(seconds[head]) for head in models)
    for which, name in enumerate(("wall", "processor")):
        times = [1e3 * np.median(head[:, which]) for head in (plain, crf)]
        ratio = np.median(crf[:, which] / plain[:, which])
        print(
            f"{name:9}  plain {times[0]:6.1f} ms a step, CRF {times[1]:6.1f} ms: "
            f"ratio {ratio:.3f} (medians of {len(plain)})"
        )


if __name__ == "__main__":
    main()
