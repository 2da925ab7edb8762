"""Splits of TensorFlow Datasets, as records."""

from __future__ import annotations

import importlib.util
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from tfreg._checks import DataError
from tfreg.data.ledger import Ledger
from tfreg.data.splits import split_of
from tfreg.data.text_checks import decode_line

PREFIX = "tfds:"


def open_builder(source: str) -> Any:
    """The prepared builder of `tfds:NAME`; what is not yet prepared is downloaded.

    Raises:
        DataError: the extra is not installed, there is no such data set, or it is not
            prepared and cannot be fetched.
    """
    name = source.removeprefix(PREFIX)
    # It imports importlib_resources without declaring it.
    for module in ("tensorflow_datasets", "importlib_resources"):
        if importlib.util.find_spec(module) is None:
            raise DataError(
                f"{source}: {module} is not installed: " 'pip install "tfreg[datasets]"'
            )
    import tensorflow_datasets

    try:
        builder = tensorflow_datasets.builder(name)
    except Exception as error:  # whatever the builder's own code raises
        raise DataError(f"{source}: {_first_line(error)}") from error
    if not builder.is_prepared():
        _check_hosts(source, builder)
        try:
            builder.download_and_prepare()
        except Exception as error:  # and its downloads, and what unpacks them
            what = f"cannot be downloaded and prepared: {_first_line(error)}"
            raise DataError(f"{source}: {what}") from error
    return builder


def find_builder_splits(builder: Any) -> tuple[dict[str, str], list[str]]:
    """The name of each split in the builder, and the names of the splits left aside."""
    found: dict[str, str] = {}
    aside = []
    for name in sorted(builder.info.splits):
        split = split_of(name)
        if split is None or split in found:
            aside.append(name)
        elif _is_unlabelled(builder, name):
            aside.append(f"{name} (no labels)")
        else:
            found[split] = name
    return found, aside


def read_examples(
    builder: Any, split: str, ledger: Ledger
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Examples as numbered records of plain values; class ids as their names."""
    import tensorflow_datasets

    features = dict(builder.info.features)
    examples = builder.as_dataset(split=split, shuffle_files=False)
    for row, example in enumerate(tensorflow_datasets.as_numpy(examples), 1):
        yield row, {
            name: _plain(features[name], value, row, ledger)
            for name, value in example.items()
        }


def _plain(feature: Any, value: Any, row: int, ledger: Ledger) -> Any:
    if isinstance(value, dict):  # nothing that a reader could use
        return None
    if getattr(value, "ndim", 0):
        inner = getattr(feature, "feature", feature)
        return [_plain(inner, item, row, ledger) for item in value]
    if isinstance(value, bytes):
        return decode_line(value, row, ledger)
    value = value.item() if hasattr(value, "item") else value
    if _is_class(feature):
        return feature.int2str(value) if value >= 0 else None
    return value


def _is_class(feature: Any) -> bool:
    import tensorflow_datasets

    # Not by its methods: a sequence of class labels passes them on.
    return isinstance(feature, tensorflow_datasets.features.ClassLabel)


def _is_unlabelled(builder: Any, split: str) -> bool:
    """Whether all class ids are -1, as in the test sets of GLUE."""
    classes = [name for name, f in builder.info.features.items() if _is_class(f)]
    if not classes:
        return False
    import tensorflow_datasets

    examples = tensorflow_datasets.as_numpy(builder.as_dataset(split=split))
    return all(int(example[name]) < 0 for example in examples for name in classes)


def _check_hosts(source: str, builder: Any) -> None:
    """Without a network, tfds would try for minutes before it gave up."""
    hosts = {urllib.parse.urlsplit(url).hostname for url in builder.url_infos or ()}
    # Behind a proxy, names may be known to the proxy alone.
    if not hosts or urllib.request.getproxies() or any(map(_is_known, hosts)):
        return
    names = ", ".join(sorted(map(str, hosts)))
    raise DataError(
        f"{source}: not prepared here, and cannot be downloaded: no way to {names}"
    )


def _is_known(host: str | None) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0]
