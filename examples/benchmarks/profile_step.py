"""Where a training step of minilm goes, by kind of operation (TensorFlow's profiler).

python profile_step.py --precision bfloat16 --rows 32 --length 32 --threads 1
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from pathlib import Path

STEPS = 10


def main() -> None:
    """Train on one batch of random ids, and print what took how long."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(args.threads)

    import numpy as np
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    import tfreg

    model = tfreg.build_classifier("minilm", ("a", "b"), precision=args.precision)
    shape = args.rows, args.length
    random = np.random.default_rng(0)
    x = {
        "token_ids": tf.constant(random.integers(1000, 20000, shape), "int32"),
        "padding_mask": tf.ones(shape, "int32"),
        "segment_ids": tf.zeros(shape, "int32"),
    }
    y = random.integers(0, 2, args.rows)
    for _ in range(3):
        model.train_on_batch(x, y)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(STEPS):
            model.train_on_batch(x, y)
        tf.profiler.experimental.stop()
        (found,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(found.read_bytes())
    milliseconds: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if ":" in name:  # path of the operation, then its kind
                    kind = name.rpartition(":")[2]
                    milliseconds[kind] += event.duration_ps / 1e9 / STEPS
    for kind, value in milliseconds.most_common(30):
        print(f"{value:8.2f} ms a step  {kind}")


if __name__ == "__main__":
    main()
