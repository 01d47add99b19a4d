"""Loaders at work: in the foreground on the caller's thread, and behind it for values that are only to be refreshed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from . import _native as native
from .arguments import Value, check_version, value_bytes

K = TypeVar("K", str, bytes)

logger = logging.getLogger("resilicache")

THREADS_MAX = 4
JOBS_MAX = 256
"""Refreshes that wait for a thread.  What is more is dropped: the next reader of the key takes it up again."""

Answers = tuple[list[bytes | None], set[int], dict[int, int]]
Producer = Callable[[list[int]], Answers]
"""From positions among a call's keys to one answer for each, the indexes of those that have none,
and versions by index."""


class Versioned(NamedTuple):
    """What a loader returns to tell which version of the row its value is; None as value: there is no row.

    >>> cache.fetch("user:1", ttl=10, loader=lambda: resilicache.Versioned(b"tester", 7))
    b'tester'
    """

    value: Any
    version: int


def _plain(values: list[Any]) -> tuple[list[bytes | None], dict[int, int]]:
    versions = {index: value.version for index, value in enumerate(values) if isinstance(value, Versioned)}
    bare = [value.value if isinstance(value, Versioned) else value for value in values]
    for version in versions.values():
        check_version(version)
    return [None if value is None else value_bytes(value) for value in bare], versions


def produce_one(loader: Callable[[], Any]) -> Producer:
    def produce(positions: list[int]) -> Answers:
        return answer_one(loader())

    return produce


def answer_one(value: Any) -> Answers:
    answers, versions = _plain([value])
    return answers, set(), versions


def produce_many(loader: Callable[[list[K]], Mapping[K, Value | Versioned | None]], keys: list[K]) -> Producer:
    def produce(positions: list[int]) -> Answers:
        missing = [keys[position] for position in positions]
        return answer_many(missing, loader(missing))

    return produce


def answer_many(missing: list[K], found: Mapping[K, Value | Versioned | None]) -> Answers:
    if not isinstance(found, Mapping):
        raise TypeError(f"a batch's loader returns a dict of its keys, not {type(found).__name__}")
    values = [found.get(key) for key in missing]
    answers, versions = _plain(values)
    forgotten = {index for index, key in enumerate(missing) if values[index] is None and key not in found}
    return answers, forgotten, versions


def run(load: native.Load, produce: Producer) -> None:
    """Answers the load and finishes it.  An exception of the loader's fails it and goes on to the caller."""
    with finishing(load):
        native.load_answer(load, *produce(native.load_positions(load)))


_primary: ContextVar[bool] = ContextVar("resilicache_reads_primary", default=False)


def reads_primary() -> bool:
    """Whether the loader that asks is to read the primary database: what was loaded before is older than a version
    that is known, as from a lagging replica.

    >>> cache.fetch("user:2", ttl=10, loader=lambda: b"primary" if resilicache.reads_primary() else b"replica")
    b'replica'
    """
    return _primary.get()


@contextmanager
def finishing(load: native.Load) -> Iterator[None]:
    """Finishes the load at the end of the block; an exception in it fails the load and goes on."""
    token = _primary.set(native.load_reads_primary(load))
    try:
        yield
    except BaseException as error:
        native.load_fail(load, f"{type(error).__name__}: {error}", getattr(error, "permanent", False) is True)
        raise
    finally:
        _primary.reset(token)
        native.load_finish(load)


def covers(entries: list[native.Entry], failure: Exception) -> bool:
    """Whether there is an answer although a loader failed: an older value.  The log has the failure then."""
    if any(outcome == native.FAILED for outcome, _, _ in entries):
        return False
    logger.error("a loader failed, and an older value was served", exc_info=failure)
    return True


def refuse(load: native.Load, why: str) -> None:
    native.load_fail(load, why)
    native.load_finish(load)


class Workers:
    """A few threads for refreshes, started when the first comes.  They never keep the interpreter from ending."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[native.Load, Producer] | None] = SimpleQueue()
        self._threads = 0
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, load: native.Load, produce: Producer) -> None:
        """Hands the load over; where it can't be, it fails."""
        if self._closed or self._jobs.qsize() >= JOBS_MAX or not self._have_thread():
            refuse(load, "too much to refresh, or about to close")
            return
        self._jobs.put((load, produce))

    def _have_thread(self) -> bool:
        with self._lock:
            if self._threads < THREADS_MAX:
                try:
                    threading.Thread(target=self._work, name="resilicache-refresh", daemon=True).start()
                    self._threads += 1
                except RuntimeError:
                    logger.debug("no further thread for refreshes can be started", exc_info=True)
            return self._threads > 0

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            load, produce = job
            try:
                run(load, produce)
            except BaseException:
                logger.exception("a loader failed while it refreshed a value that is served meanwhile")
            del job, load, produce

    def close(self) -> None:
        """Refuses what waits; what runs goes on by itself.  Takes no lock: a garbage collection may come here."""
        self._closed = True
        try:
            while (job := self._jobs.get_nowait()) is not None:
                refuse(job[0], "the cache was closed")
        except Empty:
            pass
        for _ in range(THREADS_MAX):
            self._jobs.put(None)
