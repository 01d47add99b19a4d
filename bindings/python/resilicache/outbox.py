"""An outbox: a table in your database with the keys that are to be invalidated, written by the transaction that changes
the rows, so that a program which dies after its commit leaves no old value behind.

>>> import sqlite3, threading
>>> from contextlib import closing
>>> from resilicache.outbox import Outbox
>>> connect = lambda: sqlite3.connect("file:outbox?mode=memory&cache=shared", uri=True)
>>> connection = connect()
>>> for statement in (
...     "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)",
...     "CREATE TABLE resilicache_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, cache_key TEXT NOT NULL)",
... ):
...     cursor = connection.execute(statement)

A writer has both in one transaction:

>>> outbox = Outbox(connect, cache)
>>> cache.set("user:1", b"tester", ttl=60)
>>> with connection:
...     cursor = connection.execute("INSERT INTO users VALUES (1, 'Tester')")
...     outbox.enqueue(cursor, ["user:1"])

Some process, or a thread of each, does what is in it; `run` does it for ever:

>>> outbox.drain()
1
>>> cache.inspect("user:1")["state"]
'invalidated'
>>> thread = threading.Thread(target=outbox.run)
>>> thread.start()
>>> outbox.stop()
>>> thread.join()
>>> connection.close()
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from . import _native as native
from .arguments import Seconds, listed, milliseconds
from .cache import Cache
from .errors import error_of

log = logging.getLogger(__name__)

_MARKS = {"qmark": "?", "format": "%s", "pyformat": "%s", "numeric": ":1", "named": ":1"}
_PAUSE_FIRST_S = 0.1
_PAUSE_MAX_S = 10.0


class Outbox:
    """The table `table` has an `id` that only grows and is never used again, and a text, `cache_key`; docs/relay.md has
    it for each database.

    connect: a function that opens a connection as Python's DB-API 2 has it, such as psycopg's or sqlite3's, or
    SQLAlchemy's `engine.raw_connection`.  paramstyle: the driver's, where the cursor's own module doesn't tell it:
    "format" for Django's.

    Any thread may use it, each with cursors of its own."""

    def __init__(
        self,
        connect: Callable[[], Any],
        cache: Cache,
        *,
        table: str = "resilicache_outbox",
        batch: int = 500,
        paramstyle: str | None = None,
    ) -> None:
        if not isinstance(cache, Cache):
            raise TypeError(f"an outbox wants a resilicache.Cache, not {type(cache).__name__}")
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", table):
            raise ValueError(f"table is a name, with its schema's before it or without: {table!r} is none")
        if batch < 1:
            raise ValueError(f"batch is a number of rows above zero: {batch!r} is not")
        if paramstyle is not None and paramstyle not in _MARKS:
            raise ValueError(f"paramstyle is one of {', '.join(_MARKS)}: {paramstyle!r} is not")
        self._connect, self._cache, self._table, self._batch = connect, cache, table, batch
        self._paramstyle = paramstyle
        self._stopped = threading.Event()

    def _mark(self, cursor: Any) -> str:
        """What stands for a parameter."""
        driver = sys.modules.get(type(cursor).__module__.partition(".")[0])
        style = self._paramstyle or getattr(driver, "paramstyle", None)
        if style not in _MARKS:
            raise TypeError(f"of {type(cursor)!r} no paramstyle is known: Outbox(..., paramstyle=) tells it")
        return _MARKS[style]

    def enqueue(self, cursor: Any, keys: Iterable[str]) -> None:
        """Writes the keys into the table, by the cursor of the transaction that changes their rows.

        Where invalidations have to be seen at once, invalidate after the commit, too: this is for when that fails."""
        names = list(dict.fromkeys(listed(keys)))
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"a key in an outbox is str, not {type(name).__name__}")
        insert = f"INSERT INTO {self._table} (cache_key) VALUES ({self._mark(cursor)})"
        if names:
            cursor.executemany(insert, [(name,) for name in names])

    def drain(self) -> int:
        """Invalidates what is in the table, in its order, and deletes it then; how many rows that were.  Fails where
        server or database do, and what was not invalidated stays."""
        total, count = 0, self._batch
        with closing(self._connect()) as connection:
            while count == self._batch:
                count = self._drain_batch(connection)
                total += count
        return total

    def _drain_batch(self, connection: Any) -> int:
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"SELECT id, cache_key FROM {self._table} ORDER BY id LIMIT {self._batch}")
            rows = cursor.fetchall()
        connection.rollback()  # no transaction stays open while the cache is asked
        if not rows:
            return 0
        self._invalidate(list(dict.fromkeys(key for _, key in rows)))
        with closing(connection.cursor()) as cursor:
            # Each by its id: one below the highest may have been committed since.
            delete = f"DELETE FROM {self._table} WHERE id = {self._mark(cursor)}"
            cursor.executemany(delete, [(number,) for number, _ in rows])
        connection.commit()
        return len(rows)

    def _invalidate(self, keys: list[str]) -> None:
        """A key that holds a value of another kind has nothing to invalidate: it is logged, and done."""
        entries = self._cache._many(native.INVALIDATE, keys, 0, 0, 0, None)
        passed_over: list[str] = []
        for key, (outcome, status, words) in zip(keys, entries, strict=True):
            if status == native.TYPE:
                passed_over.append(str(words))
            elif outcome == native.FAILED:
                raise error_of(status, str(words), key)
        for words in passed_over:
            log.warning("the outbox %s passes over a key: %s", self._table, words)

    def run(self, every: Seconds = 0.2) -> None:
        """Drains until stop() is called.  What fails is logged and tried again, with ever longer pauses."""
        every_s = milliseconds("every", every) / 1000
        pause_s = _PAUSE_FIRST_S
        while not self._stopped.is_set():
            try:
                with closing(self._connect()) as connection:
                    while not self._stopped.is_set():
                        done = self._drain_batch(connection) < self._batch
                        pause_s = _PAUSE_FIRST_S
                        if done:
                            self._stopped.wait(every_s)
            except Exception as failure:  # the server's or the database's: drivers share no class of them
                log.warning("the outbox %s waits for %.1f s: %s", self._table, pause_s, failure)
                self._stopped.wait(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)

    def stop(self) -> None:
        """Ends run(), also one that begins later, once its batch is done."""
        self._stopped.set()
