"""The cache for asyncio, on memory and on every server.

All in one file, as its subject is.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import resilicache
from resilicache import AsyncCache

Test = Callable[[AsyncCache], Coroutine[Any, Any, None]]


class Broken(Exception):
    pass


def on_cache(test: Test) -> Callable[[str], None]:
    """Runs a coroutine function with a cache on each `url`; nothing may be left behind."""

    def run(url: str) -> None:
        async def main() -> None:
            async with AsyncCache(url) as cache:
                await asyncio.wait_for(test(cache), 30)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def eventually(condition: Callable[[], Awaitable[object]], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end, f"not so within {seconds} s"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def held_loader(
    cache: AsyncCache, key: str, **how: Any
) -> AsyncIterator[tuple[asyncio.Task[Any], asyncio.Event]]:
    """A fetch whose loader has begun, and what lets it go on."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def loader() -> bytes:
        begun.set()
        await go_on.wait()
        return b"first"

    task = asyncio.create_task(cache.fetch(key, 10, loader, **how))
    await begun.wait()
    yield task, go_on
    go_on.set()
    await asyncio.gather(task, return_exceptions=True)


@on_cache
async def test_set_get_delete(cache: AsyncCache) -> None:
    assert await cache.get("k") is None
    await cache.set("k", b"tester", ttl=10)
    assert await cache.get("k") == b"tester"
    assert await cache.delete("k", "other") == 1
    assert await cache.delete("k") == await cache.delete() == 0
    await cache.set(b"empty", bytearray(b""), 10)
    assert await cache.get("empty") == b""


@on_cache
async def test_raw_inspect_and_stats(cache: AsyncCache) -> None:
    await cache.raw_set("k", b"tester", ttl=10)
    assert await cache.raw_get("k") == b"tester"
    assert await cache.inspect("nobody") is None
    entry = await cache.inspect("k")
    assert entry is not None and entry["size"] == 6
    assert "hits" in cache.stats()


@on_cache
async def test_values_of_all_sizes(cache: AsyncCache) -> None:
    values = {f"k{size}": bytes([size % 251]) * size for size in (0, 1, 4000, 16384, 16385, 1_000_000)}
    await asyncio.gather(*(cache.set(key, value, 10) for key, value in values.items()))
    assert await asyncio.gather(*(cache.get(key) for key in values)) == list(values.values())


@on_cache
async def test_loaders_of_every_kind(cache: AsyncCache) -> None:
    async def coroutine(value: bytes | None) -> bytes | None:
        await asyncio.sleep(0)
        return value

    class Callable:
        async def __call__(self) -> bytes:
            return b"called"

    threads = []
    assert await cache.fetch("a", 10, functools.partial(coroutine, b"partial")) == b"partial"
    assert await cache.fetch("b", 10, lambda: coroutine(b"lambda")) == b"lambda"
    assert await cache.fetch("c", 10, Callable()) == b"called"
    assert await cache.fetch("d", 10, lambda: threads.append(threading.current_thread()) or b"plain") == b"plain"
    assert threads[0] is not threading.current_thread()
    assert await cache.fetch("e", 10, lambda: None) is None
    assert await cache.fetch("e", 10, lambda: b"remembered as absent") is None


@on_cache
async def test_loaders_run_in_their_caller_s_context(cache: AsyncCache) -> None:
    variable: contextvars.ContextVar[bytes] = contextvars.ContextVar("variable", default=b"nobody's")
    await cache.get("the queue was made in another context")
    variable.set(b"the caller's")

    async def loader() -> bytes:
        return variable.get()

    assert await cache.fetch("a", 10, loader) == b"the caller's"
    assert await cache.fetch("b", 10, variable.get) == b"the caller's"


@on_cache
async def test_stampede_one_loader_call_for_1000_tasks(cache: AsyncCache) -> None:
    calls = []

    async def loader() -> bytes:
        calls.append(1)
        await asyncio.sleep(0.05)
        return b"tester"

    assert set(await asyncio.gather(*(cache.fetch("hot", 10, loader) for _ in range(1000)))) == {b"tester"}
    assert len(calls) == 1


@on_cache
async def test_an_exception_reaches_its_caller_as_the_same_object(cache: AsyncCache) -> None:
    error = Broken("no database")

    async def loader(*_: Any) -> bytes:
        raise error

    def plain() -> bytes:
        raise error

    for call in (cache.fetch("a", 10, loader), cache.fetch("b", 10, plain), cache.fetch_batch(["c"], 10, loader)):
        with pytest.raises(Broken) as caught:
            await call
        assert caught.value is error
    assert await cache.fetch("a", 10, lambda: b"later") == b"later", "the key is free again"


@on_cache
async def test_loaders_that_return_or_raise_nonsense(cache: AsyncCache) -> None:
    def stops() -> bytes:
        raise StopIteration

    with pytest.raises(RuntimeError):
        await cache.fetch("k", 10, stops)
    with pytest.raises(TypeError):
        await cache.fetch("k", 10, lambda: "no bytes")
    with pytest.raises(TypeError):
        await cache.fetch("k", 10, b"no function")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await cache.fetch_batch(["k"], 10, lambda missing: [b"no dict"])
    assert await cache.fetch("k", 10, lambda: b"later") == b"later"


@on_cache
async def test_who_waited_for_a_loader_that_failed_may_load(cache: AsyncCache) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def failing() -> bytes:
        begun.set()
        await go_on.wait()
        raise Broken

    first = asyncio.create_task(cache.fetch("k", 10, failing))
    await begun.wait()
    second = asyncio.create_task(cache.fetch("k", 10, lambda: b"second"))
    await asyncio.sleep(0.02)
    go_on.set()
    with pytest.raises(Broken):
        await first
    try:
        assert await second == b"second"
    except resilicache.LoaderError:
        assert await cache.fetch("k", 10, lambda: b"second") == b"second"


@on_cache
async def test_a_cancelled_caller_hurts_nobody(cache: AsyncCache) -> None:
    async with held_loader(cache, "k") as (first, go_on):
        second = asyncio.create_task(cache.fetch("k", 10, lambda: b"second"))
        await asyncio.sleep(0.02)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go_on.set()
        assert await second == b"first"
    assert await cache.get("k") == b"first"


@on_cache
async def test_a_cancelled_waiter_hurts_nobody(cache: AsyncCache) -> None:
    async with held_loader(cache, "k") as (first, go_on):
        others = [asyncio.create_task(cache.fetch("k", 10, lambda: b"other")) for _ in range(10)]
        await asyncio.sleep(0.02)
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        go_on.set()
        assert await first == b"first"


@on_cache
async def test_cancelled_before_the_loop_turned(cache: AsyncCache) -> None:
    for _ in range(50):
        task = asyncio.create_task(cache.fetch("k", 10, lambda: b"tester"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await cache.fetch("k", 10, lambda: b"tester") == b"tester"


@on_cache
async def test_timeouts(cache: AsyncCache) -> None:
    async with held_loader(cache, "k"):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(cache.fetch("k", 10, lambda: b"other"), 0.05)
        with pytest.raises(resilicache.TimeoutError):
            await cache.fetch("k", 10, lambda: b"other", deadline=0.05)


@on_cache
async def test_a_deadline_of_the_loader_s_own_caller(cache: AsyncCache) -> None:
    async with held_loader(cache, "k", deadline=0.05) as (first, go_on):
        with pytest.raises(resilicache.TimeoutError):
            await first
        go_on.set()
        await eventually(lambda: cache.get("k"))


@on_cache
async def test_stale_and_refreshed_behind(cache: AsyncCache) -> None:
    await cache.fetch("k", 10, lambda: b"old")
    await cache.invalidate("k")
    assert await cache.fetch("k", 10, lambda: b"new", strong=False) == b"old"

    async def refreshed() -> bool:
        return await cache.get("k") == b"new"

    await eventually(refreshed)
    await cache.invalidate("k")
    assert await cache.fetch("k", 10, lambda: b"newest", strong=True) == b"newest"


def test_a_refresh_that_fails_is_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with AsyncCache(url) as cache:
            await cache.fetch("k", 10, lambda: b"old")
            await cache.invalidate("k")

            async def loader() -> bytes:
                raise Broken("no database")

            assert await cache.fetch("k", 10, loader, strong=False) == b"old"

            async def logged() -> bool:
                return "no database" in caplog.text

            await eventually(logged)

    with caplog.at_level(logging.ERROR, "resilicache"):
        asyncio.run(main())


@on_cache
async def test_a_batch_of_10000_keys(cache: AsyncCache) -> None:
    keys = [f"k{number}" for number in range(10000)]
    await cache.set(keys[7], b"there", 10)
    calls = []

    async def loader(missing: list[str]) -> dict[str, bytes | None]:
        calls.append(len(missing))
        return {key: None if key == "k9" else key.encode() for key in missing}

    expected = {key: b"there" if key == "k7" else None if key == "k9" else key.encode() for key in keys}
    assert await cache.fetch_batch(keys, 10, loader) == expected
    assert await cache.fetch_batch(keys, 10, loader) == expected
    assert sum(calls) == 9999
    await cache.invalidate(*keys)
    assert await cache.delete(*keys) == 10000


@on_cache
async def test_a_batch_that_fails_in_part(cache: AsyncCache) -> None:
    with pytest.raises(resilicache.LoaderError) as caught:
        await cache.fetch_batch(["a", "b"], 10, lambda missing: {"a": b"1"})
    assert caught.value.key == "b" and caught.value.results == {"a": b"1"}
    assert await cache.fetch_batch([], 10, lambda missing: {}) == {}
    with pytest.raises(TypeError):
        await cache.fetch_batch("ab", 10, lambda missing: {})


@on_cache
async def test_locks(cache: AsyncCache) -> None:
    await cache.fetch("k", 10, lambda: b"old")
    await cache.lock("k", "writer", lease=5)
    await cache.renew("k", "writer", lease=5)
    with pytest.raises(resilicache.LostError):
        await cache.lock("k", "other")
    await cache.unlock("k", "writer")
    first = await cache.lock("k", "another")
    await cache.unlock("k", "another")
    async with cache.lock_for_update("k", lease=5) as lock:
        assert lock.fence > first
        await lock.renew()
        entry = await cache.inspect("k")
        assert entry is not None and entry["state"] == "locked" and entry["owner"] == lock.owner
        with pytest.raises(resilicache.LostError):
            async with cache.lock_for_update("k", wait=False):
                pass
    assert await cache.fetch("k", 10, lambda: b"new", strong=True) == b"new"
    with pytest.raises(Broken):
        async with cache.lock_for_update("k"):
            raise Broken
    async with cache.lock_for_update("k", wait=False):
        pass


@on_cache
async def test_a_cancelled_writer_leaves_no_lock(cache: AsyncCache) -> None:
    async def write() -> None:
        async with cache.lock_for_update("k"):
            await asyncio.sleep(10)

    async def free() -> bool:
        return (await cache.inspect("k") or {}).get("state") != "locked"

    for turns in range(8):
        task = asyncio.create_task(write())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await eventually(free, 2)


@on_cache
async def test_typed(cache: AsyncCache) -> None:
    users = cache.typed(json)

    async def loader() -> dict[str, str]:
        return {"name": "tester"}

    assert await users.fetch("k", 10, loader) == {"name": "tester"} == await users.get("k")
    assert await users.fetch_batch(["a", "b"], 10, lambda keys: {"a": 1, "b": None}) == {"a": 1, "b": None}
    await users.set("k", 42, 10)
    await users.raw_set("k", 43, 10)
    assert await users.raw_get("k") == 43
    with pytest.raises(TypeError):
        await users.set("k", None, 10)
    async with users.lock_for_update("k"):
        pass
    await users.invalidate("k")
    assert await users.delete("k") == 1
    assert "AsyncTypedCache" in repr(users)


def test_two_loops_in_two_threads(url: str) -> None:
    cache = AsyncCache(url)
    calls = []

    async def loader() -> bytes:
        calls.append(threading.get_ident())
        await asyncio.sleep(0.1)
        return b"tester"

    async def main() -> set[bytes | None]:
        return set(await asyncio.gather(*(cache.fetch(f"k{n % 3}", 10, loader) for n in range(300))))

    found: list[set[bytes | None]] = []
    threads = [threading.Thread(target=lambda: found.append(asyncio.run(main()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [{b"tester"}] * 2
    assert len(calls) == 3
    cache.close()


def test_many_loops_one_after_the_other(url: str) -> None:
    cache = AsyncCache(url)
    for _ in range(20):
        assert asyncio.run(cache.fetch("k", 10, lambda: b"tester")) == b"tester"
        assert len(cache._pumps) == 1, "those of closed loops are gone"
    cache.close()


def test_a_loop_that_ends_while_a_loader_runs(url: str) -> None:
    cache = AsyncCache(url)

    async def main() -> None:
        task = asyncio.create_task(cache.fetch("k", 10, functools.partial(asyncio.sleep, 60)))
        await asyncio.sleep(0.05)
        del task

    asyncio.run(main())
    assert asyncio.run(cache.fetch("k", 10, lambda: b"later", deadline=10)) == b"later"
    cache.close()


def test_close_while_waiting(url: str) -> None:
    async def main() -> None:
        cache = AsyncCache(url)
        async with held_loader(cache, "k") as (first, _):
            second = asyncio.create_task(cache.fetch("k", 10, lambda: b"second"))
            await asyncio.sleep(0.02)
            cache.close()
            for task in (first, second):
                with pytest.raises(resilicache.ClosedError):
                    await task

    asyncio.run(main())


def test_close_from_another_thread(url: str) -> None:
    cache = AsyncCache(url)

    async def main() -> None:
        async with held_loader(cache, "k") as (first, _):
            await asyncio.get_running_loop().run_in_executor(None, cache.close)
            with pytest.raises(resilicache.ClosedError):
                await first

    asyncio.run(main())


def test_aclose_ends_the_loaders(url: str) -> None:
    begun, ended = asyncio.Event(), []

    async def loader() -> bytes:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(1)
        return b""

    async def main() -> None:
        async with AsyncCache(url) as cache:
            task = asyncio.create_task(cache.fetch("k", 10, loader))
            await asyncio.wait_for(begun.wait(), 30)
        assert ended
        with pytest.raises(resilicache.ClosedError):
            await task

    asyncio.run(main())


def test_use_after_close(url: str) -> None:
    async def main() -> None:
        async with AsyncCache(url) as cache:
            await cache.set("k", b"tester", 10)
        cache.close()
        await cache.aclose()
        assert cache.closed and repr(cache).startswith("<resilicache.AsyncCache ") and repr(cache).endswith("closed>")
        for call in (cache.get("k"), cache.fetch("k", 10, lambda: b""), cache.delete("a", "b")):
            with pytest.raises(resilicache.ClosedError):
                await call

    asyncio.run(main())


def test_uvloop(url: str) -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")

    async def main(key: str) -> None:
        async with AsyncCache(url) as cache:
            async with held_loader(cache, key) as (first, go_on):
                readers = [asyncio.create_task(cache.fetch(key, 10, lambda: b"")) for _ in range(100)]
                first.cancel()
                go_on.set()
                assert set(await asyncio.gather(*readers)) == {b"first"}

    for key in ("a", "b"):
        loop = uvloop.new_event_loop()
        loop.run_until_complete(main(key))
        loop.close()


def test_uvloop_that_ends_before_its_cache(url: str) -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    cache = AsyncCache(url)
    for _ in range(3):
        loop = uvloop.new_event_loop()
        assert loop.run_until_complete(cache.fetch("k", 10, lambda: b"tester")) == b"tester"
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    cache.close()


def test_the_walk_through(url: str) -> None:
    program = Path(__file__).resolve().parents[2] / "examples/python/async_walkthrough.py"
    run = subprocess.run([sys.executable, str(program), url], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_deadline_counts_where_others_wait_for_replicas_before(shared_url: str) -> None:
    """There are none: each invalidation waits for them in vain, and those that come later wait behind it."""
    settings = {"wait_replicas": 1, "wait_replicas_timeout": 0.5, "op_timeout": 0.2, "connect_timeout": 0.2}

    async def seconds(cache: AsyncCache, key: str) -> float:
        begin = time.monotonic()
        with pytest.raises(resilicache.TimeoutError):
            await cache.invalidate(key, deadline=1)
        return time.monotonic() - begin

    async def main() -> None:
        async with AsyncCache(shared_url, deadline=5, **settings) as cache:
            tasks = []
            for number in range(12):
                tasks.append(asyncio.create_task(seconds(cache, f"k{number}")))
                await asyncio.sleep(0.01)  # so that they don't share one WAIT
            assert max(await asyncio.gather(*tasks)) < 3

    asyncio.run(main())
