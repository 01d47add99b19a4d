"""The product in a minute: python examples/python/walkthrough.py [URL]

Runs on memory:// or, with a URL, on a server; touches only keys below its own prefix, and removes them at the end.
"""

from __future__ import annotations

import sys
import threading
import time
import uuid

from resilicache import Cache

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
        self.seconds = 0.0

    def read(self) -> bytes:
        self.reads += 1
        row = b"tester v%d" % self.version
        time.sleep(self.seconds)
        return row


def one_key(cache: Cache, database: Database) -> None:
    print("\nOne key: the value in the cache, the truth in the database")
    cache.set(USER, b"tester", ttl=10)
    show("set, then get", cache.get(USER), b"tester")
    show("delete: how many were there", cache.delete(USER), 1)
    show("get", cache.get(USER), None)
    show("fetch: the loader runs", cache.fetch(USER, ttl=10, loader=database.read), b"tester v1")
    show("fetch: from the cache", cache.fetch(USER, ttl=10, loader=database.read), b"tester v1")
    show("how often the database was read", database.reads, 1)


def invalidation(cache: Cache, database: Database) -> None:
    print("\nThe row changes: the writer commits, then tags the key as deleted")
    database.version = 2
    cache.invalidate(USER)
    show("fetch: the old value, at once", cache.fetch(USER, ttl=10, loader=database.read, strong=False), b"tester v1")
    end = time.monotonic() + 5
    while cache.get(USER) != b"tester v2" and time.monotonic() < end:
        time.sleep(0.001)
    show("... and a new one loaded behind it", cache.get(USER), b"tester v2")
    database.version = 3
    cache.invalidate(USER)
    show("fetch, strong: never the old one", cache.fetch(USER, ttl=10, loader=database.read, strong=True), b"tester v3")


def batch(cache: Cache) -> None:
    print("\nThree keys at once: the loader is asked for those that are missing")
    cache.set(USERS[1], b"tester 1", ttl=10)
    asked: list[str] = []

    def load(missing: list[str]) -> dict[str, bytes | None]:
        asked.extend(missing)
        return {key: b"tester %d" % USERS.index(key) for key in missing}

    values = cache.fetch_batch(USERS, ttl=10, loader=load)
    show("fetch_batch", list(values.values()), [b"tester 0", b"tester 1", b"tester 2"])
    show("how many the loader was asked for", len(asked), 2)
    cache.invalidate(*USERS)
    values = cache.fetch_batch(USERS, ttl=10, loader=load, strong=True)
    show("tag all as deleted: asked for", len(asked), 2 + 3)


def stampede(cache: Cache, database: Database) -> None:
    print("\nA stampede: 64 threads want one cold key, the loader takes 50 ms")
    database.reads, database.seconds = 0, 0.05
    values: list[bytes | None] = []
    begun = time.monotonic()
    threads = [
        threading.Thread(target=lambda: values.append(cache.fetch(HOT, ttl=10, loader=database.read)))
        for _ in range(64)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"  all served after {(time.monotonic() - begun) * 1000:.0f} ms; loader calls: {database.reads}")
    if database.reads != 1 or values != [b"tester v3"] * 64:
        raise Wrong("one loader call should have served all 64")
    database.seconds = 0


def invalidation_under_load(cache: Cache, database: Database) -> None:
    print("\nInvalidation under load: 8 threads read strongly while the row is written 100 times")
    acknowledged = database.version
    reads, old = [0] * 8, [0] * 8
    over = threading.Event()

    def read(reader: int) -> None:
        while not over.is_set():
            before = acknowledged
            value = cache.fetch(HOT, ttl=10, loader=database.read, strong=True) or b"v0"
            reads[reader] += 1
            old[reader] += int(value.partition(b"v")[2]) < before

    threads = [threading.Thread(target=read, args=(reader,)) for reader in range(8)]
    database.reads = 0
    for thread in threads:
        thread.start()
    for _ in range(100):
        database.version += 1  # the database commits,
        cache.invalidate(HOT)  # then the writer invalidates,
        acknowledged = database.version  # then it reports success
        time.sleep(0.002)
    over.set()
    for thread in threads:
        thread.join()
    print(f"  {sum(reads)} reads, {database.reads} loader calls; older than the last acknowledged write: {sum(old)}")
    if sum(old) or not all(reads):
        raise Wrong("no reader may see a value older than an acknowledged write")


def main() -> int:
    url = sys.argv[1] if len(sys.argv) > 1 else "memory://"
    with Cache(url) as cache:
        print(f"resilicache on {cache!r}")
        database = Database()
        try:
            one_key(cache, database)
            invalidation(cache, database)
            batch(cache)
            stampede(cache, database)
            invalidation_under_load(cache, database)
        except Wrong as wrong:
            print(f"\nThis is not what should have happened.  {wrong}")
            return 1
        finally:
            cache.delete(USER, *USERS, HOT)
    print("\nAll as it should be.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
