"""The product in a minute, with asyncio: python examples/python/async_walkthrough.py [URL]

Runs on memory:// or, with a URL, on a server; touches only keys below its own prefix, and removes them at the end.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid

from resilicache import AsyncCache, AsyncTypedCache

PREFIX = f"resilicache-walkthrough:{uuid.uuid4().hex[:8]}:"
USER = PREFIX + "user:01J61BPPHMFH9VSF2T1R2ZXDA2"
USERS = [PREFIX + f"user:{id}" for id in ("01J61C9MEM", "01J61CH3XE", "01J61CHNPX")]
HOT = PREFIX + "hot"


class Wrong(Exception):
    """Something is not as it should be."""


def show(what: str, value: object, expected: object) -> None:
    print(f"  {what:<44} {value!r}")
    if value != expected:
        raise Wrong(f"{what}: expected {expected!r}")


class Database:
    """Stands for a real one: slow, and to be asked as rarely as possible."""

    def __init__(self) -> None:
        self.version = 1
        self.reads = 0

    async def read(self) -> bytes:
        self.reads += 1
        row = b"tester v%d" % self.version
        await asyncio.sleep(0.05)
        return row


async def one_key(cache: AsyncCache, database: Database) -> None:
    print("\nOne key: the loader is a coroutine function, or a plain one")
    show("fetch: the loader runs", await cache.fetch(USER, ttl=10, loader=database.read), b"tester v1")
    show("fetch: from the cache", await cache.fetch(USER, ttl=10, loader=database.read), b"tester v1")
    show("how often the database was read", database.reads, 1)
    show("delete: how many were there", await cache.delete(USER), 1)
    show("fetch: a plain function, in a thread", await cache.fetch(USER, ttl=10, loader=lambda: b"plain"), b"plain")


async def stampede(cache: AsyncCache, database: Database) -> None:
    print("\nA thousand tasks want the same key; the first of them is cancelled while it loads")
    database.reads = 0
    tasks = [asyncio.create_task(cache.fetch(HOT, ttl=10, loader=database.read)) for _ in range(1000)]
    await asyncio.sleep(0.02)
    tasks[0].cancel()
    show("what the others get", set(await asyncio.gather(*tasks[1:])), {b"tester v1"})
    show("how often the database was read", database.reads, 1)


async def invalidation(cache: AsyncCache, database: Database) -> None:
    print("\nA writer locks, commits, and leaves the key tagged as deleted")
    async with cache.lock_for_update(HOT):
        database.version = 2
    show("fetch, eventual: old; new behind", await cache.fetch(HOT, 10, database.read, strong=False), b"tester v1")
    show("fetch, strong: waits for the new value", await cache.fetch(HOT, 10, database.read, strong=True), b"tester v2")


async def many_keys(cache: AsyncCache) -> None:
    print("\nMany keys, and values of your own")
    users: AsyncTypedCache[dict[str, int]] = cache.typed(json)

    async def load(missing: list[str]) -> dict[str, dict[str, int]]:
        return {key: {"id": USERS.index(key)} for key in missing}

    values = await users.fetch_batch(USERS, ttl=10, loader=load)
    show("fetch_batch", list(values.values()), [{"id": 0}, {"id": 1}, {"id": 2}])


async def main() -> int:
    url = sys.argv[1] if len(sys.argv) > 1 else "memory://"
    database = Database()
    async with AsyncCache(url) as cache:
        print(f"resilicache on {cache!r}")
        try:
            await one_key(cache, database)
            await stampede(cache, database)
            await invalidation(cache, database)
            await many_keys(cache)
        except Wrong as wrong:
            print(f"\nThis is not what should have happened.  {wrong}")
            return 1
        finally:
            await cache.delete(USER, HOT, *USERS)
    print("\nAll as it should be.")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
