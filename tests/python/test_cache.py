"""Each call on one key, on memory and on every server."""

from __future__ import annotations

import pickle
import re
from datetime import timedelta

import pytest

import resilicache
from conftest import eventually
from resilicache import Cache


def test_set_get_delete(cache: Cache) -> None:
    assert cache.get("user:1") is None
    cache.set("user:1", b"tester", ttl=10)
    assert cache.get("user:1") == b"tester"
    assert cache.delete("user:1", "user:2") == 1
    assert cache.get("user:1") is None
    assert cache.delete("user:1") == 0
    assert cache.delete() == 0


def test_fetch_loads_once_and_then_hits(cache: Cache) -> None:
    calls = []
    for _ in range(3):
        assert cache.fetch("user:1", ttl=10, loader=lambda: calls.append(1) or b"tester") == b"tester"
    assert len(calls) == 1


def test_absent_is_remembered_and_is_not_an_empty_value(cache: Cache) -> None:
    calls = []
    for _ in range(2):
        assert cache.fetch("nobody", ttl=10, loader=lambda: calls.append(1)) is None
    assert len(calls) == 1
    assert cache.fetch("empty", ttl=10, loader=lambda: b"") == b""
    assert cache.get("empty") == b""


def test_strong_never_returns_what_was_invalidated(cache: Cache) -> None:
    cache.fetch("user:1", ttl=10, loader=lambda: b"old")
    cache.invalidate("user:1")
    assert cache.fetch("user:1", ttl=10, loader=lambda: b"new", strong=True) == b"new"


def test_eventual_returns_the_old_value_and_refreshes_behind(cache: Cache) -> None:
    cache.fetch("user:1", ttl=10, loader=lambda: b"old")
    cache.invalidate("user:1")
    assert cache.fetch("user:1", ttl=10, loader=lambda: b"new", strong=False) == b"old"
    eventually(lambda: cache.get("user:1") == b"new")
    assert cache.fetch("user:1", ttl=10, loader=lambda: b"newer", strong=False) == b"new"


def test_invalidate_takes_many_keys_and_none(cache: Cache) -> None:
    for key in ("a", "b"):
        cache.fetch(key, ttl=10, loader=lambda: b"old")
    cache.invalidate("a", "b", "never there")
    cache.invalidate()
    for key in ("a", "b"):
        assert cache.fetch(key, ttl=10, loader=lambda: b"new", strong=True) == b"new"


def test_raw_calls_see_the_value_alone(cache: Cache) -> None:
    cache.set("user:1", b"tester", ttl=10)
    cache.invalidate("user:1")
    assert cache.raw_get("user:1") == b"tester"
    cache.raw_set("user:1", b"raw", ttl=10)
    assert cache.raw_get("user:1") == b"raw"
    assert cache.raw_get("nobody") is None


def test_ttl_ends(cache: Cache) -> None:
    cache.set("short", b"x", ttl=timedelta(milliseconds=20))
    eventually(lambda: cache.get("short") is None)


def test_ttl_is_what_was_said(url: str) -> None:
    with Cache(url, random_expire_adjustment=0) as cache:
        cache.set("a", b"x", ttl=timedelta(minutes=2))
        entry = cache.inspect("a")
        assert entry is not None
        assert 110_000 < int(entry["ttl_ms"]) <= 120_000


def test_inspect(cache: Cache) -> None:
    assert cache.inspect("user:1") is None
    cache.set("user:1", b"tester", ttl=10)
    entry = cache.inspect("user:1")
    assert entry is not None and entry["state"] == "fresh" and entry["size"] == 6
    cache.invalidate("user:1")
    entry = cache.inspect("user:1")
    assert entry is not None and entry["state"] == "invalidated"


@pytest.mark.parametrize("size", [0, 1, 3999, 4000, 4001, 1 << 16, (1 << 16) + 1, 1 << 20, 64 << 20])
def test_values_of_every_size(url: str, size: int) -> None:
    value = (bytes(range(256)) * (size // 256 + 1))[:size]
    with Cache(url, deadline=60, op_timeout=30) as cache:
        cache.set("set", value, ttl=60)
        assert cache.get("set") == value
        assert cache.fetch("fetch", ttl=60, loader=lambda: value) == value
        assert cache.fetch("fetch", ttl=60, loader=lambda: pytest.fail("it is there")) == value
        assert cache.delete("set", "fetch") == 2


def test_values_may_be_any_bytes_like(cache: Cache) -> None:
    for value in (b"abc", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"aXbXcX")[::2]):
        cache.set("k", value, ttl=10)
        assert cache.get("k") == b"abc"
        cache.delete("k")
        assert cache.fetch("k", ttl=10, loader=lambda value=value: value) == b"abc"


@pytest.mark.parametrize("key", ["", "ключ", "a b\r\n", "\0", bytes(range(256)), b"\xff", "k" * 10_000])
def test_keys_of_any_bytes(cache: Cache, key: str | bytes) -> None:
    cache.set(key, b"value", ttl=10)
    assert cache.get(key) == b"value"
    assert cache.fetch(key, ttl=10, loader=lambda: b"other") == b"value"
    assert cache.fetch_batch([key], ttl=10, loader=lambda missing: {}) == {key: b"value"}
    assert cache.delete(key) == 1


def test_text_and_bytes_name_the_same_key(cache: Cache) -> None:
    cache.set("ключ", b"value", ttl=10)
    assert cache.get("ключ".encode()) == b"value"


def test_stats_count(cache: Cache) -> None:
    cache.fetch("k", ttl=10, loader=lambda: b"x")
    cache.fetch("k", ttl=10, loader=lambda: b"x")
    stats = cache.stats()
    assert stats["hits"] == 1 and stats["loads"] == 1


def test_options_of_every_type(shared_url: str) -> None:
    cache = Cache(
        shared_url,
        strong_consistency=True,
        lock_expire=timedelta(seconds=3),
        delay="10s",
        empty_expire=0.5,
        connections=1,
        random_expire_adjustment=0.05,
    )
    with cache:
        assert cache.fetch("k", ttl=1, loader=lambda: b"x") == b"x"


def test_options_are_described() -> None:
    options = {option.name: option for option in resilicache.options()}
    assert options["lock_expire"].default == "3s"
    assert options["strong_consistency"].type == "boolean"
    assert all(option.help for option in options.values())


def test_features_are_told() -> None:
    assert resilicache.has("memory")
    assert not resilicache.has("no such thing")
    assert re.fullmatch(r"\d+\.\d+\.\d+", resilicache.__version__)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("memory://", "memory://"),
        ("redis://user:secret@127.0.0.1:1/0", "redis://***@127.0.0.1:1/0"),
        ("redis://:sec@ret@127.0.0.1:1", "redis://***@127.0.0.1:1"),
    ],
)
def test_repr_hides_passwords(url: str, shown: str) -> None:
    try:
        cache = Cache(url)
    except resilicache.InvalidError as error:
        assert "ret" not in str(error)
        return
    assert repr(cache) == f"<resilicache.Cache {shown}>"
    cache.close()
    assert repr(cache) == f"<resilicache.Cache {shown} closed>"


def test_pickling_is_refused() -> None:
    with Cache() as cache, pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(cache)


def test_errors_survive_pickling() -> None:
    error = resilicache.errors.error_of(-6, "too late", "user:1")
    error.results = {"a": b"b"}
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is resilicache.TimeoutError
    assert (str(copy), copy.key, copy.results, copy.status_name) == (
        "too late",
        "user:1",
        {"a": b"b"},
        "RCACHE_E_TIMEOUT",
    )
    assert copy.retriable


def test_options_are_set_while_it_is_in_use(cache: Cache) -> None:
    cache.set("k", b"old", 10)
    with pytest.raises(resilicache.MisuseError, match="disable_cache_read=yes first"):
        cache.set_option("disable_cache_delete", True)
    cache.set_option("disable_cache_read", True)
    assert cache.fetch("k", 10, lambda: b"new") == b"new"
    cache.set_option("disable_cache_delete", "yes")
    cache.invalidate("k")
    with pytest.raises(resilicache.MisuseError, match="disable_cache_delete=no first"):
        cache.set_option("disable_cache_read", False)
    cache.set_option("disable_cache_delete", False)
    cache.set_option("disable_cache_read", False)
    assert cache.fetch("k", 10, lambda: b"newer") == b"old"
    with pytest.raises(resilicache.InvalidError, match="'delay' can't be changed"):
        cache.set_option("delay", 3)
    with pytest.raises(TypeError):
        cache.set_option(1, True)  # type: ignore[arg-type]
