"""The same fit on one device, on several, or in several processes.

    python many_devices.py                           # what is there, and it is said
    python many_devices.py --strategy mirrored --cpus 2   # two parts of the CPU
    python ../distribute/two_workers.py python many_devices.py --strategy multiworker
    python many_devices.py --strategy tpu

The batch size is that of the whole batch, which the devices share: the number of steps,
and up to rounding the scores, are the same on all of them.
"""

from __future__ import annotations

import argparse

import tfreg


def main() -> None:
    """Fit in the scope of a strategy; the first process says the scores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="demo")
    parser.add_argument("--preset", default="minilm")
    parser.add_argument("--rows", type=int, default=300, help="of train; 0: all")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--strategy", choices=tfreg.distribute.KINDS, default="auto")
    parser.add_argument("--cpus", type=int, default=1, help="parts to see the CPU as")
    args = parser.parse_args()

    if args.cpus > 1:  # before TensorFlow looks at its devices
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * args.cpus
        tf.config.set_logical_device_configuration(cpu, parts)
    data = tfreg.load_corpus(args.data)
    with tfreg.distribute.strategy(args.strategy).scope():
        # Devices draw dropout masks of their own: without dropout the fit is the same.
        model = tfreg.build_classifier(
            args.preset,
            data.labels,
            epochs=args.epochs,
            learning_rate=1e-4,
            sequence_length=64,
            dropout=0,
            backbone_dropout=0,
            attention_dropout=0,
        )
    first = tfreg.distribute.is_chief()
    train = data.train[: args.rows or None]
    model.fit(train, validation_data=data.dev, verbose=2 if first else 0)
    scores = model.evaluate(data.test or data.dev, return_dict=True, verbose=0)
    if first:
        devices = model.distribute_strategy.num_replicas_in_sync
        print(
            f"{devices} device(s), {model.optimizer.iterations.numpy()} steps, "
            f"cross-entropy {scores['cross_entropy']:.5f}"
        )


if __name__ == "__main__":
    main()
