"""The cache: cache-aside in one call, for threads.  All in one file, since it is the one class that users see."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from . import _native as native
from . import _process
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
    option_text,
    optional_milliseconds,
    session_text,
    value_bytes,
)
from .cached import Decorator, cached
from .load import Producer, Versioned, Workers, covers, produce_many, produce_one, run
from .lock import UpdateLock, lock_flags
from .results import count_done, read_entry, read_fence, read_lines, read_text, read_values
from .typed import Codec, TypedCache
from .update import Update, run_update, update_terms

K = TypeVar("K", str, bytes)
T = TypeVar("T")


def _end(handle: Any, workers: Workers, generation: int) -> None:
    """Closes what a cache has opened.  In a child process the workers, and their queue's lock, are the parent's."""
    forked = generation != _process.generation
    if not forked:
        workers.close()
    native.close(handle, forked)


class Cache:
    """A cache at `url`: memory://, redis://user:password@host:port/db, valkey://..., unix:///path; by TLS rediss://...

    Any thread may use it at any time.  A child process that inherits it opens it anew at its first call.  Options go
    over those in the URL's query; `resilicache.options()` lists them.

    >>> with resilicache.Cache("memory://", lock_expire="3s") as cache:
    ...     cache.fetch("user:1", ttl=10, loader=lambda: b"tester")
    b'tester'
    """

    def __init__(self, url: str = "memory://", **options: OptionValue) -> None:
        if not isinstance(url, str):
            raise TypeError(f"a URL is str, not {type(url).__name__}")
        self._url = url
        self._given: tuple[str | None, str | None] | None = None
        self._options = {name: option_text(name, value) for name, value in options.items()}
        self._open()

    def _open(self) -> None:
        generation = _process.generation
        handle = native.open(self._url, self._options)
        if self._given is not None:
            native.credentials(handle, *self._given)
        self._handle = handle
        self._workers = Workers()
        # Also runs at the interpreter's exit, and when the cache is forgotten without being closed.
        self._finalizer = weakref.finalize(self, _end, self._handle, self._workers, generation)
        self._generation = generation  # from here on, other threads take the handle

    def _reopened(self) -> Any:
        """The handle, in a process that was forked since it was made.  Closed stays closed.  Where it can't be opened,
        as with a journal_file that the parent has, the call fails, and the next one tries again."""
        with _process.reopening:
            inherited = self._finalizer
            if self._generation != _process.generation and inherited.alive:
                native.close(self._handle, True)
                self._open()
                inherited.detach()
            return self._handle

    def close(self) -> None:
        """Ends all calls with ClosedError, and does not wait for them.  May be called again."""
        self._finalizer()

    @property
    def closed(self) -> bool:
        """
        >>> with resilicache.Cache() as cache: pass
        >>> cache.closed
        True
        """
        return not self._finalizer.alive

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        secretless = re.sub(r"://[^/]*@", "://***@", self._url)
        secretless = re.sub(r"(password=)[^&]*", r"\1***", secretless)
        return f"<resilicache.Cache {secretless}{' closed' if self.closed else ''}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a cache has connections and can't be pickled: open one from its URL where you need it")

    # ---- values ----

    def fetch(
        self,
        key: Key,
        ttl: Seconds,
        loader: Callable[[], Value | Versioned | None],
        *,
        strong: bool | None = None,
        deadline: Seconds | None = None,
        session: str | None = None,
    ) -> bytes | None:
        """The cached value; where there is none, `loader` is called, once for all who ask, and its value is kept.

        The loader returns bytes, or None to say that there is none, which is remembered for a while, too.  What it
        raises is raised here, as the same object.  strong=True never returns what was invalidated before;
        strong=False may return it for a while, and has a newer one loaded behind it; None is the cache's default.
        session: what `session_token` of another cache has returned, whose writes this call alone then sees.

        >>> cache.fetch("user:1", ttl=10, loader=lambda: b"tester")
        b'tester'
        >>> cache.fetch("user:2", ttl=10, loader=lambda: None) is None
        True
        """
        check_loader(loader)
        value = native.begin_one(
            self._here(),
            native.FETCH,
            key_bytes(key),
            session_text(session),
            milliseconds("ttl", ttl),
            consistency(strong),
            optional_milliseconds("deadline", deadline),
        )
        if value is None or type(value) is bytes:
            return value
        return self._entry(value, key, produce_one(loader))[1]

    def _fetch_inline(
        self, key: Key, ttl: Seconds, loader: Callable[[], Value | Versioned | None], strong: bool | None
    ) -> tuple[str, bytes | None]:
        """The outcome in a word, and the value.  A refresh is done before this returns, not behind it."""
        flags = native.INLINE | consistency(strong)
        operation = native.begin_many(self._here(), native.FETCH, [key_bytes(key)], milliseconds("ttl", ttl), flags, 0)
        outcome, value = self._entry(operation, key, produce_one(loader))
        return {native.HIT: "hit", native.LOADED: "loaded", native.STALE: "stale"}.get(outcome, "absent"), value

    def fetch_batch(
        self,
        keys: Iterable[K],
        ttl: Seconds,
        loader: Callable[[list[K]], Mapping[K, Value | Versioned | None]],
        *,
        strong: bool | None = None,
        deadline: Seconds | None = None,
        session: str | None = None,
    ) -> dict[K, bytes | None]:
        """As fetch, for many keys at once: a dict of them all, in their order.

        The loader gets a list of those that it is to load, and returns a dict; it may be called again for keys that
        somebody else was loading in vain.  A key that it leaves out fails: say None where there is no value.  Where
        keys fail, the first failure is raised; its `results` has the values of the others.

        >>> cache.fetch_batch(["user:1", "user:2"], ttl=10, loader=lambda missing: {key: b"tester" for key in missing})
        {'user:1': b'tester', 'user:2': b'tester'}
        """
        check_loader(loader)
        names = list(dict.fromkeys(listed(keys)))
        ttl_ms, deadline_ms = milliseconds("ttl", ttl), optional_milliseconds("deadline", deadline)
        produce = produce_many(loader, names)
        text = session_text(session)
        entries = self._many(native.FETCH, names, ttl_ms, consistency(strong), deadline_ms, produce, text=text)
        return read_values(entries, names)

    def get(self, key: Key, *, deadline: Seconds | None = None) -> bytes | None:
        """What is stored, whatever its state; None where there is nothing.  Never loads.

        >>> cache.get("nobody") is None
        True
        """
        return self._one(native.GET, key, deadline=deadline)

    def set(
        self, key: Key, value: Value, ttl: Seconds, *, version: int | None = None, deadline: Seconds | None = None
    ) -> None:
        """Stores the value as fresh; who was loading one can't store it any more.

        With the row's version, from the database: OutdatedError where a newer one is known, and nothing is stored.

        >>> cache.set("user:1", b"tester", ttl=10)
        >>> cache.get("user:1")
        b'tester'
        """
        ttl_ms, number = milliseconds("ttl", ttl), check_version(version)
        self._one(native.SET, key, value_bytes(value), ttl_ms, deadline=deadline, version=number)

    def raw_get(self, key: Key, *, deadline: Seconds | None = None) -> bytes | None:
        """The value alone; leases and locks are not looked at.

        >>> cache.set("user:1", b"tester", ttl=10)
        >>> cache.raw_get("user:1")
        b'tester'
        """
        return self._one(native.GET, key, flags=native.RAW, deadline=deadline)

    def raw_set(self, key: Key, value: Value, ttl: Seconds, *, deadline: Seconds | None = None) -> None:
        """Replaces the value alone; leases and locks stay as they are.

        >>> cache.raw_set("user:1", b"tester", ttl=10)
        """
        self._one(native.SET, key, value_bytes(value), milliseconds("ttl", ttl), native.RAW, deadline)

    def invalidate(self, *keys: Key, version: int | None = None, deadline: Seconds | None = None) -> None:
        """Tags as deleted: call it once the database has committed, before the writer reports success.

        With the row's version, from the database, nothing older is stored from then on, as from a lagging replica.

        >>> cache.invalidate("user:1", "user:2")
        """
        self._count(native.INVALIDATE, keys, deadline, check_version(version))

    def delete(self, *keys: Key, deadline: Seconds | None = None) -> int:
        """Removes at once; returns how many were there.  To have a new value loaded, invalidate instead.

        >>> cache.set("user:1", b"tester", ttl=10)
        >>> cache.delete("user:1", "user:2")
        1
        """
        return self._count(native.DELETE, keys, deadline)

    def inspect(self, key: Key, *, deadline: Seconds | None = None) -> dict[str, str | int] | None:
        """The entry as it lies in the store, for people; None where there is none.

        >>> cache.set("user:1", b"tester", ttl=10)
        >>> entry = cache.inspect("user:1")
        >>> entry["state"], entry["size"]
        ('fresh', 6)
        """
        return read_text(self._one(native.INSPECT, key, deadline=deadline))

    def credentials(self, user: str | None, password: str | None) -> None:
        """User and password for connections that are opened from now on; None is what URL and options say.

        Call it before the old ones end: connections that stand are kept.

        >>> cache.credentials("app", "tomorrow's")
        """
        for name, word in (("user", user), ("password", password)):
            if word is not None and not isinstance(word, str):
                raise TypeError(f"{name} is str or None, not {type(word).__name__}")
        native.credentials(self._here(), user, password)
        self._given = user, password

    def set_option(self, name: str, value: OptionValue) -> None:
        """Sets disable_cache_read or disable_cache_delete while the cache is in use: reads are disabled before deletes,
        and enabled after them.

        >>> cache.set_option("disable_cache_read", True)
        >>> cache.set_option("disable_cache_read", False)
        """
        if not isinstance(name, str):
            raise TypeError(f"the name of an option is str, not {type(name).__name__}")
        text = option_text(name, value)
        native.set_option(self._here(), name, text)
        self._options[name] = text

    def session_token(self) -> str:
        """What this cache has written lately, for one elsewhere to join: letters, digits and '-', for a cookie.

        Needs the option session_consistency, with which a fetch sees what its own cache has written before.

        >>> with resilicache.Cache(session_consistency=True) as cache:
        ...     cache.session_token().startswith("s1-")
        True
        """
        return native.session_token(self._here())

    def join_session(self, token: str) -> None:
        """From now on, fetches see what the cache that the token is of had written.

        >>> with resilicache.Cache(session_consistency=True) as cache:
        ...     cache.join_session(cache.session_token())
        """
        if not isinstance(token, str):
            raise TypeError(f"a token is str, not {type(token).__name__}")
        native.session_join(self._here(), token)

    def stats(self) -> dict[str, str | int]:
        """Counters of this cache, since it was opened in this process.

        >>> "hits" in cache.stats()
        True
        """
        return read_lines(native.stats(self._here()))

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
    ) -> UpdateLock:
        """For writers: while the block runs, strong readers wait, others get the old value, nobody stores a new one.

        Its `fence` is for the database to refuse writers that have lost their lock: UPDATE ... WHERE fence < ?
        On the way out, also by an exception, the key is unlocked and invalidated.  wait=False raises LostError where
        somebody else has the lock, instead of waiting for it.  Without an owner, one is made up.  With intent=True
        nobody is given the value that is to be replaced: the others wait as strong readers do.

        >>> with cache.lock_for_update("user:1") as lock:
        ...     cache.inspect("user:1")["state"], lock.fence > 0
        ('locked', True)
        """
        return UpdateLock(self, key, owner, lease=lease, deadline=deadline, wait=wait, intent=intent)

    def lock(
        self,
        key: Key,
        owner: Key,
        *,
        lease: Seconds | None = None,
        deadline: Seconds | None = None,
        wait: bool = False,
        intent: bool = False,
    ) -> int:
        """What lock_for_update begins with.  The same owner may lock again; LostError: another one has it.

        Returns the fence of the lock: more than that of any lock of this key before.

        >>> cache.lock("user:1", "writer 7", lease=5) > 0
        True
        """
        flags = lock_flags(intent) | (native.WAIT if wait else 0)
        lease_ms = optional_milliseconds("lease", lease)
        return read_fence(self._one(native.LOCK, key, key_bytes(owner), lease_ms, flags, deadline))

    def renew(self, key: Key, owner: Key, *, lease: Seconds | None = None, deadline: Seconds | None = None) -> None:
        """The lock lives for `lease` from now.  LostError: it had ended.

        >>> fence = cache.lock("user:1", "writer 7", lease=5)
        >>> cache.renew("user:1", "writer 7", lease=5)
        """
        self._one(native.RENEW, key, key_bytes(owner), optional_milliseconds("lease", lease), 0, deadline)

    def unlock(self, key: Key, owner: Key, *, deadline: Seconds | None = None) -> None:
        """Leaves the entry invalidated, also if the lock had ended.  LostError: another writer has it by now.

        >>> fence = cache.lock("user:1", "writer 7")
        >>> cache.unlock("user:1", "writer 7")
        """
        self._one(native.UNLOCK, key, key_bytes(owner), deadline=deadline)

    def update(
        self,
        key: Key,
        transaction: Callable[[Update], T],
        *,
        owner: Key | None = None,
        lease: Seconds | None = None,
        deadline: Seconds | None = None,
        intent: bool = False,
    ) -> T:
        """Locks the key, runs the transaction, and unlocks, which invalidates, also where the transaction raises.

        The transaction is handed an `Update`, whose `fence` is for the database, and returns what this returns.
        Another's lock is waited for, until the deadline.  The lock is renewed each third of the lease (the option
        lock_expire), until lock_expire_max has passed.  LostError: it had ended before the transaction did, so that
        another may have written in between: the database can tell by the fence.  With intent=True no reader is given
        the old value while the transaction runs, not even an eventual one: they wait for its end.

        >>> cache.update("user:1", lambda update: update.fence > 0)
        True
        >>> cache.set("user:1", b"old", ttl=60)
        >>> cache.update("user:1", lambda update: cache.get("user:1"), intent=True) is None
        True
        """
        terms = update_terms(transaction, owner, lease, deadline, intent)
        operation = native.begin_one(self._here(), native.UPDATE, key_bytes(key), *terms)
        return run_update(operation, key, transaction)

    # ---- other shapes ----

    def typed(self, codec: Codec[T], loads: Callable[[bytes], T] | None = None) -> TypedCache[T]:
        """The same cache for values of your own: anything with dumps and loads, or a pair of functions.

        >>> users = cache.typed(json)
        >>> users.fetch("user:1", ttl=10, loader=lambda: {"name": "tester"})
        {'name': 'tester'}
        """
        return TypedCache(self, codec if loads is None else (codec, loads))  # type: ignore[arg-type]

    def cached(
        self, template: str, ttl: Seconds, *, strong: bool | None = None, deadline: Seconds | None = None
    ) -> Decorator[bytes]:
        """A function whose results are cached, under keys made of its arguments.

        >>> @cache.cached("user:{id}", ttl=60)
        ... def user(id: int) -> bytes:
        ...     return b"tester %d" % id
        >>> user(7), user.key(7)
        (b'tester 7', 'user:7')
        >>> user.invalidate(7)
        """
        return cached(self, template, ttl, strong, deadline)

    # ---- how calls run ----

    def _here(self) -> Any:
        return self._handle if self._generation == _process.generation else self._reopened()

    def _one(
        self,
        call: int,
        key: Key,
        text: bytes = b"",
        time_ms: int = 0,
        flags: int = 0,
        deadline: Seconds | None = None,
        version: int = 0,
    ) -> bytes | None:
        deadline_ms = optional_milliseconds("deadline", deadline)
        value = native.begin_one(self._here(), call, key_bytes(key), text, time_ms, flags, deadline_ms, version)
        if value is None or type(value) is bytes:
            return value
        return self._entry(value, key, None)[1]

    def _many(
        self,
        call: int,
        keys: list[Any],
        time_ms: int,
        flags: int,
        deadline_ms: int,
        produce: Producer | None,
        version: int = 0,
        text: bytes = b"",
    ) -> list[native.Entry]:
        if not keys:
            return []
        names = [key_bytes(key) for key in keys]
        operation = native.begin_many(self._here(), call, names, time_ms, flags, deadline_ms, version, text)
        return self._drive(operation, produce)

    def _count(self, call: int, keys: Iterable[Key], deadline: Seconds | None, version: int = 0) -> int:
        """For how many keys it was done; the others were not there."""
        names = list(keys)
        if len(names) == 1:
            return int(self._one(call, names[0], deadline=deadline, version=version) is not None)
        entries = self._many(call, names, 0, 0, optional_milliseconds("deadline", deadline), None, version)
        return count_done(entries, names)

    def _entry(self, operation: Any, key: Key, produce: Producer | None) -> tuple[int, bytes | None]:
        """The one key's outcome and value."""
        return read_entry(self._drive(operation, produce), key)

    def _drive(self, operation: Any, produce: Producer | None) -> list[native.Entry]:
        """Runs the operation from the event at hand to its end: loads here what is asked for, and behind what may wait.

        What a loader raises fails its load, and is raised when the others who wait for the key have been told, unless
        an older value is served."""
        failure: Exception | None = None
        try:
            while native.kind(operation) != native.EVENT_DONE:
                load = native.take_load(operation)
                if load is not None and produce is not None:
                    try:
                        run(load, produce)
                    except Exception as error:
                        failure = failure or error
                native.wait(operation)
            behind = native.take_load(operation)
            entries = native.take_entries(operation)
            if behind is not None and produce is not None:
                self._workers.submit(behind, produce)
            if failure is not None and not covers(entries, failure):
                raise failure
        finally:
            failure = None
            native.drop(operation)
        return entries
