"""The relay while the cache's server is away: it waits, and skips nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import resilicache
from relaying import DONE, FAILED, USERS, RunningRelay, insert, lines, relay, transaction
from servers import Server, free_port, until

HASTY = "?connect_timeout=300ms&op_timeout=300ms&deadline=1s"
FIRST = transaction(0x100, insert({"id": 0}))


def test_a_server_that_comes_back_gets_what_it_missed(server: Server, tmp_path: Path) -> None:
    with resilicache.Cache(server.url) as cache, RunningRelay(
        server.url + HASTY, *USERS, "--checkpoint", tmp_path / "at"
    ) as running:
        cache.set("user:0", b"old", ttl=600)
        server.pause()
        running.feed(FIRST)
        until(lambda: running.complaints, "it complains")
        assert "1 keys up to line 3 wait: 'user:0': " in running.complaints[0]
        assert running.positions == []
        server.resume()
        until(lambda: running.positions == ["0/100"], "the position")
        assert "it goes on, after" in running.complaints[-1]
        entry = cache.inspect("user:0")
        assert entry is not None and entry["state"] == "invalidated"
        assert running.wait() == DONE


def test_it_takes_no_more_than_a_batch_meanwhile(server: Server) -> None:
    with RunningRelay(server.url + HASTY, *USERS, "--batch", "3") as running:
        server.pause()
        running.feed(*(transaction(0x100 * number, insert({"id": number})) for number in range(1, 10)))
        until(lambda: running.complaints, "it complains")
        assert "resilicache: 3 keys up to line" in running.complaints[0]
        server.resume()
        assert running.wait() == DONE
        assert running.positions[-1] == "0/900"


def test_it_gives_up_when_told_to(tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    done = relay(
        url, *USERS, "--give-up", "300ms", "--checkpoint", tmp_path / "at", events=lines(FIRST, "never looked at")
    )
    assert done.returncode == FAILED and done.stdout == ""
    assert "1 keys up to line" in done.stderr and "are not invalidated: " in done.stderr
    assert "Connection refused" in done.stderr
    assert not (tmp_path / "at").exists()


def test_it_ends_by_sigterm_and_tells_what_is_left(tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}{HASTY}"
    with RunningRelay(url, *USERS, "--checkpoint", tmp_path / "at") as running:
        running.feed(FIRST)
        until(lambda: running.complaints, "it complains")
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == FAILED
        assert "1 keys up to line 3 are not invalidated: " in running.complaints[-1]
        assert not (tmp_path / "at").exists()


def test_a_server_that_takes_no_writes_is_waited_for(server: Server) -> None:
    with resilicache.Cache(server.url) as cache:
        cache.set("user:0", b"old", ttl=600)
    server.ask("CONFIG", "SET", "min-replicas-to-write", "1")
    with RunningRelay(server.url, *USERS) as running:
        running.feed(FIRST)
        until(lambda: running.complaints, "it complains")
        assert "NOREPLICAS" in running.complaints[0]
        server.ask("CONFIG", "SET", "min-replicas-to-write", "0")
        assert running.wait() == DONE
        assert running.positions == ["0/100"]


def test_a_key_with_a_value_of_another_kind_is_told_of_and_passed_over(server: Server) -> None:
    with resilicache.Cache(server.url) as cache, RunningRelay(server.url, *USERS) as running:
        server.ask("RPUSH", "user:0", "no cache entry")
        cache.set("user:1", b"old", ttl=600)
        running.feed(FIRST, transaction(0x200, insert({"id": 1})))
        until(lambda: running.positions[-1:] == ["0/200"], "both are done")
        entry = cache.inspect("user:1")
        assert entry is not None and entry["state"] == "invalidated"
        assert running.wait() == DONE
        assert len(running.complaints) == 1
        assert "1 keys up to line" in running.complaints[0] and "are passed over: 'user:0': " in running.complaints[0]
    assert server.ask("LRANGE", "user:0", "0", "-1") == [b"no cache entry"]
