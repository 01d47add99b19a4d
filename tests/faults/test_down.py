"""A server that is killed, stopped, slow, or comes back empty, with callers who go on: what it costs them, what they
get, and how soon all is well again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from servers import Server, free_port, until

resilicache = pytest.importorskip("resilicache")

OP_TIMEOUT_S = 0.2
LOADER_S = 0.01
OPTIONS = {"op_timeout": "200ms", "connect_timeout": "200ms", "breaker_open": "200ms"}
SLACK_S = 2.0  # of a machine that has other things to do
THREADS = 4
CALLS = 40  # of each thread, while the server is away


@pytest.fixture
def mine() -> Iterator[Server]:
    started = Server("redis7")
    yield started
    started.stop()


def kill(server: Server) -> None:
    server.kill()


def stop(server: Server) -> None:
    server.pause()


class Callers:
    """Threads that fetch, and note how long each call took."""

    def __init__(self, cache: resilicache.Cache) -> None:
        self.cache = cache
        self.seconds: list[float] = []
        self.failures: list[BaseException] = []

    def load(self) -> bytes:
        time.sleep(LOADER_S)
        return b"loaded"

    def _call(self, number: int) -> None:
        try:
            for call in range(CALLS):
                begin = time.monotonic()
                assert self.cache.fetch(f"{number} {call % 5}", 60, self.load) == b"loaded"
                self.seconds.append(time.monotonic() - begin)
        except BaseException as error:
            self.failures.append(error)

    def run(self) -> list[float]:
        threads = [threading.Thread(target=self._call, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "a caller hangs"
        assert not self.failures, self.failures
        return sorted(self.seconds)


def share(seconds: list[float], part: float) -> float:
    return seconds[min(len(seconds) - 1, int(len(seconds) * part))]


@pytest.mark.parametrize("leave", [kill, stop])
def test_eventual_fetches_go_on_and_none_waits_long(mine: Server, leave: Callable[[Server], None]) -> None:
    with resilicache.Cache(mine.url, **OPTIONS) as cache:
        callers = Callers(cache)
        callers.run()
        cache.set("alive", b"v", 60)
        leave(mine)
        callers.seconds.clear()
        until(lambda: callers.run() and cache.stats()["breaker_opened"] >= 1, "it counts as down")
        seconds, stats = sorted(callers.seconds), cache.stats()
        print(
            f"{leave.__name__}: {len(seconds)} calls, median {share(seconds, 0.5) * 1000:.1f} ms, "
            f"p99 {share(seconds, 0.99) * 1000:.1f} ms, longest {seconds[-1] * 1000:.1f} ms; "
            f"breaker_opened {stats['breaker_opened']}, loads_down {stats['loads_down']}"
        )
        assert share(seconds, 0.5) < OP_TIMEOUT_S + SLACK_S / 4
        assert share(seconds, 0.99) < 2 * OP_TIMEOUT_S + LOADER_S + SLACK_S
        assert stats["servers_down"] == 1
        begin = time.monotonic()
        if leave is kill:
            mine.restart()
        else:
            mine.resume()
        until(lambda: comes_back(cache), "strong fetches succeed again")
        print(f"{leave.__name__}: well again {time.monotonic() - begin:.2f} s after the server was")
        assert cache.stats()["servers_down"] == 0


def comes_back(cache: resilicache.Cache) -> bool:
    try:
        return bool(cache.fetch("alive", 60, lambda: b"again", strong=True) in (b"v", b"again"))
    except resilicache.UnavailableError:
        return False


@pytest.mark.parametrize("url", ["redis+sentinel://127.0.0.1:{port}/master", "redis+cluster://127.0.0.1:{port}"])
def test_where_nobody_tells_where_keys_are_only_the_first_calls_wait(url: str) -> None:
    with resilicache.Cache(url.format(port=free_port()), **OPTIONS) as cache:
        callers = Callers(cache)
        waited = [seconds for seconds in callers.run() if seconds >= OP_TIMEOUT_S / 2]
        assert callers.failures == []
        assert len(waited) <= 4 * THREADS
        assert cache.stats()["servers_down"] == 1
        with pytest.raises(resilicache.UnavailableError):
            cache.fetch("k", 60, callers.load, strong=True)


def test_a_strong_fetch_fails_at_once_and_says_since_when(mine: Server) -> None:
    with resilicache.Cache(mine.url, **OPTIONS) as cache:
        cache.set("k", b"v", 60)
        mine.kill()

        def is_down() -> bool:
            with pytest.raises(resilicache.UnavailableError):
                cache.fetch("k", 60, lambda: b"w", strong=True)
            return cache.stats()["servers_down"] == 1

        until(is_down, "the server counts as down")
        with pytest.raises(resilicache.UnavailableError, match=r"127\.0\.0\.1:\d+ is down, for \d+ s by now: "):
            cache.fetch("k", 60, lambda: b"w", strong=True)
        refused = cache.stats()["breaker_refused"]
        begin = time.monotonic()
        for _ in range(1000):
            with pytest.raises(resilicache.UnavailableError):
                cache.get("k")
        print(f"{(time.monotonic() - begin) * 1000:.1f} µs for each call to a server that is down")
        assert cache.stats()["breaker_refused"] >= refused + 990  # but for a probe's moment


def test_callers_of_one_key_share_a_load_and_all_keys_so_many(mine: Server) -> None:
    mine.kill()
    loading, most, lock = 0, 0, threading.Lock()
    go_on = threading.Event()

    def load() -> bytes:
        nonlocal loading, most
        with lock:
            loading += 1
            most = max(most, loading)
        assert go_on.wait(60)
        with lock:
            loading -= 1
        return b"v"

    outcomes: list[object] = []

    def fetch(key: str) -> None:
        try:
            outcomes.append(cache.fetch(key, 60, load, deadline=50))
        except resilicache.UnavailableError as error:
            outcomes.append("down_loads_max" in str(error))

    with resilicache.Cache(mine.url, down_loads_max="3", **OPTIONS) as cache:
        threads = [threading.Thread(target=fetch, args=(f"k{number % 6}",)) for number in range(24)]
        for thread in threads:
            thread.start()
        until(lambda: cache.stats()["loads_down_refused"] >= 3, "no more are begun")
        assert loading == 3
        go_on.set()
        for thread in threads:
            thread.join(60)
        assert most <= 3 and len(outcomes) == 24
        assert outcomes.count(b"v") + outcomes.count(True) == 24 and b"v" in outcomes and True in outcomes


def test_a_server_that_comes_back_empty_is_filled_again(mine: Server) -> None:
    with resilicache.Cache(mine.url, **OPTIONS) as cache:
        assert cache.fetch("k", 60, lambda: b"one") == b"one"
        mine.kill()
        assert cache.fetch("k", 60, lambda: b"two") == b"two"
        with pytest.raises(resilicache.QueuedError):
            cache.invalidate("k")
        mine.restart()
        until(lambda: cache.stats()["journal_depth"] == 0, "the journal is empty")
        until(lambda: cache.fetch("k", 60, lambda: b"three", strong=True, deadline=1) == b"three", "it is stored")
        assert cache.get("k") == b"three"


def test_a_server_with_too_many_clients_is_told_of_in_its_own_words(mine: Server) -> None:
    with mine.connect() as holding:
        holding.ask("CONFIG", "SET", "maxclients", "1")
        for _ in range(20):
            with resilicache.Cache(mine.url) as cache, pytest.raises(
                resilicache.UnavailableError, match="ERR max number of clients reached"
            ):
                cache.get("k")
        holding.ask("CONFIG", "SET", "maxclients", "100")
