"""The two worlds of Python: threads, and asyncio."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from calls import Found

import resilicache

T = TypeVar("T")
POLL_S = 0.005
COMMON = {
    "forgetting-is-absent": "a batch loader that leaves a key out fails for it: None says absent",
    "inline": "a refresh is always done behind the call",
}


def completed(work: Coroutine[Any, Any, T]) -> T:
    """Runs what never yields."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise RuntimeError("something was awaited that yields")


class ThreadTask:
    def __init__(self, work: Coroutine[Any, Any, Found]) -> None:
        self._found: Found = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Coroutine[Any, Any, Found]) -> None:
        self._found = completed(work)

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def cancel(self) -> None:
        raise NotImplementedError

    async def result(self) -> Found:
        return self._found


class ThreadWorld:
    lacks = {**COMMON, "cancel": "a thread that waits is not interrupted"}

    def open(self, url: str, options: dict[str, str]) -> Any:
        return resilicache.Cache(url, **options)

    async def of(self, returned: Any) -> Any:
        return await returned if asyncio.iscoroutine(returned) else returned  # ours, which never yield

    async def pause(self) -> None:
        time.sleep(POLL_S)

    def loader(self, load: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
        return lambda *arguments: completed(load(*arguments))

    def begin(self, work: Coroutine[Any, Any, Found]) -> ThreadTask:
        return ThreadTask(work)


class AsyncTask:
    def __init__(self, work: Coroutine[Any, Any, Found]) -> None:
        self._task = asyncio.ensure_future(work)

    @property
    def done(self) -> bool:
        return self._task.done()

    def cancel(self) -> None:
        self._task.cancel()

    async def result(self) -> Found:
        return await self._task


class AsyncWorld:
    lacks = COMMON

    def open(self, url: str, options: dict[str, str]) -> Any:
        return resilicache.AsyncCache(url, **options)

    async def of(self, returned: Any) -> Any:
        return await returned if asyncio.iscoroutine(returned) else returned

    async def pause(self) -> None:
        await asyncio.sleep(POLL_S)

    def loader(self, load: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
        async def loader(*arguments: Any) -> Any:
            return await load(*arguments)

        return loader

    def begin(self, work: Coroutine[Any, Any, Found]) -> AsyncTask:
        return AsyncTask(work)
