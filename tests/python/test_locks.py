"""The lock for update."""

from __future__ import annotations

import json
import threading
import time

import pytest

import resilicache
from resilicache import Cache


def state(cache: Cache, key: str) -> object:
    entry = cache.inspect(key)
    return None if entry is None else entry["state"]


def test_locked_within_and_invalidated_after(cache: Cache) -> None:
    cache.set("k", b"old", 10)
    with cache.lock_for_update("k") as lock:
        assert state(cache, "k") == "locked"
        assert cache.fetch("k", 10, lambda: pytest.fail("nobody loads while it is locked"), strong=False) == b"old"
        lock.renew(lease=5)
    assert cache.fetch("k", 10, lambda: b"new", strong=True) == b"new"


def test_invalidated_also_after_an_exception(cache: Cache) -> None:
    cache.set("k", b"old", 10)
    with pytest.raises(KeyError), cache.lock_for_update("k"):
        raise KeyError("rolled back")
    assert cache.fetch("k", 10, lambda: b"new", strong=True) == b"new"


def test_owners_differ_and_may_be_chosen(cache: Cache) -> None:
    assert cache.lock_for_update("k").owner != cache.lock_for_update("k").owner
    with cache.lock_for_update("k", "writer 7") as lock:
        assert lock.owner == "writer 7"
        cache.lock("k", "writer 7")


def test_fences_rise_from_lock_to_lock(cache: Cache) -> None:
    fences = []
    for _ in range(3):
        with cache.lock_for_update("k", "writer 7") as lock:
            fences += [lock.fence, cache.lock("k", "writer 7")]
        cache.delete("k")
    assert fences == sorted(set(fences))
    assert abs(fences[0] / 1e6 - time.time()) < 3600


def test_another_owner_is_refused_or_waits(cache: Cache) -> None:
    cache.lock("k", "one", lease=10)
    with pytest.raises(resilicache.LostError) as caught, cache.lock_for_update("k", wait=False):
        pass
    assert caught.value.key == "k"
    with pytest.raises(resilicache.TimeoutError), cache.lock_for_update("k", deadline=0.1):
        pass
    timer = threading.Timer(0.1, cache.unlock, ("k", "one"))
    timer.start()
    begun = time.monotonic()
    with cache.lock_for_update("k", deadline=5):
        assert time.monotonic() - begun < 4
    timer.join()


def test_a_lock_ends_by_itself(cache: Cache) -> None:
    cache.lock("k", "one", lease=0.05)
    with cache.lock_for_update("k", "two", deadline=5):
        with pytest.raises(resilicache.LostError):
            cache.renew("k", "one")
        with pytest.raises(resilicache.LostError):
            cache.unlock("k", "one")


def test_a_lock_that_was_lost_is_told(cache: Cache) -> None:
    with pytest.raises(resilicache.LostError), cache.lock_for_update("k", lease=0.05, owner="one"):
        cache.lock("k", "two", wait=True)
    cache.unlock("k", "two")


def test_an_exception_of_the_block_comes_before_that_of_the_unlock(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyError), cache.lock_for_update("k", lease=0.05, owner="one"):
        cache.lock("k", "two", wait=True)
        raise KeyError("rolled back")
    assert "could not be unlocked" in caplog.text


def test_strong_readers_wait_for_the_writer(cache: Cache) -> None:
    cache.set("k", b"old", 10)
    values: list[bytes | None] = []
    with cache.lock_for_update("k"):
        reader = threading.Thread(target=lambda: values.append(cache.fetch("k", 10, lambda: b"new", strong=True)))
        reader.start()
        reader.join(0.1)
        assert values == []
    reader.join(10)
    assert values == [b"new"]


def test_with_an_intent_nobody_is_given_the_old_value(cache: Cache) -> None:
    cache.set("k", b"old", 10)
    with cache.lock_for_update("k", intent=True):
        with pytest.raises(resilicache.TimeoutError):
            cache.fetch("k", 10, lambda: b"new", deadline=0.1)
        assert cache.get("k") is None
    assert cache.fetch("k", 10, lambda: b"new") == b"new"


def test_typed_caches_have_intents(cache: Cache) -> None:
    cache.set("k", b"1", 10)
    with cache.typed(json).lock_for_update("k", intent=True):
        assert cache.get("k") is None
