"""What is promised holds in every guise: by the conformance cases, by random verbs beside those of memory://, and where
the guises differ, by tests of just that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builds import BUILD, ROOT, run
from guises import GuiseServer
from servers import until

resilicache = pytest.importorskip("resilicache")

C_TESTS = ROOT / "build/debug"
TRACKING = ("dragonfly", "keydb", "managed")
STEPS = "1500"  # of each layout, in RESP2 and RESP3

Start = Callable[..., GuiseServer]


@pytest.fixture
def open_cache() -> Iterator[Callable[..., resilicache.Cache]]:
    opened: list[resilicache.Cache] = []

    def open_one(url: str, **options: object) -> resilicache.Cache:
        opened.append(resilicache.Cache(url, **options))
        return opened[-1]

    yield open_one
    for cache in opened:
        cache.close()


Open = Callable[..., "resilicache.Cache"]


def test_the_conformance_cases(guise: GuiseServer) -> None:
    patient = guise.url + "?op_timeout=10s"  # the guise is a program in Python, and may be slow
    assert " 0 failed" in run(BUILD / "resilicache", "conform", patient)


@pytest.fixture(scope="session")
def verbs_program() -> Path:
    """Of the C tests, which need no more of their build than this."""
    run("cmake", "-S", ROOT, "-B", C_TESTS, "-DRCACHE_BUILD_TESTS=ON")
    run("cmake", "--build", C_TESTS, "--target", "differential_verbs", "-j", "2")
    return C_TESTS / "tests/differential_verbs"


def test_random_verbs_do_what_they_do_in_memory(guise: GuiseServer, verbs_program: Path) -> None:
    told = run(verbs_program, str(guise.port), RCACHE_TEST_STEPS=STEPS)
    assert told.count("no difference") == 4


# ---- logging in


def says_hello(cache: resilicache.Cache) -> bool:
    return bool(cache.fetch("hello", 10, lambda: b"v") == b"v")


@pytest.mark.parametrize("guise", ["dragonfly", "kvrocks", "resp2", "old"])
def test_a_password(start: Start, open_cache: Open, guise: str) -> None:
    server = start(guise, password="secret")
    assert says_hello(open_cache(server.url))
    assert says_hello(open_cache(server.url.replace("://:", "://default:")))
    for wrong in (server.url.replace("secret", "wrong"), f"redis://127.0.0.1:{server.port}"):
        with pytest.raises(resilicache.AuthError):
            says_hello(open_cache(wrong))


def test_a_user(start: Start, open_cache: Open) -> None:
    server = start("dragonfly", user="tester", password="secret")
    assert says_hello(open_cache(server.url))


def test_a_database_that_the_server_keeps_to_itself(guise_of: Callable[[str], GuiseServer], open_cache: Open) -> None:
    url = guise_of("managed").url
    assert says_hello(open_cache(f"{url}/0"))
    with pytest.raises(resilicache.Error, match="NOPERM"):
        says_hello(open_cache(f"{url}/1"))


# ---- waiting


def wait_for_another(guise: GuiseServer, loading: resilicache.Cache, waiting: resilicache.Cache) -> None:
    """One loads, and the other waits for it, by looking again or by being told."""
    begun, finish = threading.Event(), threading.Event()
    got: list[bytes] = []

    def load() -> bytes:
        begun.set()
        assert finish.wait(20)
        return b"loaded"

    def fetch(cache: resilicache.Cache, loader: Callable[[], bytes]) -> threading.Thread:
        thread = threading.Thread(target=lambda: got.append(cache.fetch("waited for", 10, loader, strong=True)))
        thread.start()
        return thread

    loading.delete("waited for")
    busy = waiting.stats()["leases_busy"]
    threads = [fetch(loading, load)]
    assert begun.wait(20)
    threads.append(fetch(waiting, lambda: b"loaded by another"))
    until(lambda: waiting.stats()["leases_busy"] > busy, "the other finds the key held")
    if guise.guise in TRACKING:
        until(lambda: b"tracking_total_keys:1" in guise.beneath.ask("INFO", "stats"), "the other is to be told")
    finish.set()
    for thread in threads:
        thread.join(20)
    assert got == [b"loaded", b"loaded"]


def test_who_waits_is_told_where_the_server_tracks(guise: GuiseServer, open_cache: Open) -> None:
    loading, waiting = open_cache(guise.url), open_cache(guise.url)
    for _ in range(20):  # as long as the connection for it is being made, the other looks for itself
        wait_for_another(guise, loading, waiting)
        if waiting.stats()["waits_pushed"] > 0:
            break
    assert (waiting.stats()["waits_pushed"] > 0) == (guise.guise in TRACKING)


# ---- replicas


def test_waiting_for_replicas_that_are_not_there(guise: GuiseServer, open_cache: Open) -> None:
    cache = open_cache(guise.url, wait_replicas=1, wait_replicas_timeout=0.01)
    cache.set("replicated", b"v", 10)
    if guise.guise == "kvrocks":  # has no WAIT, and so can confirm nothing
        cache.invalidate("replicated")
        return
    with pytest.raises(resilicache.TimeoutError, match="only 0 of 1 replicas"):
        cache.invalidate("replicated")


# ---- much at once


def test_a_large_batch(guise: GuiseServer, open_cache: Open) -> None:
    cache = open_cache(guise.url, lock_expire=60, deadline=120)  # a guise that runs the scripts itself takes its time
    keys = [f"many:{number}" for number in range(3000)]
    values = {key: key.encode() * 100 for key in keys}
    assert cache.fetch_batch(keys, 60, lambda missing: {key: values[key] for key in missing}) == values
    assert cache.fetch_batch(keys, 60, lambda missing: {}) == values
    assert cache.delete(*keys) == len(keys)
