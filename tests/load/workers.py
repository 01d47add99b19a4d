"""Who fetches and writes under load, in this process: threads on a Cache, tasks on an AsyncCache."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import resilicache

from .truth import DEADLINE_S, SLACK_S, Truth, value_of

TTL_S = 60.0
LEASE_S = 1.0  # of a lock whose holder could not end it
PAUSE_S = 0.05  # after a failure, as a program would make it
# What a worker does, and how often.
MIX = {"strong": 40, "eventual": 40, "batch": 5, "write": 12, "locked write": 3}
BATCH = 4


@contextlib.contextmanager
def call(truth: Truth, what: str, *keys: str) -> Iterator[dict[str, bytes | None]]:
    """One call of a cache; the block puts in what it returned.  Left empty: it came to nothing."""
    numbers = {key: truth.begin(what, key) for key in keys}
    returned: dict[str, bytes | None] = {}
    try:
        yield returned
    except resilicache.LostError:  # another writer's affair by now
        returned.clear()
        for number in numbers.values():
            truth.end(number)
    except resilicache.Error as error:
        returned.clear()
        for number in numbers.values():
            truth.fail(number, repr(error))
    else:
        for key, number in numbers.items():
            value = returned[key]
            truth.end(number, None if value is None else value.decode())


class Blocking:
    """A Cache whose calls can be awaited, and are over by then."""

    def __init__(self, cache: resilicache.Cache) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._cache, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            return method(*arguments, **options)

        return call


class Worker:
    """One after the other, calls as MIX has them."""

    def __init__(self, truth: Truth, cache: Any, keys: list[str], seed: str) -> None:
        self._truth, self._cache, self._keys = truth, cache, keys
        self._seed, self._chance = seed, random.Random(seed)
        self._writes = 0

    async def one_call(self) -> bool:
        """False: it failed."""
        (what,) = self._chance.choices(list(MIX), list(MIX.values()))
        keys = self._chance.sample(self._keys, BATCH if what == "batch" else 1)
        if what == "batch":
            return await self._fetch_batch(keys)
        if what in ("strong", "eventual"):
            return await self._fetch(keys[0], what)
        return await self._write(keys[0], what == "locked write")

    def _load(self, key: str) -> bytes:
        return value_of(key, self._truth.read(key)).encode()

    async def _fetch(self, key: str, what: str) -> bool:
        with call(self._truth, what, key) as returned:
            returned[key] = await self._cache.fetch(
                key, TTL_S, lambda: self._load(key), strong=what == "strong", deadline=DEADLINE_S
            )
        return bool(returned)

    async def _fetch_batch(self, keys: list[str]) -> bool:
        with call(self._truth, "eventual", *keys) as returned:
            returned |= await self._cache.fetch_batch(
                keys, TTL_S, lambda missing: {key: self._load(key) for key in missing}, deadline=DEADLINE_S
            )
        return bool(returned)

    async def _write(self, key: str, locked: bool) -> bool:
        """Not acknowledged, it stays the writer's duty to invalidate."""
        self._writes += 1
        owner = f"{self._seed} {self._writes}"
        if locked:
            locking = self._cache.lock(key, owner, lease=LEASE_S, deadline=DEADLINE_S, wait=True)
            locked = await self._done("lock", key, locking)
        version = self._truth.commit(key)
        if locked and await self._done("unlock", key, self._cache.unlock(key, owner, deadline=DEADLINE_S)):
            self._truth.acknowledge(key, version)
            return True
        done = await self._done("invalidate", key, self._cache.invalidate(key, deadline=DEADLINE_S))
        if done:
            self._truth.acknowledge(key, version)
        return done

    async def _done(self, what: str, key: str, begun: Awaitable[None]) -> bool:
        with call(self._truth, what, key) as returned:
            await begun
            returned[key] = None
        return bool(returned)


class Crew:
    """Workers on the same keys, who go on until they are stopped."""

    def __init__(self, truth: Truth, keys: list[str], seed: int) -> None:
        self.truth, self.keys, self.seed = truth, keys, seed
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []
        self._caches: list[resilicache.Cache] = []

    @property
    def working(self) -> bool:
        return not self._stopping.is_set()

    @property
    def at_work(self) -> list[int]:
        """The threads that live, by their identities."""
        return [thread.ident for thread in list(self._threads) if thread.is_alive() and thread.ident is not None]

    def keep(self, cache: resilicache.Cache) -> resilicache.Cache:
        """To be closed when all have stopped."""
        self._caches.append(cache)
        return cache

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * (DEADLINE_S + SLACK_S))
        assert not any(thread.is_alive() for thread in self._threads), "a worker hangs"
        for cache in self._caches:
            cache.close()
        if self._errors:
            raise self._errors[0]

    def start(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self._errors.append(error)

        self._threads.append(threading.Thread(target=guarded, daemon=True))
        self._threads[-1].start()

    def _worker(self, cache: Any, name: str) -> Worker:
        return Worker(self.truth, cache, self.keys, f"{self.seed} {len(self._threads)} {name}")

    def start_threads(self, cache: resilicache.Cache, count: int) -> None:
        def work(worker: Worker) -> None:
            while self.working:
                if not run_at_once(worker.one_call()):
                    self._stopping.wait(PAUSE_S)

        for number in range(count):
            worker = self._worker(Blocking(cache), f"thread {number}")
            self.start(lambda worker=worker: work(worker))  # type: ignore[misc]

    def start_tasks(self, url: str, count: int) -> None:
        """On a loop of their own, in a thread."""

        async def work(worker: Worker) -> None:
            while self.working:
                if not await worker.one_call():
                    await asyncio.sleep(PAUSE_S)

        async def main() -> None:
            async with resilicache.AsyncCache(url) as cache:
                await asyncio.gather(*[work(self._worker(cache, f"task {number}")) for number in range(count)])

        self.start(lambda: asyncio.run(main()))


def run_at_once(coroutine: Coroutine[Any, Any, bool]) -> bool:
    """One that waits for nothing but Blocking calls."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return bool(done.value)
    raise AssertionError("it waits for a loop")
