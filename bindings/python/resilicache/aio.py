"""The cache for asyncio: the calls of `Cache`, awaited.  No thread waits for them, and none of C enters Python.

Each event loop that uses a cache has a `Pump` for it: a queue, whose descriptor the loop watches.

All in one file: the cache and the pump that wakes it know each other.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import itertools
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from . import _native as native
from .arguments import (
    Key,
    OptionValue,
    Seconds,
    Value,
    check_loader,
    check_version,
    consistency,
    key_bytes,
    listed,
    milliseconds,
    optional_milliseconds,
    session_text,
    value_bytes,
)
from .cache import Cache
from .cached import AsyncDecorator, async_cached
from .errors import Error, error_of
from .load import Answers, Versioned, answer_many, answer_one, covers, finishing, logger
from .lock import Holder, lock_flags
from .results import count_done, read_entry, read_fence, read_text, read_values
from .typed import Codec, Coder
from .update import AsyncUpdate, Update, update_terms

K = TypeVar("K", str, bytes)
T = TypeVar("T")
Producer = Callable[[list[int]], Awaitable[Answers]]
Work = Callable[[native.Load], Awaitable[None]]
"""What is done with a load, which is finished behind it."""


async def call_loader(loader: Callable[..., Any], *arguments: Any) -> Any:
    """A coroutine function runs here; a plain one in the loop's executor, and what it returns may be awaited, too."""
    if inspect.iscoroutinefunction(loader):
        return await loader(*arguments)

    def called() -> Any:
        try:
            return loader(*arguments)
        except StopIteration as error:  # no future can hold one
            raise RuntimeError("the loader raised StopIteration") from error

    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(None, contextvars.copy_context().run, called)
    return await found if inspect.isawaitable(found) else found


def answering(produce: Producer | None) -> Work | None:
    async def work(load: native.Load) -> None:
        assert produce is not None
        native.load_answer(load, *await produce(native.load_positions(load)))

    return None if produce is None else work


class _Waiting:
    """A call under way, and who waits for it.  The context is the caller's: its loaders run in it."""

    __slots__ = ("context", "failure", "future", "op", "work")

    def __init__(self, future: asyncio.Future[list[native.Entry]], work: Work | None) -> None:
        self.future = future
        self.work = work
        self.context = None if work is None else contextvars.copy_context()
        self.op: Any = None
        self.failure: Exception | None = None


class Pump:
    """The calls and loaders of one event loop.  For the loop's thread alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop, handle: native.Handle) -> None:
        self._loop = loop
        self._queue = native.queue_open(handle)
        self._waiting: dict[int, _Waiting] = {}
        self._submitting: asyncio.Handle | None = None
        self._tags = itertools.count(1)
        self._tasks: set[asyncio.Task[Any]] = set()
        loop.add_reader(native.queue_fd(self._queue), self._drain)

    async def run(
        self,
        handle: native.Handle,
        call: int,
        keys: list[bytes],
        text: bytes,
        time_ms: int,
        flags: int,
        deadline_ms: int,
        work: Work | None,
        version: int = 0,
    ) -> list[native.Entry]:
        waiting = _Waiting(self._loop.create_future(), work)
        tag = next(self._tags)
        terms = text, time_ms, flags, deadline_ms, version
        waiting.op = native.queue_gather(self._queue, tag, handle, call, keys, *terms)
        if not self._waiting:
            native.queue_submit(self._queue)
        elif self._submitting is None:  # what other tasks begin before the loop turns again goes out with it
            self._submitting = self._loop.call_soon(self._submit)
        self._waiting[tag] = waiting
        try:
            return await waiting.future
        except asyncio.CancelledError:
            if tag in self._waiting:  # else there is no op any more
                native.queue_cancel(waiting.op)
            raise

    def _submit(self) -> None:
        self._submitting = None
        native.queue_submit(self._queue)

    def _drain(self) -> None:
        """Some events: the loop calls again while there are more, and serves others in between."""
        for tag, entries, load in native.queue_drain(self._queue):
            waiting = self._waiting[tag]
            if entries is not None:
                del self._waiting[tag]
                _end(waiting, entries)
            if load is not None and waiting.work is not None and waiting.context is not None:
                waiting.context.run(self.start, self._load(waiting, load, waiting.work))

    async def _load(self, waiting: _Waiting, load: native.Load, work: Work) -> None:
        """A task of its own: whoever goes away, others may wait for the value."""
        try:
            with finishing(load):
                await work(load)
        except Exception as error:
            if waiting.future.done():
                logger.exception("a loader failed, and who called it had its answer or went away")
            else:
                waiting.failure = waiting.failure or error

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that goes on also if nobody waits for it."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def cancel_tasks(self) -> None:
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def retire(self) -> None:
        """The cache is closed: whoever waits is told so."""
        if self._submitting is not None:
            self._submitting.cancel()
        self._loop.remove_reader(native.queue_fd(self._queue))
        native.queue_free(self._queue)
        for waiting in self._waiting.values():
            if not waiting.future.done():
                waiting.future.set_exception(error_of(native.CLOSED, "the cache was closed"))
        self._waiting.clear()

    def abandon(self) -> None:
        """The loop is closed: nobody waits any more."""
        native.queue_free(self._queue)
        self._waiting.clear()


def _end(waiting: _Waiting, entries: list[native.Entry]) -> None:
    if waiting.future.done():  # cancelled
        return
    if waiting.failure is not None and not covers(entries, waiting.failure):
        waiting.future.set_exception(waiting.failure)
    else:
        waiting.future.set_result(entries)
    waiting.failure = None


class AsyncCache:
    """As `Cache`, awaited.  Any number of event loops, each in its thread, may use it at any time.

    A loader is a coroutine function, or a plain function, which runs in the loop's executor.  It runs as a task of its
    own: where its caller is cancelled, it goes on for the others who wait for the key.

    >>> async def main():
    ...     async with resilicache.AsyncCache("memory://", lock_expire="3s") as cache:
    ...         return await cache.fetch("user:1", ttl=10, loader=lambda: b"tester")
    >>> asyncio.run(main())
    b'tester'
    """

    def __init__(self, url: str = "memory://", **options: OptionValue) -> None:
        self._cache = Cache(url, **options)
        self._pumps: dict[asyncio.AbstractEventLoop, Pump] = {}
        self._lock = threading.Lock()
        """Held while pumps come and go."""

    def close(self) -> None:
        """Ends all calls with ClosedError, in all loops, and does not wait for them.  May be called again."""
        with self._lock:
            self._cache.close()
            pumps, self._pumps = self._pumps, {}
        for loop, pump in pumps.items():
            try:
                if loop is asyncio._get_running_loop():
                    pump.retire()
                else:
                    loop.call_soon_threadsafe(pump.retire)
            except RuntimeError:
                pump.abandon()

    async def aclose(self) -> None:
        """As close; then cancels the loaders that still run in this loop, and waits for their end."""
        pump = self._pumps.get(asyncio.get_running_loop())
        self.close()
        if pump is not None:
            await pump.cancel_tasks()

    @property
    def closed(self) -> bool:
        return self._cache.closed

    async def __aenter__(self) -> AsyncCache:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return repr(self._cache).replace(".Cache ", ".AsyncCache ", 1)

    def __reduce__(self) -> Any:
        return self._cache.__reduce__()

    # ---- values ----

    async def fetch(
        self,
        key: Key,
        ttl: Seconds,
        loader: Callable[[], Any],
        *,
        strong: bool | None = None,
        deadline: Seconds | None = None,
        session: str | None = None,
    ) -> bytes | None:
        """As `Cache.fetch`."""
        check_loader(loader)

        async def produce(positions: list[int]) -> Answers:
            return answer_one(await call_loader(loader))

        ttl_ms, text = milliseconds("ttl", ttl), session_text(session)
        return await self._one(native.FETCH, key, text, ttl_ms, consistency(strong), deadline, produce)

    async def fetch_batch(
        self,
        keys: Iterable[K],
        ttl: Seconds,
        loader: Callable[[list[K]], Any],
        *,
        strong: bool | None = None,
        deadline: Seconds | None = None,
        session: str | None = None,
    ) -> dict[K, bytes | None]:
        """As `Cache.fetch_batch`."""
        check_loader(loader)
        names = list(dict.fromkeys(listed(keys)))

        async def produce(positions: list[int]) -> Answers:
            missing = [names[position] for position in positions]
            return answer_many(missing, await call_loader(loader, missing))

        ttl_ms, flags, text = milliseconds("ttl", ttl), consistency(strong), session_text(session)
        return read_values(await self._many(native.FETCH, names, ttl_ms, flags, deadline, produce, text=text), names)

    async def get(self, key: Key, *, deadline: Seconds | None = None) -> bytes | None:
        """As `Cache.get`."""
        return await self._one(native.GET, key, deadline=deadline)

    async def set(
        self, key: Key, value: Value, ttl: Seconds, *, version: int | None = None, deadline: Seconds | None = None
    ) -> None:
        """As `Cache.set`."""
        ttl_ms, number = milliseconds("ttl", ttl), check_version(version)
        await self._one(native.SET, key, value_bytes(value), ttl_ms, deadline=deadline, version=number)

    async def raw_get(self, key: Key, *, deadline: Seconds | None = None) -> bytes | None:
        """As `Cache.raw_get`."""
        return await self._one(native.GET, key, flags=native.RAW, deadline=deadline)

    async def raw_set(self, key: Key, value: Value, ttl: Seconds, *, deadline: Seconds | None = None) -> None:
        """As `Cache.raw_set`."""
        await self._one(native.SET, key, value_bytes(value), milliseconds("ttl", ttl), native.RAW, deadline)

    async def invalidate(self, *keys: Key, version: int | None = None, deadline: Seconds | None = None) -> None:
        """As `Cache.invalidate`."""
        number = check_version(version)
        count_done(await self._many(native.INVALIDATE, list(keys), deadline=deadline, version=number), keys)

    async def delete(self, *keys: Key, deadline: Seconds | None = None) -> int:
        """As `Cache.delete`."""
        return count_done(await self._many(native.DELETE, list(keys), deadline=deadline), keys)

    async def inspect(self, key: Key, *, deadline: Seconds | None = None) -> dict[str, str | int] | None:
        """As `Cache.inspect`."""
        return read_text(await self._one(native.INSPECT, key, deadline=deadline))

    def credentials(self, user: str | None, password: str | None) -> None:
        """As `Cache.credentials`; nothing to await."""
        self._cache.credentials(user, password)

    def set_option(self, name: str, value: OptionValue) -> None:
        """As `Cache.set_option`; nothing to await."""
        self._cache.set_option(name, value)

    def session_token(self) -> str:
        """As `Cache.session_token`; nothing to await."""
        return self._cache.session_token()

    def join_session(self, token: str) -> None:
        """As `Cache.join_session`; nothing to await."""
        self._cache.join_session(token)

    def stats(self) -> dict[str, str | int]:
        """As `Cache.stats`; nothing to await."""
        return self._cache.stats()

    # ---- locks for update ----

    def lock_for_update(
        self,
        key: Key,
        owner: Key | None = None,
        *,
        lease: Seconds | None = None,
        deadline: Seconds | None = None,
        wait: bool = True,
        intent: bool = False,
    ) -> AsyncUpdateLock:
        """As `Cache.lock_for_update`: async with cache.lock_for_update("user:1"): ..."""
        return AsyncUpdateLock(self, key, owner, lease=lease, deadline=deadline, wait=wait, intent=intent)

    async def lock(
        self,
        key: Key,
        owner: Key,
        *,
        lease: Seconds | None = None,
        deadline: Seconds | None = None,
        wait: bool = False,
        intent: bool = False,
    ) -> int:
        """As `Cache.lock`."""
        flags = lock_flags(intent) | (native.WAIT if wait else 0)
        lease_ms = optional_milliseconds("lease", lease)
        return read_fence(await self._one(native.LOCK, key, key_bytes(owner), lease_ms, flags, deadline))

    async def renew(
        self, key: Key, owner: Key, *, lease: Seconds | None = None, deadline: Seconds | None = None
    ) -> None:
        """As `Cache.renew`."""
        await self._one(native.RENEW, key, key_bytes(owner), optional_milliseconds("lease", lease), 0, deadline)

    async def unlock(self, key: Key, owner: Key, *, deadline: Seconds | None = None) -> None:
        """As `Cache.unlock`."""
        await self._one(native.UNLOCK, key, key_bytes(owner), deadline=deadline)

    async def update(
        self,
        key: Key,
        transaction: Callable[[Update], Any],
        *,
        owner: Key | None = None,
        lease: Seconds | None = None,
        deadline: Seconds | None = None,
        intent: bool = False,
    ) -> Any:
        """As `Cache.update`; the transaction is a coroutine function, or a plain one, which runs in the executor.

        Where this is cancelled, so is the coroutine; a plain function runs to its end, and keeps the lock until then.
        """
        terms = update_terms(transaction, owner, lease, deadline, intent)
        update, (pump, handle) = AsyncUpdate(key, transaction, call_loader), self.pump()
        call = pump.run(handle, native.UPDATE, [key_bytes(key)], *terms, update.work)
        return await update.run(pump, call)

    # ---- other shapes ----

    def typed(self, codec: Codec[T], loads: Callable[[bytes], T] | None = None) -> AsyncTypedCache[T]:
        """As `Cache.typed`."""
        return AsyncTypedCache(self, codec if loads is None else (codec, loads))  # type: ignore[arg-type]

    def cached(
        self, template: str, ttl: Seconds, *, strong: bool | None = None, deadline: Seconds | None = None
    ) -> AsyncDecorator[bytes]:
        """As `Cache.cached`, for coroutine functions; a plain one runs in the executor.  What comes of it is awaited.

        >>> async def main():
        ...     async with resilicache.AsyncCache() as cache:
        ...         @cache.cached("user:{id}", ttl=60)
        ...         async def user(id: int) -> bytes:
        ...             return b"tester %d" % id
        ...         value = await user(7)
        ...         await user.invalidate(7)
        ...         return value, user.key(7)
        >>> asyncio.run(main())
        (b'tester 7', 'user:7')
        """
        return async_cached(self, template, ttl, strong, deadline)

    # ---- how calls run ----

    def pump(self) -> tuple[Pump, native.Handle]:
        """The running loop's, made when it is first wanted."""
        loop = asyncio.get_running_loop()
        pump, handle = self._pumps.get(loop), self._cache._here()
        return (pump or self._made_pump(loop, handle)), handle

    def _made_pump(self, loop: asyncio.AbstractEventLoop, handle: native.Handle) -> Pump:
        with self._lock:
            for other in [other for other in self._pumps if other.is_closed()]:
                self._pumps.pop(other).abandon()
            pump = self._pumps[loop] = Pump(loop, handle)
            return pump

    async def _one(
        self,
        call: int,
        key: Key,
        text: bytes = b"",
        time_ms: int = 0,
        flags: int = 0,
        deadline: Seconds | None = None,
        produce: Producer | None = None,
        version: int = 0,
    ) -> bytes | None:
        deadline_ms = optional_milliseconds("deadline", deadline)
        pump, handle = self.pump()
        work = answering(produce)
        entries = await pump.run(handle, call, [key_bytes(key)], text, time_ms, flags, deadline_ms, work, version)
        return read_entry(entries, key)[1]

    async def _many(
        self,
        call: int,
        keys: list[Any],
        time_ms: int = 0,
        flags: int = 0,
        deadline: Seconds | None = None,
        produce: Producer | None = None,
        version: int = 0,
        text: bytes = b"",
    ) -> list[native.Entry]:
        deadline_ms = optional_milliseconds("deadline", deadline)
        names = [key_bytes(key) for key in keys]
        if not names:
            return []
        pump, handle = self.pump()
        return await pump.run(handle, call, names, text, time_ms, flags, deadline_ms, answering(produce), version)


class AsyncUpdateLock(Holder):
    """An asynchronous context manager, made by `AsyncCache.lock_for_update`."""

    _cache: AsyncCache

    async def renew(self, lease: Seconds | None = None) -> None:
        """As `UpdateLock.renew`."""
        lease = self._lease if lease is None else lease
        await self._cache.renew(self.key, self.owner, lease=lease, deadline=self._deadline)

    async def __aenter__(self) -> AsyncUpdateLock:
        try:
            self.fence = await self._cache.lock(
                self.key, self.owner, lease=self._lease, deadline=self._deadline, wait=self._wait, intent=self._intent
            )
        except asyncio.CancelledError:  # it may have been locked, all the same
            if not self._cache.closed:
                self._unlocking()
            raise
        return self

    async def __aexit__(self, kind: object, exception: BaseException | None, trace: object) -> None:
        try:
            await asyncio.shield(self._unlocking())
        except Error:
            self._unlock_failed(exception)

    def _unlocking(self) -> asyncio.Task[None]:
        """Goes on if it is cancelled here."""
        return self._cache.pump()[0].start(self._cache.unlock(self.key, self.owner, deadline=self._deadline))


class AsyncTypedCache(Coder[T]):
    """Made by `AsyncCache.typed`: as `TypedCache`, awaited."""

    def __init__(self, cache: AsyncCache, codec: Codec[T]) -> None:
        super().__init__(codec)
        self.cache = cache
        """The cache below, for all that has nothing to do with values."""

    async def fetch(
        self,
        key: Key,
        ttl: Seconds,
        loader: Callable[[], Any],
        *,
        strong: bool | None = None,
        deadline: Seconds | None = None,
        session: str | None = None,
    ) -> T | None:
        """As `TypedCache.fetch`."""
        check_loader(loader)

        async def load() -> bytes | Versioned | None:
            return self._loaded(await call_loader(loader))

        return self._decoded(
            await self.cache.fetch(key, ttl, load, strong=strong, deadline=deadline, session=session)
        )

    async def fetch_batch(
        self,
        keys: Iterable[K],
        ttl: Seconds,
        loader: Callable[[list[K]], Any],
        *,
        strong: bool | None = None,
        deadline: Seconds | None = None,
        session: str | None = None,
    ) -> dict[K, T | None]:
        """As `TypedCache.fetch_batch`."""
        check_loader(loader)

        async def load(missing: list[K]) -> dict[K, bytes | Versioned | None]:
            found: Mapping[K, T | Versioned | None] = await call_loader(loader, missing)
            return {key: self._loaded(value) for key, value in found.items()}

        values = await self.cache.fetch_batch(keys, ttl, load, strong=strong, deadline=deadline, session=session)
        return {key: self._decoded(value) for key, value in values.items()}

    async def get(self, key: Key, *, deadline: Seconds | None = None) -> T | None:
        """As `TypedCache.get`."""
        return self._decoded(await self.cache.get(key, deadline=deadline))

    async def set(
        self, key: Key, value: T, ttl: Seconds, *, version: int | None = None, deadline: Seconds | None = None
    ) -> None:
        """As `TypedCache.set`."""
        await self.cache.set(key, self._encoded_to_store(value), ttl, version=version, deadline=deadline)

    async def raw_get(self, key: Key, *, deadline: Seconds | None = None) -> T | None:
        """As `TypedCache.raw_get`."""
        return self._decoded(await self.cache.raw_get(key, deadline=deadline))

    async def raw_set(self, key: Key, value: T, ttl: Seconds, *, deadline: Seconds | None = None) -> None:
        """As `TypedCache.raw_set`."""
        await self.cache.raw_set(key, self._encoded_to_store(value), ttl, deadline=deadline)

    async def invalidate(self, *keys: Key, version: int | None = None, deadline: Seconds | None = None) -> None:
        """As `TypedCache.invalidate`."""
        await self.cache.invalidate(*keys, version=version, deadline=deadline)

    async def delete(self, *keys: Key, deadline: Seconds | None = None) -> int:
        """As `TypedCache.delete`."""
        return await self.cache.delete(*keys, deadline=deadline)

    def lock_for_update(
        self,
        key: Key,
        owner: Key | None = None,
        *,
        lease: Seconds | None = None,
        deadline: Seconds | None = None,
        wait: bool = True,
        intent: bool = False,
    ) -> AsyncUpdateLock:
        """As `TypedCache.lock_for_update`."""
        return self.cache.lock_for_update(key, owner, lease=lease, deadline=deadline, wait=wait, intent=intent)

    def cached(
        self, template: str, ttl: Seconds, *, strong: bool | None = None, deadline: Seconds | None = None
    ) -> AsyncDecorator[T]:
        """As `AsyncCache.cached`."""
        return async_cached(self, template, ttl, strong, deadline)

    def __repr__(self) -> str:
        return f"<resilicache.AsyncTypedCache over {self.cache!r}>"
