from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import ml_dtypes
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.data.features import FeatureCache, Features


def numbers(rows, width=4, dtype="float32", seed=0):
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(dtype)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def put(cache, key, values):
    return cache.write(key, values.shape, str(values.dtype), [values])


def test_vectors_of_rows_padded():
    values = numbers(6)
    features = Features(values, np.array([4, 0, 3]), np.array([2, 3, 1]))
    padded = features.collate(np.array([1, 2]), 5)
    assert padded.shape == (2, 5, 4) and padded.dtype == "float32"
    np.testing.assert_array_equal(padded[0, :3], values[:3])
    np.testing.assert_array_equal(padded[1, :1], values[3:4])
    assert not padded[0, 3:].any() and not padded[1, 1:].any()
    one = Features(values, np.array([5, 2, 0]))
    np.testing.assert_array_equal(one.collate(np.array([0, 2]), 9), values[[5, 0]])


@pytest.mark.parametrize("dtype", ["float32", "float16", ml_dtypes.bfloat16])
def test_what_was_written_is_read(tmp_path, dtype):
    values = numbers(5, dtype=dtype)
    name = str(np.dtype(dtype))
    cache = FeatureCache(tmp_path / "new" / "folder")
    assert cache.read("k", (5, 4), name) is None
    written = cache.write("k", (5, 4), name, [values[:2], values[2:2], values[2:]])
    for found in (written, FeatureCache(cache.path).read("k", (5, 4), name)):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, values)
    assert cache.read("other", (5, 4), name) is None
    assert files(cache.path) == ["k.features"]


@pytest.mark.parametrize("damage", ["cut", "grown", "flipped", "empty", "shape"])
def test_a_damaged_entry_is_not_used(tmp_path, damage):
    cache = FeatureCache(tmp_path)
    put(cache, "k", numbers(5))
    path = tmp_path / "k.features"
    content = bytearray(path.read_bytes())
    shape = (5, 4)
    if damage == "cut":
        del content[-1]
    elif damage == "grown":
        content.append(0)
    elif damage == "flipped":
        content[17] ^= 1
    elif damage == "empty":
        content.clear()
    else:
        shape = (5, 8)
    path.write_bytes(content)
    assert cache.read("k", shape, "float32") is None
    put(cache, "k", numbers(5))
    np.testing.assert_array_equal(cache.read("k", (5, 4), "float32"), numbers(5))


def test_what_was_used_longest_ago_goes_first(tmp_path):
    size = 5 * 4 * 4 + 4
    cache = FeatureCache(tmp_path, max_bytes=3 * size)
    for age, key in enumerate(["a", "b", "c"]):
        put(cache, key, numbers(5))
        past = time.time() - 100 + age
        os.utime(tmp_path / f"{key}.features", (past, past))
    cache.read("a", (5, 4), "float32")
    put(cache, "d", numbers(5))
    assert files(tmp_path) == ["a.features", "c.features", "d.features"]
    (tmp_path / "mine.txt").write_text("x" * 1000)  # neither counted nor deleted
    put(cache, "e", numbers(9))
    assert len(files(tmp_path)) == 3 and {"e.features", "mine.txt"} < set(
        files(tmp_path)
    )


def test_an_evicted_entry_in_use_stays_readable(tmp_path):
    cache = FeatureCache(tmp_path, max_bytes=100)
    values = put(cache, "a", numbers(5))
    put(cache, "b", numbers(5))
    assert files(tmp_path) == ["b.features"]
    np.testing.assert_array_equal(values, numbers(5))


def test_nothing_is_left_of_what_failed(tmp_path):
    def blocks():
        yield numbers(2)
        raise KeyboardInterrupt

    cache = FeatureCache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cache.write("k", (5, 4), "float32", blocks())
    assert files(tmp_path) == []


def test_half_written_files_of_killed_processes_go_after_a_day(tmp_path):
    for name, age in (("old.partial", 25), ("new.partial", 23)):
        (tmp_path / name).write_bytes(b"x")
        past = time.time() - 3600 * age
        os.utime(tmp_path / name, (past, past))
    put(FeatureCache(tmp_path), "k", numbers(5))
    assert files(tmp_path) == ["k.features", "new.partial"]


def test_what_others_are_writing_counts(tmp_path):
    cache, sizes = FeatureCache(tmp_path, max_bytes=200), []
    put(cache, "old", numbers(5))

    def blocks():
        (partial,) = tmp_path.glob("*.partial")
        sizes.append(partial.stat().st_size)
        put(cache, "other", numbers(5))  # beside this one there is no room for "old"
        yield numbers(5)

    cache.write("k", (5, 4), "float32", blocks())
    assert sizes == [5 * 4 * 4 + 4]
    assert files(tmp_path) == ["k.features", "other.features"]
    np.testing.assert_array_equal(cache.read("k", (5, 4), "float32"), numbers(5))


def test_several_writers_of_one_entry(tmp_path):
    cache = FeatureCache(tmp_path, max_bytes=200)

    def work(number):
        key = f"k{number % 3}"
        values = numbers(5, seed=number % 3)
        for _ in range(20):
            np.testing.assert_array_equal(put(cache, key, values), values)
            found = cache.read(key, (5, 4), "float32")
            assert found is None or np.array_equal(found, values)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert all(name.endswith(".features") for name in files(tmp_path))


def test_the_default_folder_is_in_kerass(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert FeatureCache().path == tmp_path / "tfreg" / "features"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FeatureCache().path == tmp_path / ".keras" / "tfreg" / "features"


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    cache = FeatureCache(tmp_path / "file")
    assert cache.read("k", (5, 4), "float32") is None
    with pytest.raises(OSError):
        put(cache, "k", numbers(5))


def test_impossible_arguments():
    with pytest.raises(
        InputError, match="`folder` must be the name of a folder; got 3"
    ):
        FeatureCache(3)
    with pytest.raises(
        InputError, match="`max_bytes` must be an integer of at least 1"
    ):
        FeatureCache("x", max_bytes=0)
