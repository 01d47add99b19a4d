"""Strong fetches and writes of threads, tasks, Go and Lua are linearizable, whatever happens to the server, the
connections, the loaders and the processes; and the checker would say so if they weren't.

RCACHE_TEST_CALLS says how many calls each of the histories has at least."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

resilicache = pytest.importorskip("resilicache")

from builds import GO, run  # noqa: E402
from faults.proxy import Proxy  # noqa: E402
from linearizability.field import KEYS, LOCK_EXPIRE_S, OPTIONS, Field  # noqa: E402
from load.programs import Programs  # noqa: E402
from servers import Cluster, SentinelSet, Server  # noqa: E402

pytestmark = pytest.mark.skipif(GO is None, reason="there is no go on this machine to build the checker with")

BAD_WEATHER_S = 0.5


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program: Path = tmp_path_factory.mktemp("checker") / "checker"
    run(str(GO), "build", "-o", program, ".", cwd=Path(__file__).with_name("checker"))
    return program


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(tmp_path_factory.mktemp("linearizability"))


Open = Callable[..., Field]


@pytest.fixture
def field(programs: Programs, checker: Path, tmp_path: Path) -> Iterator[Open]:
    """field(url): from then on until the end of the test, which fails if the checker finds anything in strong fetches,
    or nothing where eventual ones are taken for strong."""
    seed = int(os.environ.get("RCACHE_TEST_SEED", random.randrange(1 << 32)))
    print(f"RCACHE_TEST_SEED={seed}")
    opened: list[Field] = []

    def start(url: str, options: str = OPTIONS) -> Field:
        opened.append(Field(url, options, programs, tmp_path, seed))
        return opened[-1]

    yield start
    for one in opened:
        one.stop()
    for one in opened:
        assert one.history.judge() == []
        assert check(checker, one.path, "strong") == 0
        assert check(checker, one.path, "strong,eventual") == 1


def check(checker: Path, history: Path, reads: str) -> int:
    picture = ["-picture", history.with_suffix(".html")] if reads == "strong" else []
    command = [checker, "-reads", reads, *picture, history]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    print(f"{reads}: {done.stdout}{done.stderr}")
    return done.returncode


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    started = Server("redis7")
    yield started
    started.stop()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as before:
        yield before


def test_nothing_happens(server: Server, field: Open) -> None:
    field(server.url).under(lambda: None)


def test_the_server_is_killed_and_comes_back(server: Server, field: Open) -> None:
    field(server.url).under(server.restart)


def test_the_server_stands_still(server: Server, field: Open) -> None:
    def stand_still() -> None:
        server.pause()
        time.sleep(1.2)  # more than op_timeout
        server.resume()

    field(server.url).under(stand_still)


def test_everything_is_flushed(server: Server, field: Open) -> None:
    field(server.url).under(lambda: server.ask("FLUSHALL"))


def test_connections_are_cut(proxy: Proxy, field: Open) -> None:
    opened = field(proxy.url)

    def cut() -> None:
        for _ in range(5):
            proxy.cut(opened.chance.randint(0, 500))
            opened.go_on(50)

    opened.under(cut)


def test_connections_are_slow(proxy: Proxy, field: Open) -> None:
    def slow_down() -> None:
        for begin in (lambda: proxy.delay(0.02), lambda: proxy.drip(20, 0.001), proxy.swallow):
            begin()
            time.sleep(BAD_WEATHER_S)
            proxy.clear()

    field(proxy.url).under(slow_down)


def test_loaders_outlive_their_leases(server: Server, field: Open) -> None:
    opened = field(server.url, "delay=1s&lock_expire=50ms&lock_expire_max=100ms")
    opened.history.hold_loaders(share=0.1, seconds=0.2)
    opened.under(lambda: None)


def test_processes_are_killed(server: Server, field: Open, programs: Programs) -> None:
    opened = field(server.url)
    languages = programs.here()

    def kill_one() -> None:
        at = opened.chance.randrange(len(languages))
        opened.started[at].send_signal(signal.SIGKILL)
        opened.started[at] = opened.start(languages[at])
        opened.go_on(100)

    opened.under(kill_one)


def test_processes_stand_still_for_longer_than_their_leases(server: Server, field: Open) -> None:
    """With what they have loaded and not yet stored; the others go on."""
    opened = field(server.url)
    opened.history.hold_loaders(share=0.5, seconds=0.02)

    def stop_one() -> None:
        process = opened.chance.choice(opened.started)
        process.send_signal(signal.SIGSTOP)
        time.sleep(3 * LOCK_EXPIRE_S)
        opened.go_on(50)
        process.send_signal(signal.SIGCONT)

    opened.under(stop_one)


def under_replacements(servers: SentinelSet | Cluster, field: Open, replace: Callable[[], None]) -> None:
    try:
        opened = field(servers.url)
        opened.under(replace)
        opened.stop()
    finally:
        servers.stop()


def test_a_sentinel_s_primary_is_replaced(field: Open) -> None:
    sentinels = SentinelSet("redis7")

    def replace() -> None:
        old = sentinels.primary
        old.kill()
        sentinels.await_failover(old)
        old.restart()
        sentinels.await_settled()

    under_replacements(sentinels, field, replace)


def test_a_cluster_s_primaries_are_replaced(field: Open) -> None:
    cluster = Cluster("valkey9")

    def replace() -> None:
        old = cluster.primary_of(KEYS[0])
        old.kill()
        cluster.await_settled()
        old.restart()
        cluster.await_settled()

    under_replacements(cluster, field, replace)


def test_the_checker_knows_what_is_wrong(checker: Path, tmp_path: Path) -> None:
    """Each of these by itself, so that no other hides it."""

    def verdict(*lines: str) -> int:
        path = tmp_path / "history.jsonl"
        path.write_text("\n".join(f'{{"key": "k", "client": 1, {line}}}' for line in lines))
        return check(checker, path, "strong")

    write = '"kind": "write", "version": %d, "call": %d, "return": %d'
    read = '"kind": "strong", "version": %d, "call": %d, "return": %d'
    assert verdict(write % (1, 10, 20), read % (1, 30, 40)) == 0
    assert verdict(write % (1, 10, 20), read % (0, 15, 40)) == 0  # they overlap
    assert verdict(write % (1, 10, 20), read % (0, 30, 40)) == 1  # as if it had not been
    assert verdict(write % (1, 10, 0), read % (0, 30, 40)) == 0  # never acknowledged
    assert verdict(write % (1, 10, 0), read % (1, 30, 40), read % (0, 50, 60)) == 1  # but seen
    assert verdict(write % (1, 10, 0), write % (2, 20, 0), read % (2, 30, 40), read % (1, 50, 60)) == 1
    assert verdict(read % (1, 30, 40)) == 1  # by nobody
