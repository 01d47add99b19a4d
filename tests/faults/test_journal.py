"""Invalidations that no server takes: told, kept, carried out once a server answers, and believed by nobody before."""

from __future__ import annotations

import itertools
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builds import BUILD
from faults.proxy import Proxy
from servers import Server, until

resilicache = pytest.importorskip("resilicache")

KEYS = [f"k{number}" for number in range(300)]


class Away:
    """A cache behind a proxy, and another before it, by its own way: another process."""

    def __init__(self, proxy: Proxy, server: Server) -> None:
        self.proxy, self.server = proxy, server
        self.prefix = uuid.uuid4().hex + ":"
        self.near = self.open()
        self.other = resilicache.Cache(server.url, prefix=self.prefix)

    def open(self, **options: str) -> Any:
        return resilicache.Cache(self.proxy.url, prefix=self.prefix, breaker_open="100ms", **options)

    def stat(self, name: str) -> int:
        return int(self.near.stats()[name])

    def is_reached(self) -> bool:
        try:
            return self.near.get("nothing") is None
        except resilicache.UnavailableError:
            return False

    def drained(self) -> None:
        until(lambda: self.stat("journal_depth") == 0, "the journal is empty")


@pytest.fixture
def away(proxy: Proxy, server: Server) -> Iterator[Away]:
    made = Away(proxy, server)
    yield made
    made.near.close()
    made.other.close()


def never() -> bytes:
    raise AssertionError("nothing is to be loaded")


def test_what_was_queued_is_carried_out(away: Away) -> None:
    for key in KEYS:
        away.near.set(key, b"old", 60)
    away.proxy.refuse()
    for key in KEYS:
        with pytest.raises(resilicache.QueuedError, match="kept"):
            away.near.invalidate(key)
    assert away.stat("journal_depth") == away.stat("invalidations_queued") == len(KEYS)
    assert away.other.fetch("k0", 60, never) == b"old"
    away.proxy.clear()
    away.drained()
    for key in KEYS:
        assert away.other.fetch(key, 60, lambda: b"new", strong=True) == b"new"
    assert away.stat("journal_drained") == len(KEYS)


def test_a_key_that_is_queued_is_not_believed(away: Away) -> None:
    away.near.set("k", b"old", 60)
    away.near.set("untouched", b"same", 60)
    away.proxy.refuse()
    with pytest.raises(resilicache.QueuedError):
        away.near.invalidate("k")
    for value in (b"new", b"newer"):
        assert away.near.fetch("k", 60, lambda value=value: value) == value
    with pytest.raises(resilicache.UnavailableError):
        away.near.fetch("k", 60, never, strong=True)


def test_a_value_loaded_before_it_was_queued_is_not_stored(away: Away) -> None:
    def load() -> bytes:
        away.proxy.refuse()
        with pytest.raises(resilicache.QueuedError):
            away.near.invalidate("k")
        away.proxy.clear()
        until(away.is_reached, "the server is reached")
        return b"old"

    assert away.near.fetch("k", 60, load) == b"old"
    away.drained()
    assert away.other.get("k") is None or away.other.inspect("k")["state"] != "fresh"


def test_a_deletion_is_a_deletion_and_an_unlock_ends_the_lock(away: Away) -> None:
    away.near.set("deleted", b"old", 60)
    away.near.set("locked", b"old", 60)
    away.near.lock("locked", "me")
    away.proxy.refuse()
    for call in (
        lambda: away.near.delete("deleted"),
        lambda: away.near.invalidate("deleted"),  # which does not make less of it
        lambda: away.near.unlock("locked", "me"),
        lambda: away.near.invalidate("locked"),
    ):
        with pytest.raises(resilicache.QueuedError):
            call()
    assert away.stat("journal_depth") == 2
    with pytest.raises(resilicache.UnavailableError):
        away.near.lock("locked", "me")
    away.proxy.clear()
    away.drained()
    assert away.server.ask("EXISTS", away.prefix + "deleted") == 0
    away.other.lock("locked", "another")


def test_versions_are_told_with_what_was_queued(away: Away) -> None:
    away.near.lock("locked", "me")
    away.near.set("deleted", b"old", 60)
    away.proxy.refuse()
    for call in (
        lambda: away.near.invalidate("k", version=9),
        lambda: away.near.invalidate("k", version=7),  # which does not make less of it
        lambda: away.near.invalidate("k"),
        lambda: away.near.invalidate("locked", version=9),
        lambda: away.near.unlock("locked", "me"),
        lambda: away.near.invalidate("deleted", version=9),
        lambda: away.near.delete("deleted"),
    ):
        with pytest.raises(resilicache.QueuedError):
            call()
    assert away.stat("journal_depth") == 3
    away.proxy.clear()
    away.drained()
    for key in ("k", "locked", "deleted"):
        with pytest.raises(resilicache.OutdatedError):
            away.other.set(key, b"old", 60, version=8)
        away.other.set(key, b"new", 60, version=9)
    away.other.lock("locked", "another")


def test_what_is_full_keeps_no_more_and_says_so(away: Away) -> None:
    with away.open(journal_max="2") as cache:
        away.proxy.refuse()
        for key in ("a", "b", "a"):
            with pytest.raises(resilicache.QueuedError):
                cache.invalidate(key)
        with pytest.raises(resilicache.UnavailableError, match="journal_max") as full:
            cache.invalidate("c")
        assert not isinstance(full.value, resilicache.QueuedError)
        assert int(cache.stats()["journal_overflow"]) == 1
        away.proxy.clear()
        until(lambda: cache.stats()["journal_depth"] == 0, "the journal is empty")


def test_once_one_was_lost_nothing_is_believed_for_as_long_as_it_may_matter(away: Away) -> None:
    with away.open(journal_max="1", delay="10ms") as cache:
        for key in ("a", "b"):
            cache.set(key, b"old", 2)
        away.proxy.refuse()
        with pytest.raises(resilicache.QueuedError):
            cache.invalidate("a")
        with pytest.raises(resilicache.UnavailableError, match="journal_max"):
            cache.invalidate("b")
        away.proxy.clear()
        until(lambda: cache.stats()["journal_depth"] == 0, "the journal is empty")
        assert cache.stats()["journal_doubt_ms"] > 0
        assert cache.fetch("b", 2, lambda: b"new") == b"new"
        with pytest.raises(resilicache.UnavailableError, match="was lost"):
            cache.fetch("b", 2, lambda: b"new", strong=True)
        until(lambda: cache.stats()["journal_doubt_ms"] == 0, "there is no doubt any more")
        assert cache.fetch("b", 2, lambda: b"new", strong=True) == b"new"


def test_nothing_is_kept_where_the_option_says_so(away: Away) -> None:
    with away.open(invalidate_errors="fail") as cache:
        away.proxy.refuse()
        with pytest.raises(resilicache.UnavailableError) as failed:
            cache.invalidate("k")
        assert not isinstance(failed.value, resilicache.QueuedError)
        assert int(cache.stats()["journal_depth"]) == 0


# ---- in a file

WRITER = """
import sys, resilicache
url, prefix, file = sys.argv[1:]
cache = resilicache.Cache(url, prefix=prefix, journal_file=file)
for line in sys.stdin:
    try:
        cache.invalidate(line.strip())
    except resilicache.QueuedError:
        print(line.strip(), flush=True)
"""


def kill_a_writer(away: Away, file: Path, keys: list[str], count: int) -> list[str]:
    """The keys that it was told to be queued, at least `count` of them, before it was killed in the midst of it."""
    command = [sys.executable, "-c", WRITER, away.proxy.url, away.prefix, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin and writer.stdout
        writer.stdin.write("".join(f"{key}\n" for key in keys))
        writer.stdin.flush()
        told = list(itertools.islice(writer.stdout, count))
        writer.kill()
        return [line.strip() for line in [*told, *writer.stdout]]


def test_what_was_queued_outlives_a_process_that_is_killed(away: Away, tmp_path: Path) -> None:
    file = tmp_path / "journal"
    for key in KEYS:
        away.near.set(key, b"old", 60)
    away.proxy.refuse()
    queued = kill_a_writer(away, file, KEYS, 100)
    with away.open(journal_file=str(file)) as cache:
        depth = int(cache.stats()["journal_depth"])
        assert len(queued) <= depth <= len(queued) + 1  # it may have been killed before it could tell
        assert cache.fetch(queued[0], 60, lambda: b"new") == b"new"
        away.proxy.clear()
        until(lambda: cache.stats()["journal_depth"] == 0, "the journal is empty")
    for key in queued:
        assert away.other.fetch(key, 60, lambda: b"new", strong=True) == b"new"
    assert away.other.fetch(KEYS[-1], 60, never) == b"old" or KEYS[-1] in queued
    print(f"{len(queued)} told, {depth} kept")
    with away.open(journal_file=str(file)) as cache:
        assert cache.stats()["journal_depth"] == 0


def test_a_file_is_one_processs_own(away: Away, tmp_path: Path) -> None:
    file = str(tmp_path / "journal")
    with away.open(journal_file=file):
        with pytest.raises(resilicache.InvalidError, match="another cache has it open"):
            away.open(journal_file=file)
    away.open(journal_file=file).close()


def test_a_file_that_can_not_be_had_is_an_error_when_it_is_opened(away: Away, tmp_path: Path) -> None:
    with pytest.raises(resilicache.InvalidError, match="No such file or directory"):
        away.open(journal_file=str(tmp_path / "none" / "journal"))
    (tmp_path / "text").write_text("not a journal")
    with pytest.raises(resilicache.InvalidError, match="it is no journal"):
        away.open(journal_file=str(tmp_path / "text"))


def test_a_file_does_not_grow_without_end(away: Away, tmp_path: Path) -> None:
    file = tmp_path / "journal"
    with away.open(journal_file=str(file)) as cache:
        for _ in range(3):
            away.proxy.refuse()
            for key in KEYS:
                with pytest.raises(resilicache.QueuedError):
                    cache.invalidate(key, f"{key} {'x' * 500}")
            away.proxy.clear()
            until(lambda: cache.stats()["journal_depth"] == 0, "the journal is empty")
            assert file.stat().st_size < 100


@pytest.mark.parametrize("command", [[str(BUILD / "resilicache")], [sys.executable, "-m", "resilicache"]])
def test_a_command_keeps_nothing_for_later(command: list[str]) -> None:
    done = subprocess.run(
        [*command, "invalidate", "redis://127.0.0.1:1", "k"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "Connection refused" in done.stderr and "kept" not in done.stderr
