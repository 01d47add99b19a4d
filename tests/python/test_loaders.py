"""Loaders: one at a time, and what they raise reaches who called them."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import resilicache
from conftest import eventually
from resilicache import Cache


class Broken(Exception):
    pass


def test_an_exception_reaches_its_caller_as_the_same_object(cache: Cache) -> None:
    error = Broken("no database")

    def loader() -> bytes:
        raise error

    with pytest.raises(Broken) as caught:
        cache.fetch("k", 10, loader)
    assert caught.value is error
    assert cache.fetch("k", 10, lambda: b"later") == b"later", "the key is free again"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_exceptions_that_end_programs_pass_at_once(cache: Cache, kind: type[BaseException]) -> None:
    def loader() -> bytes:
        raise kind

    with pytest.raises(kind):
        cache.fetch("k", 10, loader)
    assert cache.fetch("k", 10, lambda: b"later") == b"later"


def test_a_batch_loader_s_exception_reaches_its_caller(cache: Cache) -> None:
    error = Broken("no database")
    cache.set("a", b"there", 10)

    def loader(missing: list[str]) -> dict[str, bytes]:
        raise error

    with pytest.raises(Broken) as caught:
        cache.fetch_batch(["a", "b"], 10, loader)
    assert caught.value is error


def test_stampede_one_loader_call_for_64_threads(cache: Cache) -> None:
    calls = []
    ready = threading.Barrier(64)

    def loader() -> bytes:
        calls.append(1)
        time.sleep(0.05)
        return b"tester"

    def read(_: int) -> bytes | None:
        ready.wait()
        return cache.fetch("hot", 10, loader)

    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(read, range(64))) == {b"tester"}
    assert len(calls) == 1


def test_who_waited_for_a_loader_that_failed_may_load(cache: Cache) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def failing() -> bytes:
        begun.set()
        go_on.wait(10)
        raise Broken("no database")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.fetch, "k", 10, failing)
        begun.wait(10)
        second = pool.submit(cache.fetch, "k", 10, lambda: b"mine")
        eventually(lambda: int(cache.stats()["joined"]) >= 1)
        go_on.set()
        with pytest.raises(Broken):
            first.result(10)
        try:
            assert second.result(10) == b"mine"
        except resilicache.LoaderError as error:
            assert "Broken: no database" in str(error)


def test_a_loader_may_use_the_cache(cache: Cache) -> None:
    def outer() -> bytes:
        inner = cache.fetch("inner", 10, lambda: b"inner")
        cache.set("set within", b"x", 10)
        return b"outer and " + (inner or b"")

    assert cache.fetch("outer", 10, outer) == b"outer and inner"


def test_a_loader_that_takes_longer_than_the_deadline(cache: Cache) -> None:
    begun = threading.Event()

    def slow() -> bytes:
        begun.set()
        time.sleep(0.5)
        return b"slow"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.fetch, "k", 10, slow)
        begun.wait(10)
        with pytest.raises(resilicache.TimeoutError) as caught:
            cache.fetch("k", 10, lambda: b"other", deadline=0.1)
        assert caught.value.retriable and caught.value.key == "k"
        assert first.result(10) == b"slow"


def test_failures_of_refreshes_go_to_the_log(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    cache.fetch("k", 10, lambda: b"old")
    cache.invalidate("k")

    def loader() -> bytes:
        raise Broken("no database, behind")

    with caplog.at_level(logging.ERROR, logger="resilicache"):
        assert cache.fetch("k", 10, loader, strong=False) == b"old"
        eventually(lambda: "no database, behind" in caplog.text)
    assert "Traceback" in caplog.text


def test_refreshes_of_a_batch_run_behind(cache: Cache) -> None:
    keys = [f"k{number}" for number in range(20)]
    cache.fetch_batch(keys, 10, lambda missing: dict.fromkeys(missing, b"old"))
    cache.invalidate(*keys)
    asked: list[str] = []

    def loader(missing: list[str]) -> dict[str, bytes]:
        asked.extend(missing)
        return dict.fromkeys(missing, b"new")

    assert cache.fetch_batch(keys, 10, loader, strong=False) == dict.fromkeys(keys, b"old")
    eventually(lambda: all(cache.get(key) == b"new" for key in keys))
    assert sorted(asked) == sorted(keys)


def test_more_refreshes_than_can_wait_are_dropped_and_taken_up_again(url: str) -> None:
    hold = threading.Event()
    keys = [f"k{number}" for number in range(resilicache.load.JOBS_MAX + 50)]
    with Cache(url, delay=60) as cache:
        cache.fetch_batch(keys, 60, lambda missing: dict.fromkeys(missing, b"old"))
        cache.invalidate(*keys)

        def loader() -> bytes:
            hold.wait(10)
            return b"new"

        for key in keys:
            assert cache.fetch(key, 60, loader, strong=False) == b"old"
        hold.set()

        def all_new() -> bool:
            return all(cache.fetch(key, 60, loader, strong=False) == b"new" for key in keys)

        eventually(all_new, 20)


def test_invalidation_under_load_is_seen_by_strong_readers(cache: Cache) -> None:
    row = 0
    wrong: list[tuple[int, int]] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            acknowledged = written
            value = cache.fetch("row", 10, lambda: b"%d" % row, strong=True)
            if int(value or b"-1") < acknowledged:
                wrong.append((acknowledged, int(value or b"-1")))

    written = 0
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 100):
        row = number
        cache.invalidate("row")
        written = number
    over.set()
    for thread in threads:
        thread.join(20)
    assert wrong == []


def test_a_value_past_its_time_covers_what_a_loader_raises(url: str, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> bytes:
        raise Broken("no database, covered")

    with Cache(url, stale_if_error=60, random_expire_adjustment=0) as cache:
        cache.fetch("k", 0.01, lambda: b"old")
        eventually(lambda: (cache.inspect("k") or {}).get("state") == "lapsed")
        with caplog.at_level(logging.ERROR, logger="resilicache"):
            assert cache.fetch("k", 10, broken, strong=False) == b"old"
        assert "no database, covered" in caplog.text
        with pytest.raises(Broken):
            cache.fetch("k", 10, broken, strong=True)
