"""A real database, followed by examples/relay/postgresql: whoever is killed, the cache comes to be as the database."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import resilicache
from postgresql import PostgreSQL
from relaying import ROOT, TOOL, USERS, relay
from servers import until
from writer import KEYS

HERE = Path(__file__).resolve().parent
TTL_S = 3600
CHAOS_S = 8.0
CATCH_UP_S = 60.0
DEATHS_S = 30.0
SLOT = "resilicache"
PARTS = ["resilicache", "pg_recvlogical", "psql", "postgresql"]


@pytest.fixture
def users(database: PostgreSQL) -> Iterator[PostgreSQL]:
    """With a table and the slot."""
    database.ask("CREATE TABLE users (id int PRIMARY KEY, version int NOT NULL)")
    database.ask(f"INSERT INTO users SELECT id, 0 FROM generate_series(0, {KEYS - 1}) AS id")
    database.ask(f"SELECT pg_create_logical_replication_slot('{SLOT}', 'wal2json')")
    yield database
    until(lambda: drop_slots(database), "the slots are dropped")
    database.ask("DROP TABLE users")


def drop_slots(database: PostgreSQL) -> bool:
    database.ask("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
    database.ask("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
    return not database.ask("SELECT FROM pg_replication_slots")


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
def test_its_events_tell_how_far_behind_they_are(users: PostgreSQL, url: str, form: int, zone: str) -> None:
    users.ask("UPDATE users SET version = 1 WHERE id = 1")
    options = f"'format-version', '{form}', 'include-lsn', '1', 'include-timestamp', '1'"
    with users.connect() as connection:
        connection.execute(f"SET TimeZone = '{zone}'".encode())
        query = f"SELECT data FROM pg_logical_slot_get_changes('{SLOT}', NULL, NULL, {options})"
        rows = connection.execute(query.encode()).fetchall()
    done = relay(url, *USERS, "--json", events="".join(f"{row[0]}\n" for row in rows))
    assert done.stdout, done.stderr
    assert 0 <= json.loads(done.stdout.splitlines()[-1])["lag_ms"] < 60000


class Followed:
    """examples/relay/postgresql, in a process group of its own."""

    def __init__(self, database: PostgreSQL, url: str) -> None:
        self.process = subprocess.Popen(
            [ROOT / "examples/relay/postgresql", url, "--map", "public.users=user:{id}"],
            env={**os.environ, **database.environment, "RESILICACHE": str(TOOL)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=0,
        )

    def signal(self, name: str, number: signal.Signals) -> None:
        """To the process of the group that is called so."""
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if os.getpgid(int(entry.name)) == self.process.pid and (entry / "comm").read_text().strip() == name:
                    os.kill(int(entry.name), number)

    def end(self) -> int:
        """In order."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def __enter__(self) -> Followed:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """At once, and all of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)
        assert self.process.stderr is not None
        self.process.stderr.close()


Rows = dict[str, bytes | None]


def rows_of(database: PostgreSQL, keys: list[str]) -> Rows:
    found = dict(database.ask("SELECT 'user:' || id, version FROM users"))
    return {key: str(found[key]).encode() if key in found else None for key in keys}


def has_caught_up(database: PostgreSQL, position: object) -> bool:
    query = f"SELECT confirmed_flush_lsn >= '{position}' FROM pg_replication_slots WHERE slot_name = '{SLOT}'"
    return database.ask(query) == [(True,)]


def end_of_log(database: PostgreSQL) -> object:
    """A position up to which all is committed, and behind which something is."""
    ((position,),) = database.ask("SELECT pg_current_wal_insert_lsn()")
    database.ask("SELECT pg_logical_emit_message(true, 'test', 'the end')")
    return position


ALL = [f"user:{number}" for number in range(KEYS)]


def cached(cache: resilicache.Cache, database: PostgreSQL, *keys: str) -> list[bytes | None]:
    """What the cache has, or the database where it has nothing."""
    found = cache.fetch_batch(keys, ttl=TTL_S, strong=True, loader=lambda missing: rows_of(database, missing))
    return list(found.values())


def old(cache: resilicache.Cache, database: PostgreSQL) -> list[str]:
    """The keys under which the cache has what the database has no more."""
    rows = rows_of(database, ALL)
    return [key for key, value in zip(ALL, cached(cache, database, *ALL), strict=True) if value != rows[key]]


def test_a_write_whose_writer_died_is_old_until_the_relay_has_come(
    users: PostgreSQL, url: str, cache: resilicache.Cache
) -> None:
    assert old(cache, users) == []
    users.ask("UPDATE users SET version = 7 WHERE id = 1")
    users.ask(f"UPDATE users SET id = {KEYS + 1} WHERE id = 2")
    assert old(cache, users) == ["user:1", "user:2"]
    with Followed(users, url) as followed:
        until(lambda: old(cache, users) == [], "nothing is old any more", CATCH_UP_S)
        assert cached(cache, users, "user:1", "user:2") == [b"7", None]
        position = end_of_log(users)
        until(lambda: has_caught_up(users, position), "the slot is confirmed", CATCH_UP_S)
        assert followed.end() == 0


class Readers:
    """Fetch every key, over and over, so that whatever may be stored wrongly is."""

    def __init__(self, database: PostgreSQL, url: str) -> None:
        self.failures: list[BaseException] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(database, url, seed)) for seed in range(2)]
        for thread in self._threads:
            thread.start()

    def _read(self, database: PostgreSQL, url: str, seed: int) -> None:
        chance = random.Random(seed)
        try:
            with resilicache.Cache(url) as cache, database.connect() as connection:

                def load(number: int) -> bytes | None:
                    row = connection.execute("SELECT version FROM users WHERE id = %s", (number,)).fetchone()
                    return None if row is None else str(row[0]).encode()

                while not self._over.is_set():
                    number = chance.randrange(KEYS)
                    cache.fetch(f"user:{number}", ttl=TTL_S, loader=lambda at=number: load(at))
        except BaseException as failure:
            self.failures.append(failure)

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=60)
        assert self.failures == []


class Writers:
    """Two at a time; one that has died is followed by another."""

    def __init__(self, database: PostgreSQL, url: str, chance: random.Random) -> None:
        self._database, self._url, self._chance = database, url, chance
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, deaths: float) -> None:
        for writer in [writer for writer in self._running if writer.poll() is not None]:
            self._running.remove(writer)
            assert writer.returncode == -signal.SIGKILL
        while len(self._running) < 2:
            arguments = [self._database.conninfo, self._url, str(self._chance.randrange(1 << 30)), str(deaths)]
            self._running.append(subprocess.Popen([sys.executable, HERE / "writer.py", *arguments]))

    def kill(self) -> None:
        self._chance.choice(self._running).kill()

    def end(self) -> None:
        while self._running:
            writer = self._running.pop()
            writer.kill()
            writer.wait()


def make_chaos(database: PostgreSQL, url: str, writers: Writers, chance: random.Random) -> int:
    """Writers that die between commit and invalidation, or anywhere, and a relay whose parts are killed: how often."""
    kills = 0
    end = time.monotonic() + CHAOS_S
    next_kill, next_death = time.monotonic() + 0.5, time.monotonic()
    stopped = False
    followed = Followed(database, url)
    try:
        while time.monotonic() < end:
            writers.start(deaths=0.3)
            time.sleep(0.02)
            if time.monotonic() > next_death:
                writers.kill()
                next_death += chance.uniform(0.2, 1.0)
            if time.monotonic() > next_kill:
                next_kill, kills = time.monotonic() + chance.uniform(0.3, 1.5), kills + 1
                followed.signal("resilicache" if stopped else chance.choice(PARTS), signal.SIGKILL)
                stopped = False
            elif not stopped and next_kill - time.monotonic() > 1.0:
                stopped = True  # until it is killed, when much that it has not read is in the pipe
                followed.signal("resilicache", signal.SIGSTOP)
            if followed.process.poll() is not None:
                followed.close()
                followed = Followed(database, url)
    finally:
        followed.close()
        writers.end()
    return kills


def die_unseen(database: PostgreSQL, cache: resilicache.Cache, writers: Writers) -> None:
    """Every writer dies after its commit, and no relay is there."""
    before = len(old(cache, database))
    writers.start(deaths=1)
    try:
        until(lambda: len(old(cache, database)) >= before + 5, "some values are old", DEATHS_S)
    finally:
        writers.end()


def test_whoever_is_killed_in_the_end_the_cache_is_as_the_database(
    users: PostgreSQL, url: str, cache: resilicache.Cache
) -> None:
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    assert old(cache, users) == []
    writers, readers = Writers(users, url, chance), Readers(users, url)
    try:
        kills = make_chaos(users, url, writers, chance)
        die_unseen(users, cache, writers)
    finally:
        readers.end()
    assert kills > 0
    position = end_of_log(users)
    with Followed(users, url) as followed:
        until(lambda: has_caught_up(users, position), f"all is invalidated (seed {seed})", CATCH_UP_S)
        assert followed.end() == 0
    assert old(cache, users) == [], f"seed {seed}"
