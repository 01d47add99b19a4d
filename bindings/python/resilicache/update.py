"""Updates: a transaction of the caller's under a lock, by threads and by asyncio."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from . import _native as native
from .arguments import Key, Seconds, key_bytes, optional_milliseconds
from .errors import error_of
from .load import finishing
from .lock import lock_flags
from .results import read_entry

R = TypeVar("R")


class Update:
    """What a transaction is handed: the lock that it runs under.  Any thread may ask."""

    def __init__(self, key: Key, load: native.Load) -> None:
        self.key = key
        self.fence = native.load_fence(load)
        """More than that of any lock of this key before: UPDATE ... SET fence = ? WHERE fence < ?"""
        self._load: native.Load | None = load
        self._lost = False
        self._lock = threading.Lock()

    @property
    def lost(self) -> bool:
        """Whether the lock has ended: another may be writing by now."""
        with self._lock:
            if self._load is not None:
                self._lost = not native.load_wanted(self._load)
            return self._lost

    def check(self) -> None:
        """LostError where the lock has ended.

        >>> cache.update("user:1", lambda update: update.check())
        """
        if self.lost:
            raise error_of(native.LOST, "its lock has ended: another may be writing by now", self.key)

    def __enter__(self) -> Update:
        return self

    def __exit__(self, *exception: object) -> None:
        """Before the load is finished, of which nothing can be asked any more."""
        self._lost = self.lost
        with self._lock:
            self._load = None

    def __repr__(self) -> str:
        return f"<resilicache.Update of {self.key!r}, fence {self.fence}{', lost' if self.lost else ''}>"


def update_terms(
    transaction: object, owner: Key | None, lease: Seconds | None, deadline: Seconds | None, intent: bool
) -> tuple[bytes, int, int, int]:
    """The owner's text, the lease, flags and the deadline, of an update."""
    if not callable(transaction):
        raise TypeError(f"a transaction is a function, not {type(transaction).__name__}")
    text = b"" if owner is None else key_bytes(owner)
    lease_ms, deadline_ms = optional_milliseconds("lease", lease), optional_milliseconds("deadline", deadline)
    return text, lease_ms, lock_flags(intent), deadline_ms


def run_update(operation: native.Operation, key: Key, transaction: Callable[[Update], R]) -> R:
    """From the event at hand to the end, on the caller's thread.  What the transaction raises goes before all else."""
    result: Any = None
    failure: Exception | None = None
    try:
        while native.kind(operation) != native.EVENT_DONE:
            load = native.take_load(operation)
            if load is not None:
                try:
                    with finishing(load), Update(key, load) as update:
                        result = transaction(update)
                except Exception as error:
                    failure = error
            native.wait(operation)
        entries = native.take_entries(operation)
        if failure is not None:
            raise failure
        read_entry(entries, key)
        return result  # type: ignore[no-any-return]
    finally:
        failure = None
        native.drop(operation)


class Pump(Protocol):
    """What is needed of aio.Pump."""

    def start(self, work: Any) -> asyncio.Task[Any]: ...


class AsyncUpdate:
    """One under way.  The transaction runs in a task of its own, and is followed by the unlocking whoever goes away."""

    def __init__(self, key: Key, transaction: Callable[[Update], Any], call: Callable[..., Awaitable[Any]]) -> None:
        self._key, self._transaction, self._call = key, transaction, call
        self._task: asyncio.Task[Any] | None = None
        self._given_up = False
        self._result: Any = None

    async def work(self, load: native.Load) -> None:
        """The load is finished behind it."""
        if self._given_up:
            return
        self._task = asyncio.current_task()
        with Update(self._key, load) as update:
            self._result = await self._call(self._transaction, update)

    async def run(self, pump: Pump, waiting: Any) -> Any:
        """Where it is cancelled, so is the transaction, if it is a coroutine's; then its end is waited for."""
        running = pump.start(waiting)
        try:
            read_entry(await asyncio.shield(running), self._key)
        except asyncio.CancelledError:
            if running.cancelled() and not self._given_up:  # by aclose, and not by who waits here
                raise error_of(native.CLOSED, "the cache was closed") from None
            if not running.done():
                await self._end(running)
            raise
        return self._result

    async def _end(self, running: asyncio.Task[Any]) -> None:
        if self._task is None:
            self._given_up = True
            running.cancel()
            return
        if inspect.iscoroutinefunction(self._transaction):
            self._task.cancel()
        await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # it is the cancellation that is raised
