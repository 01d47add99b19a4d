"""The engine behind a network that fails: no wrong value, no silent invalidation, no hang."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from faults.proxy import Proxy
from servers import until

resilicache = pytest.importorskip("resilicache")

AWAY = (resilicache.TimeoutError, resilicache.UnavailableError)
DEADLINE_S = 1.0
SLACK_S = 5.0  # of a machine that has other things to do


@pytest.fixture
def cache(proxy: Proxy) -> Iterator[resilicache.Cache]:
    with resilicache.Cache(f"{proxy.url}?prefix={uuid.uuid4().hex}:") as opened:
        yield opened


def never() -> bytes:
    raise AssertionError("nothing is to be loaded")


def comes_back(cache: resilicache.Cache) -> bytes:
    """What is fetched once a pause between two attempts to connect is over."""

    def fetched() -> list[bytes]:
        try:
            return [cache.fetch("k", 10, lambda: b"reloaded", strong=True)]
        except AWAY:
            return []

    value: bytes = until(fetched, "the server is reached again")[0]
    return value


def test_latency_changes_nothing(proxy: Proxy, cache: resilicache.Cache) -> None:
    proxy.delay(0.05)
    assert cache.fetch("k", 10, lambda: b"one") == b"one"
    cache.invalidate("k")
    assert cache.fetch("k", 10, lambda: b"two", strong=True) == b"two"


@pytest.mark.parametrize("after", [0, 1, 4, 9, 30, 100])
def test_what_was_cut_is_asked_again(proxy: Proxy, cache: resilicache.Cache, after: int) -> None:
    assert cache.fetch("k", 10, lambda: b"v" * 200) == b"v" * 200
    accepted = proxy.accepted
    proxy.cut(after)
    assert cache.fetch("k", 10, never, deadline=20) == b"v" * 200
    until(lambda: proxy.accepted > accepted, "the connection is made again")


@pytest.mark.parametrize("after", [0, 1, 9])
def test_an_invalidation_that_was_cut_is_done(proxy: Proxy, cache: resilicache.Cache, after: int) -> None:
    cache.set("k", b"one", 10)
    proxy.cut(after)
    cache.invalidate("k", deadline=20)
    assert cache.fetch("k", 10, lambda: b"two", strong=True, deadline=20) == b"two"


def test_a_slow_reply_is_waited_for_as_long_as_it_comes(proxy: Proxy, cache: resilicache.Cache) -> None:
    value = b"v" * 100_000
    cache.set("k", value, 60)
    proxy.drip(2000, 0.02)  # in all longer than op_timeout
    assert cache.fetch("k", 10, never, deadline=30) == value


def test_a_black_hole_ends_at_the_deadline(proxy: Proxy, cache: resilicache.Cache) -> None:
    cache.set("k", b"v", 60)
    proxy.swallow()
    begin = time.monotonic()
    with pytest.raises(AWAY):
        cache.fetch("k", 10, never, strong=True, deadline=DEADLINE_S)
    with pytest.raises(AWAY):
        cache.invalidate("k", deadline=DEADLINE_S)
    assert time.monotonic() - begin < 2 * DEADLINE_S + SLACK_S
    proxy.clear()
    assert comes_back(cache) in (b"v", b"reloaded")  # the invalidation may be carried out now


def test_nobody_listens(proxy: Proxy, cache: resilicache.Cache) -> None:
    assert cache.fetch("k", 10, lambda: b"v") == b"v"
    proxy.refuse()
    with pytest.raises(AWAY):
        cache.fetch("k", 10, never, strong=True, deadline=DEADLINE_S)
    assert cache.fetch("k", 10, lambda: b"past it") == b"past it"
    with pytest.raises(AWAY):
        cache.invalidate("k", deadline=DEADLINE_S)
    proxy.clear()
    assert comes_back(cache) == b"reloaded"  # what was queued is carried out before the key is believed again
