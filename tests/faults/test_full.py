"""A server that answers and takes no writes: without memory, without a disk, without the replicas that it is to have.
What it has is served, and eventual fetches of the rest go past it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator

import pytest

from servers import ReplyError, Server, until

resilicache = pytest.importorskip("resilicache")


@pytest.fixture(params=["redis7", "valkey9"])
def mine(request: pytest.FixtureRequest) -> Iterator[Server]:
    started = Server(request.param)
    yield started
    started.stop()


def without_memory(server: Server) -> None:
    server.ask("CONFIG", "SET", "maxmemory", "1")


def without_replicas(server: Server) -> None:
    server.ask("CONFIG", "SET", "min-replicas-to-write", "1")


def without_disk(server: Server) -> None:
    shutil.rmtree(server.directory)
    server.ask("CONFIG", "SET", "save", "3600 1")
    server.ask("BGSAVE")
    until(lambda: refuses(server), "its snapshot has failed")


def refuses(server: Server) -> bool:
    try:
        server.ask("SET", "other", "v")
        return False
    except ReplyError as error:
        return error.code == "MISCONF"


LACKS = {without_memory: "OOM", without_replicas: "NOREPLICAS", without_disk: "MISCONF"}


@pytest.mark.parametrize("lose", LACKS)
def test_eventual_fetches_go_past_it(mine: Server, lose: Callable[[Server], None]) -> None:
    with resilicache.Cache(mine.url) as cache:
        cache.set("stored", b"v", 60)
        lose(mine)
        for call in range(1, 9):
            assert cache.fetch("stored", 60, lambda: b"w") == b"v"
            assert cache.fetch("cold", 60, lambda: b"loaded") == b"loaded"
            assert cache.fetch_batch(["stored", "a", "b"], 60, lambda keys: {key: b"many" for key in keys}) == {
                "stored": b"v",
                "a": b"many",
                "b": b"many",
            }
            assert cache.stats()["loads_down"] == 3 * call
        assert cache.get("cold") is None
        with pytest.raises(resilicache.ServerError, match=LACKS[lose]):
            cache.fetch("cold", 60, lambda: b"loaded", strong=True)
        stats = cache.stats()
        assert stats["breaker_opened"] == stats["servers_down"] == stats["loads_failed"] == 0


@pytest.mark.parametrize("lose", [without_replicas, without_disk])
def test_an_invalidation_that_it_refuses_is_kept_until_it_is_taken(
    mine: Server, lose: Callable[[Server], None]
) -> None:
    with resilicache.Cache(mine.url) as cache:
        cache.set("row", b"old", 60)
        lose(mine)
        with pytest.raises(resilicache.QueuedError, match=LACKS[lose]):
            cache.invalidate("row")
        assert cache.fetch("row", 60, lambda: b"new") == b"new"  # past the cache
        mine.ask("CONFIG", "SET", "min-replicas-to-write", "0")
        mine.ask("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
        until(lambda: cache.stats()["journal_depth"] == 0, "it is carried out")
        with resilicache.Cache(mine.url, delay="1ms") as another:
            assert another.fetch("row", 60, lambda: b"new", strong=True) == b"new"


def test_so_do_those_of_an_event_loop_and_are_stored_again_later(mine: Server) -> None:
    async def load() -> bytes:
        await asyncio.sleep(0.01)
        return b"loaded"

    async def run() -> None:
        async with resilicache.AsyncCache(mine.url) as cache:
            without_memory(mine)
            found = await asyncio.gather(*(cache.fetch(f"k{number % 4}", 60, load) for number in range(40)))
            assert found == [b"loaded"] * 40
            assert cache.stats()["loads_stored"] == 0
            mine.ask("CONFIG", "SET", "maxmemory", "0")
            assert await cache.fetch("k0", 60, load) == b"loaded"
            assert await cache.get("k0") == b"loaded"

    asyncio.run(run())
