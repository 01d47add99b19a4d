"""What can't be is refused, by an exception that names it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

import resilicache
from resilicache import Cache


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache() as opened:
        yield opened


def loader() -> bytes:
    return b"value"


BAD_CALLS: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda c: c.get(7), TypeError, "key is str or bytes, not int"),
    (lambda c: c.get(None), TypeError, "not NoneType"),
    (lambda c: c.get(bytearray(b"k")), TypeError, "not bytearray"),
    (lambda c: c.get("\ud800"), ValueError, "surrogates"),
    (lambda c: c.delete("a", 7), TypeError, "not int"),
    (lambda c: c.invalidate(["a"]), TypeError, "not list"),
    (lambda c: c.set("k", "text", 10), TypeError, "not str: encode it"),
    (lambda c: c.set("k", {"a": 1}, 10), TypeError, r"not dict: or use a typed cache: cache.typed\(json\)"),
    (lambda c: c.set("k", None, 10), TypeError, "not NoneType"),
    (lambda c: c.set("k", b"v", 0), ValueError, "ttl is a time above zero"),
    (lambda c: c.set("k", b"v", -1), ValueError, "ttl"),
    (lambda c: c.set("k", b"v", math.nan), ValueError, "ttl"),
    (lambda c: c.set("k", b"v", math.inf), ValueError, "ttl"),
    (lambda c: c.set("k", b"v", 1e300), ValueError, "ttl"),
    (lambda c: c.set("k", b"v", 10**400), ValueError, "ttl"),
    (lambda c: c.set("k", b"v", timedelta(0)), ValueError, "ttl"),
    (lambda c: c.set("k", b"v", True), TypeError, "ttl is a number of seconds or a timedelta, not bool"),
    (lambda c: c.set("k", b"v", "10s"), TypeError, "not str"),
    (lambda c: c.set("k", b"v", None), TypeError, "not NoneType"),
    (lambda c: c.fetch("k", 0, loader), ValueError, "ttl"),
    (lambda c: c.fetch("k", 10, b"value"), TypeError, "a loader is a function, not bytes"),
    (lambda c: c.fetch("k", 10, loader, deadline=0), ValueError, "deadline"),
    (lambda c: c.fetch("k", 10, loader, deadline="1s"), TypeError, "deadline"),
    (lambda c: c.fetch("k", 10, loader, strong="yes"), TypeError, "strong is True, False or None, not str"),
    (lambda c: c.fetch("k", 10, lambda: "text"), TypeError, "not str"),
    (lambda c: c.fetch("k", 10, lambda: 7), TypeError, "not int"),
    (lambda c: c.fetch_batch("key", 10, loader), TypeError, "not one str"),
    (lambda c: c.fetch_batch(7, 10, loader), TypeError, "iterable"),
    (lambda c: c.fetch_batch([7], 10, loader), TypeError, "not int"),
    (lambda c: c.fetch_batch(["k"], 10, None), TypeError, "a loader is a function"),
    (lambda c: c.fetch_batch(["k"], 10, lambda missing: [b"v"]), TypeError, "returns a dict"),
    (lambda c: c.fetch_batch(["k"], 10, lambda missing: {"k": 7}), TypeError, "not int"),
    (lambda c: c.lock("k", 7), TypeError, "not int"),
    (lambda c: c.lock("k", "owner", lease=-1), ValueError, "lease"),
    (lambda c: c.typed(7), TypeError, "dumps and loads"),
    (lambda c: c.typed(json).set("k", None, 10), TypeError, "None can't be stored"),
    (lambda c: c.typed(json).set("k", {1, 2}, 10), TypeError, "not JSON serializable"),
    (lambda c: c.cached("user:{id}", ttl=0), ValueError, "ttl"),
    (lambda c: c.cached("user:{name}", ttl=1)(lambda id: b""), ValueError, "no parameter"),
    (lambda c: c.cached("user:{}", ttl=1)(lambda id: b""), ValueError, "no parameter"),
    (lambda c: Cache(7), TypeError, "a URL is str"),
    (lambda c: Cache("memory://\0"), ValueError, "NUL"),
    (lambda c: Cache("http://localhost"), resilicache.InvalidError, "http"),
    (lambda c: Cache(lock_expire="soon"), resilicache.InvalidError, "lock_expire"),
    (lambda c: Cache(lock_expir="3s"), resilicache.InvalidError, "lock_expire"),
    (lambda c: Cache(lock_expire=None), TypeError, "option lock_expire is"),
    (lambda c: Cache(lock_expire=-1), resilicache.InvalidError, "lock_expire"),
    (lambda c: Cache(lock_expire=math.nan), resilicache.InvalidError, "lock_expire"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD_CALLS)
def test_is_refused(cache: Cache, call: Callable[[Any], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(cache)
    assert cache.fetch("k", 10, loader) == b"value", "the cache still works, and nothing was stored"


def test_coroutine_functions_are_refused(cache: Cache) -> None:
    async def user(id: int) -> bytes:
        return b""

    with pytest.raises(TypeError, match="coroutine function"):
        cache.cached("user:{id}", ttl=1)(user)


def test_too_large_a_key_is_over_a_limit(cache: Cache) -> None:
    with pytest.raises(resilicache.LimitError) as caught:
        cache.get("k" * (2 << 20))
    assert caught.value.status_name == "RCACHE_E_LIMIT" and caught.value.key is not None


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (resilicache.InvalidError, ValueError),
        (resilicache.TimeoutError, TimeoutError),
        (resilicache.UnavailableError, ConnectionError),
        (resilicache.OutOfMemoryError, MemoryError),
    ],
)
def test_errors_are_what_python_programs_catch(kind: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(kind, builtin) and issubclass(kind, resilicache.Error)


def test_every_status_has_a_class_of_its_own() -> None:
    classes = [type(resilicache.errors.error_of(-number, "")) for number in range(1, 17)]
    assert len(set(classes)) == 16 and resilicache.Error not in classes
    assert all(kind.__name__ in resilicache.__all__ for kind in classes)
