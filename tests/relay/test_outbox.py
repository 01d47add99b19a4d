"""`resilicache.outbox`, on SQLite and on PostgreSQL."""

from __future__ import annotations

import logging
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

import resilicache
from resilicache.outbox import Outbox
from servers import Server, free_port, until

HERE = Path(__file__).resolve().parent
TABLES = {
    "sqlite": "CREATE TABLE resilicache_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, cache_key TEXT NOT NULL)",
    "postgresql": "CREATE TABLE resilicache_outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "cache_key text NOT NULL)",
}
Connect = Callable[[], Any]


@pytest.fixture(params=list(TABLES))
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    """Opens connections to a database with the table."""
    if request.param == "sqlite":
        path = tmp_path / "database"

        def opened() -> Any:
            return sqlite3.connect(path, timeout=30)
    else:
        conninfo = request.getfixturevalue("database").conninfo

        def opened() -> Any:
            return psycopg.connect(conninfo)

    execute(opened, TABLES[request.param])
    yield opened
    execute(opened, "DROP TABLE resilicache_outbox")


def execute(connect: Connect, statement: str) -> None:
    with closing(connect()) as connection:
        connection.cursor().execute(statement)
        connection.commit()


def rows(connect: Connect) -> list[str]:
    with closing(connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT cache_key FROM resilicache_outbox ORDER BY id")
        return [key for (key,) in cursor.fetchall()]


def enqueue(connect: Connect, outbox: Outbox, *keys: str) -> None:
    with closing(connect()) as connection:
        outbox.enqueue(connection.cursor(), keys)
        connection.commit()


def is_old(cache: resilicache.Cache, key: str) -> bool:
    entry = cache.inspect(key)
    return entry is not None and entry["state"] == "invalidated"


def test_what_is_committed_is_invalidated_and_what_is_rolled_back_is_not(
    connect: Connect, cache: resilicache.Cache
) -> None:
    outbox = Outbox(connect, cache)
    for key in ("kept", "rolled back"):
        cache.set(key, b"old", ttl=600)
    with closing(connect()) as connection:
        outbox.enqueue(connection.cursor(), ["rolled back"])
        connection.rollback()
    enqueue(connect, outbox, "kept", "kept", "never cached")
    assert rows(connect) == ["kept", "never cached"]
    assert outbox.drain() == 2
    assert rows(connect) == [] and outbox.drain() == 0
    assert is_old(cache, "kept") and not is_old(cache, "rolled back")


def test_more_than_a_batch_is_drained_at_once(connect: Connect, cache: resilicache.Cache) -> None:
    outbox = Outbox(connect, cache, batch=10)
    enqueue(connect, outbox, *(f"key:{number}" for number in range(35)))
    assert outbox.drain() == 35


def test_rows_stay_while_the_server_is_away(connect: Connect) -> None:
    url = f"redis://127.0.0.1:{free_port()}?deadline=300ms"
    with resilicache.Cache(url) as cache:
        outbox = Outbox(connect, cache)
        enqueue(connect, outbox, "key")
        with pytest.raises(resilicache.Error):
            outbox.drain()
    assert rows(connect) == ["key"]


def test_a_key_with_a_value_of_another_kind_is_logged_and_passed_over(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.ask("RPUSH", "list", "no cache entry")
    with resilicache.Cache(server.url) as cache, caplog.at_level(logging.WARNING):
        outbox = Outbox(connect, cache)
        cache.set("key", b"old", ttl=600)
        enqueue(connect, outbox, "list", "key")
        assert outbox.drain() == 2
        assert rows(connect) == [] and is_old(cache, "key")
    assert len(caplog.messages) == 1
    assert "the outbox resilicache_outbox passes over a key: 'list'" in caplog.messages[0]


def test_a_row_that_is_committed_late_is_not_deleted_unseen(database: Any, cache: resilicache.Cache) -> None:
    def connect() -> Any:
        return psycopg.connect(database.conninfo)

    execute(connect, TABLES["postgresql"])
    try:
        outbox = Outbox(connect, cache)
        cache.set("late", b"old", ttl=600)
        with closing(connect()) as slow:
            outbox.enqueue(slow.cursor(), ["late"])  # has the lower id
            enqueue(connect, outbox, "early")
            assert outbox.drain() == 1
            slow.commit()
        assert outbox.drain() == 1 and is_old(cache, "late")
    finally:
        execute(connect, "DROP TABLE resilicache_outbox")


def test_run_goes_on_after_an_outage_and_ends_when_told(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with resilicache.Cache(f"{server.url}?deadline=300ms") as cache, caplog.at_level(logging.WARNING):
        outbox = Outbox(connect, cache)
        runner = threading.Thread(target=outbox.run, args=(0.01,))
        runner.start()
        try:
            enqueue(connect, outbox, "first")
            until(lambda: rows(connect) == [], "the first is done")
            server.pause()
            enqueue(connect, outbox, "second")
            until(lambda: caplog.messages, "it is logged")
            assert "the outbox resilicache_outbox waits for 0.1 s" in caplog.messages[0]
            assert rows(connect) == ["second"]
            server.resume()
            until(lambda: rows(connect) == [], "the second is done")
        finally:
            server.resume()
            outbox.stop()
            runner.join(timeout=30)
        assert not runner.is_alive()


def test_killed_anywhere_it_loses_nothing(url: str, cache: resilicache.Cache, tmp_path: Path) -> None:
    path, count, chance = tmp_path / "database", 3000, random.Random(7)

    def connect() -> Any:
        return sqlite3.connect(path, timeout=30)

    execute(connect, TABLES["sqlite"])
    outbox = Outbox(connect, cache)
    keys = [f"key:{number}" for number in range(count)]
    for key in keys:
        cache.set(key, b"old", ttl=600)
    enqueue(connect, outbox, *keys)
    for _ in range(5):
        with subprocess.Popen([sys.executable, HERE / "drainer.py", path, url], stdout=subprocess.PIPE) as drainer:
            assert drainer.stdout is not None and drainer.stdout.readline() == b"ready\n"
            threading.Event().wait(chance.uniform(0, 0.05))
            drainer.kill()
        assert drainer.returncode in (-signal.SIGKILL, 0)
    outbox.drain()
    assert [key for key in keys if not is_old(cache, key)] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"table": "outbox; DROP TABLE users"}, "table is a name"),
        ({"batch": 0}, "batch is a number of rows above zero"),
        ({"paramstyle": "?"}, "paramstyle is one of qmark, format"),
    ],
)
def test_what_is_wrong_is_told(cache: resilicache.Cache, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Outbox(sqlite3.connect, cache, **arguments)


def test_wrong_kinds_are_told(connect: Connect, cache: resilicache.Cache) -> None:
    with pytest.raises(TypeError, match="wants a resilicache.Cache, not str"):
        Outbox(connect, "redis://localhost")  # type: ignore[arg-type]
    outbox = Outbox(connect, cache)
    with closing(connect()) as connection:
        with pytest.raises(TypeError, match="not one str"):
            outbox.enqueue(connection.cursor(), "user:1")
        with pytest.raises(TypeError, match="a key in an outbox is str, not int"):
            outbox.enqueue(connection.cursor(), [1])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="no paramstyle is known: .*paramstyle="):
        outbox.enqueue(object(), ["user:1"])


def test_a_cursor_of_another_s_class_is_told_its_style(cache: resilicache.Cache) -> None:
    class Wrapped:
        """As Django's."""

        def __init__(self) -> None:
            self.statements: list[object] = []

        def executemany(self, *statement: object) -> None:
            self.statements.append(statement)

    cursor = Wrapped()
    Outbox(sqlite3.connect, cache, table="shop.outbox", paramstyle="format").enqueue(cursor, ["user:1"])
    assert cursor.statements == [("INSERT INTO shop.outbox (cache_key) VALUES (%s)", [("user:1",)])]
