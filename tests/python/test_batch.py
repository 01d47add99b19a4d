"""fetch_batch: many keys at once."""

from __future__ import annotations

import time

import pytest

import resilicache
from resilicache import Cache


def test_all_keys_in_order_with_absent_ones(cache: Cache) -> None:
    cache.set("b", b"there", 10)
    asked: list[list[str]] = []

    def loader(missing: list[str]) -> dict[str, bytes | None]:
        asked.append(missing)
        return {"a": b"loaded", "c": None}

    assert list(cache.fetch_batch(["a", "b", "c"], 10, loader).items()) == [
        ("a", b"loaded"),
        ("b", b"there"),
        ("c", None),
    ]
    assert asked == [["a", "c"]]
    assert cache.fetch_batch(["c", "a"], 10, loader) == {"c": None, "a": b"loaded"}
    assert len(asked) == 1


def test_no_keys(cache: Cache) -> None:
    assert cache.fetch_batch([], 10, lambda missing: pytest.fail("nothing is missing")) == {}


def test_keys_may_repeat_and_come_from_any_iterable(cache: Cache) -> None:
    asked: list[str] = []

    def loader(missing: list[str]) -> dict[str, bytes]:
        asked.extend(missing)
        return {key: key.encode() for key in missing}

    assert cache.fetch_batch((key for key in ["a", "b", "a"]), 10, loader) == {"a": b"a", "b": b"b"}
    assert sorted(asked) == ["a", "b"]


def test_the_same_key_as_text_and_as_bytes(cache: Cache) -> None:
    keys: list[str | bytes] = ["a", b"a"]
    values = cache.fetch_batch(keys, 10, lambda missing: dict.fromkeys(missing, b"v"))  # type: ignore[type-var]
    assert values == {"a": b"v", b"a": b"v"}


def test_a_key_that_the_loader_forgets_fails_and_the_others_are_told(cache: Cache) -> None:
    with pytest.raises(resilicache.LoaderError, match="returned nothing for this key") as caught:
        cache.fetch_batch(["a", "b", "c"], 10, lambda missing: {"a": b"1", "c": b"3"})
    assert caught.value.key == "b"
    assert caught.value.results == {"a": b"1", "c": b"3"}
    assert cache.fetch_batch(["a", "b"], 10, lambda missing: {"b": b"2"}) == {"a": b"1", "b": b"2"}


def test_keys_that_nobody_asked_for_are_not_stored(cache: Cache) -> None:
    cache.fetch_batch(["a"], 10, lambda missing: {"a": b"1", "b": b"2"})
    assert cache.get("b") is None


def test_strong_batches_are_new(cache: Cache) -> None:
    cache.fetch_batch(["a", "b"], 10, lambda missing: dict.fromkeys(missing, b"old"))
    cache.invalidate("a")
    values = cache.fetch_batch(["a", "b"], 10, lambda missing: dict.fromkeys(missing, b"new"), strong=True)
    assert values == {"a": b"new", "b": b"old"}


def test_ten_thousand_keys(cache: Cache) -> None:
    keys = [f"key:{number}" for number in range(10_000)]
    loaded = cache.fetch_batch(keys, 60, lambda missing: {key: key.encode() for key in missing}, deadline=30)
    assert loaded == {key: key.encode() for key in keys}
    begun = time.monotonic()
    cached = cache.fetch_batch(keys, 60, lambda missing: pytest.fail("all are there"), deadline=30)
    assert time.monotonic() - begun < 2
    assert cached == loaded
    assert cache.delete(*keys) == 10_000


def test_values_of_all_sizes_in_one_batch(cache: Cache) -> None:
    values = {f"k{size}": b"v" * size for size in (0, 1, 100, 5_000, 70_000, 1_000_000)}
    for _ in range(2):
        assert cache.fetch_batch(list(values), 60, lambda missing: values) == values
