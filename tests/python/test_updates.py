"""Updates: a transaction under a lock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from conftest import eventually

import resilicache
from resilicache import AsyncCache, Cache, Update


def owner_of(cache: Cache, key: str) -> object:
    entry = cache.inspect(key)
    return None if entry is None else entry.get("owner")


def test_locked_within_and_invalidated_after(cache: Cache) -> None:
    cache.set("k", b"old", 10)

    def transaction(update: Update) -> str:
        assert cache.inspect("k")["state"] == "locked"  # type: ignore[index]
        assert not update.lost
        update.check()
        return f"done {update.key}"

    assert cache.update("k", transaction) == "done k"
    assert cache.fetch("k", 10, lambda: b"new", strong=True) == b"new"


def test_what_the_transaction_raises_is_raised_and_the_key_is_invalidated(cache: Cache) -> None:
    cache.set("k", b"old", 10)
    failure = KeyError("rolled back")

    def transaction(update: Update) -> None:
        raise failure

    with pytest.raises(KeyError) as caught:
        cache.update("k", transaction)
    assert caught.value is failure
    assert cache.fetch("k", 10, lambda: b"new", strong=True) == b"new"


def test_what_ends_the_program_is_raised_and_the_key_is_unlocked(cache: Cache) -> None:
    def transaction(update: Update) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.update("k", transaction, lease=60)
    cache.lock("k", "another", wait=True, deadline=10)


def test_fences_rise_and_are_those_of_locks(cache: Cache) -> None:
    first = cache.update("k", lambda update: update.fence)
    second = cache.lock("k", "writer 7")
    cache.unlock("k", "writer 7")
    assert first < second < cache.update("k", lambda update: update.fence)


def test_the_lock_is_renewed_while_the_transaction_runs(cache: Cache) -> None:
    def transaction(update: Update) -> None:
        eventually(lambda: int(cache.stats()["leases_renewed"]) >= 2)
        assert not update.lost

    cache.update("k", transaction, lease=2)


def test_a_lock_that_was_lost_is_told_within_and_on_the_way_out(cache: Cache) -> None:
    seen: list[Update] = []

    def transaction(update: Update) -> None:
        seen.append(update)
        cache.delete("k")
        cache.lock("k", "another", lease=60)
        eventually(lambda: update.lost)
        with pytest.raises(resilicache.LostError):
            update.check()

    with pytest.raises(resilicache.LostError) as caught:
        cache.update("k", transaction, lease=0.1, owner="me")
    assert caught.value.key == "k"
    assert owner_of(cache, "k") == "another"
    assert seen[0].lost
    assert "lost" in repr(seen[0])


def test_another_s_lock_is_waited_for_until_the_deadline(cache: Cache) -> None:
    cache.lock("k", "another", lease=0.3)
    with pytest.raises(resilicache.TimeoutError):
        cache.update("k", lambda update: pytest.fail("it is another's"), deadline=0.05)
    assert cache.update("k", lambda update: 7) == 7


def test_with_an_intent_nobody_is_given_the_old_value(cache: Cache) -> None:
    cache.set("k", b"old", 10)

    def transaction(update: Update) -> bytes | None:
        with pytest.raises(resilicache.TimeoutError):
            cache.fetch("k", 10, lambda: b"new", deadline=0.1)
        return cache.get("k")

    assert cache.update("k", transaction, intent=True) is None
    assert cache.fetch("k", 10, lambda: b"new") == b"new"


def test_arguments_of_no_use_are_told(cache: Cache) -> None:
    with pytest.raises(TypeError, match="a transaction is a function"):
        cache.update("k", None)  # type: ignore[arg-type]
    with pytest.raises(resilicache.LimitError):
        cache.update("k", lambda update: None, owner="o" * 256)
    cache.close()
    with pytest.raises(resilicache.ClosedError):
        cache.update("k", lambda update: None)


def test_an_update_after_its_end_can_be_asked(cache: Cache) -> None:
    update = cache.update("k", lambda update: update)
    assert not update.lost
    update.check()


# ---- awaited ----


def run(url: str, play: Callable[[AsyncCache], object]) -> None:
    async def main() -> None:
        async with AsyncCache(url) as cache:
            await play(cache)  # type: ignore[misc]

    asyncio.run(main())


def test_awaited_it_is_the_same(url: str) -> None:
    async def play(cache: AsyncCache) -> None:
        async def transaction(update: Update) -> int:
            await asyncio.sleep(0)
            assert (await cache.inspect("k"))["state"] == "locked"  # type: ignore[index]
            return update.fence

        first = await cache.update("k", transaction)
        assert await cache.update("k", lambda update: update.fence) > first

        async def fails(update: Update) -> None:
            raise KeyError("rolled back")

        with pytest.raises(KeyError):
            await cache.update("k", fails)
        await cache.delete("k")

        async def loses(update: Update) -> None:
            await cache.delete("k")
            while not update.lost:
                await asyncio.sleep(0.01)

        with pytest.raises(resilicache.LostError):
            await cache.update("k", loses, lease=0.1)

    run(url, play)


def test_awaited_it_may_have_an_intent_as_a_lock_may(url: str) -> None:
    async def play(cache: AsyncCache) -> None:
        async def transaction(update: Update) -> bytes | None:
            with pytest.raises(resilicache.TimeoutError):
                await cache.fetch("k", 10, lambda: b"new", deadline=0.1)
            return await cache.get("k")

        await cache.set("k", b"old", 10)
        assert await cache.update("k", transaction, intent=True) is None
        await cache.set("k", b"old", 10)
        async with cache.lock_for_update("k", intent=True):
            assert await cache.get("k") is None

    run(url, play)


def test_where_its_caller_is_cancelled_the_transaction_is_and_the_key_is_unlocked(url: str) -> None:
    async def play(cache: AsyncCache) -> None:
        begun, ended = asyncio.Event(), []

        async def transaction(update: Update) -> None:
            begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(update.key)

        task = asyncio.ensure_future(cache.update("k", transaction, lease=60))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["k"]
        await cache.lock("k", "another")

    run(url, play)


def test_where_its_caller_is_cancelled_before_it_is_never_run(url: str) -> None:
    async def play(cache: AsyncCache) -> None:
        await cache.lock("k", "another", lease=60)
        task = asyncio.ensure_future(cache.update("k", lambda update: pytest.fail("nobody wants it"), lease=60))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await cache.unlock("k", "another")
        await cache.lock("k", "one more", wait=True, deadline=20)

    run(url, play)
