"""The stage: where one case is played, line by line.

It is written once, with await, for asyncio and for threads: for threads nothing that is awaited ever yields."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from calls import (
    Call,
    Failed,
    Found,
    LoaderFailed,
    call_of,
    failed_by,
    listed,
    meets,
    seconds,
    show,
    succeeded,
)
from words import Mistake, Word, split, words_of

import resilicache

PATIENCE_S = 30.0
# A slow machine is no reason for a failure: what bounds nothing in a case is generous.
OPTIONS = {"op_timeout": "10s", "connect_timeout": "10s", "deadline": "30s"}
FINISHED = ("loads_stored", "loads_failed", "loads_lost", "loads_direct")


class Unexpected(Exception):
    """What came was not what the case says."""


class Task(Protocol):
    """A call under way."""

    @property
    def done(self) -> bool: ...
    def cancel(self) -> None: ...
    async def result(self) -> Found: ...


class World(Protocol):
    """How a runtime opens caches, waits, and does many things at once."""

    lacks: dict[str, str]

    def open(self, url: str, options: dict[str, str]) -> Any: ...
    async def of(self, returned: Any) -> Any: ...
    async def pause(self) -> None: ...
    def loader(self, load: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]: ...
    def begin(self, work: Coroutine[Any, Any, Found]) -> Task: ...


class Actor:
    """One call or many alike, begun and not yet waited for."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.tasks: list[Task] = []
        self.loading = 0


class Stage:
    def __init__(self, world: World, url: str, prefix: str) -> None:
        self._world, self._url, self._prefix = world, url, prefix
        self._caches: dict[str, Any] = {}
        self._rows: dict[bytes, bytes] = {}
        self._fences: dict[bytes, int] = {}
        self._told: set[bytes] = set()
        self._over = False
        self._actors: dict[str, Actor] = {}
        self._lock = threading.Lock()
        self.called = 0
        self._asked: list[bytes] = []
        self._names: set[bytes] = set()

    # ---- what a line says ----

    async def play(self, line: str) -> Found:
        """What came of the call, if the line has one."""
        words, expected = split(words_of(line.encode()), b"->")
        first = str(words[0])
        step = getattr(self, "_step_" + first.replace("-", "_"), None)
        if step is not None:
            return await step(words[1:], expected)
        if first.endswith(":") and not words[0].quoted:
            return self._begin(first[:-1], words[1:])
        if first in self._actors and len(words) == 1:
            return await self._collect(self._actors[first], expected)
        call = call_of(words)
        return _checked(await self._make(call, None), expected, call)

    def _begin(self, label: str, words: Sequence[Word]) -> None:
        name, _, count = label.partition("*")
        actor = self._actors[name] = Actor(call_of(words))
        self._cache(actor.call.at)  # opened here, and not by many at once
        for _ in range(int(count or 1)):
            actor.tasks.append(self._world.begin(self._make(actor.call, actor)))

    async def _collect(self, actor: Actor, expected: Sequence[Word]) -> Found:
        found: Found = None
        for task in actor.tasks:
            await self._until(lambda task=task: task.done, "it ends")
            found = _checked(await task.result(), expected, actor.call)
        return found

    async def _step_options(self, words: Sequence[Word], expected: Sequence[Word]) -> None:
        await self._step_cache([Word(b"main", False), *words], expected)

    async def _step_cache(self, words: Sequence[Word], expected: Sequence[Word]) -> None:
        name, url = str(words[0]), self._url
        options = {**OPTIONS, "prefix": self._prefix}
        for word in words[1:]:
            option, _, value = str(word).partition("=")
            if option == "url":
                url = value
            else:
                options[option] = value
        try:
            self._caches[name] = self._world.open(url, options)
        except resilicache.Error as error:
            _checked(Failed(error.status_name, str(error)), expected, None)
            return
        if expected:
            raise Unexpected("it was opened")

    async def _step_close(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        self._caches[str(words[0])].close()

    async def _step_join(self, words: Sequence[Word], expected: Sequence[Word]) -> None:
        """FROM [at CACHE]: it takes up the token of the cache FROM, or the one that is written between quotes."""
        found: Found = "done"
        (source,), at = split(words, b"at")
        try:
            token = str(source) if source.quoted else self._cache(str(source)).session_token()
            self._cache(str(at[0]) if at else "main").join_session(token)
        except resilicache.Error as error:
            found = Failed(error.status_name, str(error))
        _checked(found, expected, None)

    async def _step_row(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        self._rows[words[0].text] = words[1].text

    async def _step_rows(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        self._rows.update((word.text, word.text) for word in words)

    async def _step_tell(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        self._told.add(words[0].text)

    async def _step_cancel(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        for task in self._actors[str(words[0])].tasks:
            task.cancel()

    async def _step_called(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        if self.called != int(str(words[0])):
            raise Unexpected(f"the loaders were called {self.called} times")

    async def _step_asked(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        if sorted(self._asked) != sorted(word.text for word in words):
            raise Unexpected("the loader was asked for " + show(sorted(self._asked)))

    async def _step_stat(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        if self._stat(words) != int(str(words[1])):
            raise Unexpected(f"it is {self._stat(words)}")

    async def _step_await(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        if str(words[0]) == "stat":
            await self._until(lambda: self._stat(words[1:]) >= int(str(words[2])), f"{words[1]} is {words[2]}")
        elif str(words[0]) == "called":
            await self._until(lambda: self.called >= int(str(words[1])), "the loaders were called that often")
        elif len(words) == 2 and str(words[1]) == "loading":
            actor = self._actors[str(words[0])]
            await self._until(lambda: actor.loading > 0, "its loader is called")
        else:
            raise Mistake("await wants `stat NAME COUNT`, `called COUNT` or `ACTOR loading`")

    async def _step_eventually(self, words: Sequence[Word], expected: Sequence[Word]) -> Found:
        expected, between = split(expected, b"between")
        call = call_of(words)
        end = time.monotonic() + PATIENCE_S
        while not meets(found := await self._make(call, None), expected, call):
            if time.monotonic() > end:
                raise Unexpected(f"{PATIENCE_S:.0f} s later it is still {show(found)}")
            if between:
                await self._make(call_of(between), None)
            await self._world.pause()
        return found

    async def _step_ttls(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        """Times to live within bounds, and this far apart."""
        names, bounds = split(words, b"within")
        least, most, _, apart = (1000 * seconds(word) if index != 2 else 0 for index, word in enumerate(bounds))
        times = [(await self._make(Call("inspect", [name.text]), None))["ttl_ms"] for name in names]  # type: ignore
        if min(times) < least or max(times) > most or max(times) - min(times) < apart:
            raise Unexpected(f"they are {min(times)} to {max(times)} ms")

    async def _step_storm(self, words: Sequence[Word], _: Sequence[Word]) -> None:
        """KEY readers COUNT writes COUNT: strong readers, and a writer beside them whose rows are numbers that rise."""
        key, readers, writes = words[0].text, int(str(words[2])), int(str(words[4]))
        acknowledged, over, wrong = 0, False, ""
        fetch = Call("fetch", [key], strong=True)
        self._rows[key] = b"0"
        await self._make(fetch, None)

        async def read() -> Found:
            nonlocal wrong
            while not over:
                least = acknowledged
                found = await self._make(fetch, None)
                if not isinstance(found, bytes) or int(found) < least:
                    wrong = f"{show(found)} was read after {least} was written"
            return None

        tasks = [self._world.begin(read()) for _ in range(readers)]
        for number in range(1, writes + 1):
            self._rows[key] = b"%d" % number
            await self._make(Call("invalidate", [key]), None)
            acknowledged = number
        over = True
        for task in tasks:
            await self._until(lambda task=task: task.done, "a reader ends")
        if wrong:
            raise Unexpected(wrong)

    # ---- waiting ----

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                raise Unexpected(f"{PATIENCE_S:.0f} s were not enough until {what}")
            await self._world.pause()

    def _stat(self, words: Sequence[Word]) -> int:
        name, at = str(words[0]), str(words[3]) if len(words) > 3 else "main"
        stats = self._cache(at).stats()
        if name not in stats:
            raise Mistake(f"there is no counter {name}")
        return int(stats[name])

    def _cache(self, name: str) -> Any:
        if name == "main" and name not in self._caches:
            self._caches[name] = self._world.open(self._url, {**OPTIONS, "prefix": self._prefix})
        return self._caches[name]

    # ---- calls ----

    async def _make(self, call: Call, actor: Actor | None) -> Found:
        self._names.update(call.names)
        cache = self._cache(call.at)
        try:
            if call.verb == "batch":
                return await self._batch(cache, call, actor)
            return await self._world.of(getattr(self, "_call_" + call.verb.replace("-", "_"))(cache, call, actor))
        except BaseException as error:
            return failed_by(error, call)

    def _load(self, call: Call, actor: Actor | None) -> Callable[[list[bytes]], Coroutine[Any, Any, Any]]:
        async def load(names: list[bytes]) -> Any:
            rows = {name: self._rows.get(name) for name in names if name not in call.forgotten}
            with self._lock:
                self.called += 1
                self._asked = list(names)
                if actor is not None:
                    actor.loading += 1
            if call.after is not None:
                await self._until(lambda: call.after in self._told or self._over, f"{call.after!r} is told")
            if call.failure is not None:
                failed = LoaderFailed(call.failure)
                failed.permanent = call.permanently
                raise failed
            return 7 if call.nonsense else rows

        return load

    def _terms(self, call: Call) -> dict[str, Any]:
        """Of a fetch."""
        seen = call.seeing
        session = None if seen is None else str(seen) if seen.quoted else self._cache(str(seen)).session_token()
        return {"strong": call.strong, "deadline": call.deadline, "session": session}

    async def _call_fetch(self, cache: Any, call: Call, actor: Actor | None) -> Found:
        load = self._load(call, actor)

        async def load_one() -> Any:
            rows = await load(call.names)
            row = rows if call.nonsense else rows[call.names[0]]
            version = call.primary if call.primary and resilicache.reads_primary() else call.version
            return row if version is None else resilicache.Versioned(row, version)

        loader = self._world.loader(load_one)
        fetched = cache.fetch(call.names[0], call.ttl, loader, **self._terms(call))
        return await self._world.of(fetched)

    async def _batch(self, cache: Any, call: Call, actor: Actor | None) -> Found:
        loader = self._world.loader(self._load(call, actor))
        try:
            fetched = cache.fetch_batch(call.names, call.ttl, loader, **self._terms(call))
            return listed(call, await self._world.of(fetched), None)
        except resilicache.Error as error:
            return listed(call, error.results, failed_by(error, call))

    async def _call_get(self, cache: Any, call: Call, _: Actor | None) -> Found:
        return await self._world.of(cache.get(call.names[0], deadline=call.deadline))

    async def _call_raw_get(self, cache: Any, call: Call, _: Actor | None) -> Found:
        return await self._world.of(cache.raw_get(call.names[0], deadline=call.deadline))

    async def _call_set(self, cache: Any, call: Call, _: Actor | None) -> Found:
        terms = {"version": call.version, "deadline": call.deadline}
        await self._world.of(cache.set(call.names[0], call.value, call.ttl, **terms))
        return "done"

    async def _call_raw_set(self, cache: Any, call: Call, _: Actor | None) -> Found:
        await self._world.of(cache.raw_set(call.names[0], call.value, call.ttl, deadline=call.deadline))
        return "done"

    async def _call_invalidate(self, cache: Any, call: Call, _: Actor | None) -> Found:
        await self._world.of(cache.invalidate(*call.names, version=call.version, deadline=call.deadline))
        return "done"

    async def _call_delete(self, cache: Any, call: Call, _: Actor | None) -> Found:
        return await self._world.of(cache.delete(*call.names, deadline=call.deadline))

    async def _call_inspect(self, cache: Any, call: Call, _: Actor | None) -> Found:
        return await self._world.of(cache.inspect(call.names[0], deadline=call.deadline))

    async def _call_lock(self, cache: Any, call: Call, _: Actor | None) -> Found:
        terms = {"lease": call.lease, "deadline": call.deadline, "wait": call.waiting, "intent": call.intent}
        await self._world.of(cache.lock(call.names[0], call.owner, **terms))
        return "done"

    async def _call_renew(self, cache: Any, call: Call, _: Actor | None) -> Found:
        await self._world.of(cache.renew(call.names[0], call.owner, lease=call.lease, deadline=call.deadline))
        return "done"

    async def _call_unlock(self, cache: Any, call: Call, _: Actor | None) -> Found:
        await self._world.of(cache.unlock(call.names[0], call.owner, deadline=call.deadline))
        return "done"

    async def _call_update(self, cache: Any, call: Call, actor: Actor | None) -> Found:
        """UPDATE ... SET row = ?, fence = ? WHERE key = ? AND fence < ?"""

        async def transact(update: resilicache.Update) -> None:
            if actor is not None:
                actor.loading += 1
            if call.after is not None:
                await self._until(lambda: call.after in self._told or self._over, f"{call.after!r} is told")
            if call.failure is not None:
                raise LoaderFailed(call.failure)
            with self._lock:
                if self._fences.get(call.names[0], 0) >= update.fence:
                    raise LoaderFailed("too late")
                self._fences[call.names[0]] = update.fence
                self._rows[call.names[0]] = call.value

        terms = {"owner": call.owner or None, "lease": call.lease, "deadline": call.deadline, "intent": call.intent}
        await self._world.of(cache.update(call.names[0], self._world.loader(transact), **terms))
        return "done"

    # ---- the end ----

    async def clear(self) -> None:
        """Everybody leaves; no load may be left unfinished, and no key in the store."""
        self._over = True
        try:
            for actor in self._actors.values():
                for task in actor.tasks:
                    await self._until(lambda task=task: task.done, "a call ends")
            for name, cache in self._caches.items():
                if not cache.closed:
                    await self._until(lambda cache=cache: _unfinished(cache) == 0, f"the loads of {name} are finished")
        finally:
            for cache in self._caches.values():
                cache.close()
            await self._sweep()

    async def _sweep(self) -> None:
        broom = self._world.open(self._url, {**OPTIONS, "prefix": self._prefix})
        with contextlib.suppress(resilicache.LimitError):
            await self._world.of(broom.delete(*self._names))
        broom.close()


def _unfinished(cache: Any) -> int:
    stats = cache.stats()
    return int(stats["loads"]) - sum(int(stats[name]) for name in FINISHED)


def _checked(found: Found, expected: Sequence[Word], call: Call | None) -> Found:
    if not (meets(found, expected, call or Call("")) if expected else succeeded(found)):
        raise Unexpected(f"what came is {show(found)}")
    return found
