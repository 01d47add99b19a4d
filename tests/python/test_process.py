"""Processes, threads, signals: closing, forking, interrupting, ending."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import resilicache
from conftest import eventually
from resilicache import Cache
from servers import Server


def in_child(body: Callable[[], object]) -> object:
    """Forks, runs the body there, and returns what its result looks like."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            told = repr(body())
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(write_end, told.encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        told = stream.read().decode()
    os.waitpid(pid, 0)
    return told


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_use_after_close(cache: Cache) -> None:
    cache.set("k", b"v", 10)
    cache.close()
    cache.close()
    assert cache.closed
    for call in (
        lambda: cache.get("k"),
        lambda: cache.fetch("k", 10, lambda: b""),
        lambda: cache.fetch_batch(["k", "l"], 10, lambda missing: {}),
        lambda: cache.invalidate("k"),
        lambda: cache.invalidate("k", "l"),
        lambda: cache.lock("k", "me"),
    ):
        with pytest.raises(resilicache.ClosedError) as caught:
            call()
        assert caught.value.status_name == "RCACHE_E_CLOSED"
    assert cache.stats() == {}


def test_closing_ends_calls_that_wait(cache: Cache) -> None:
    cache.lock("k", "writer", lease=30)
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            cache.fetch("k", 10, lambda: b"", strong=True, deadline=30)
        except resilicache.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: int(cache.stats()["misses"]) + int(cache.stats()["joined"]) >= 4)
    cache.close()
    for thread in threads:
        thread.join(5)
    assert [type(error) for error in errors] == [resilicache.ClosedError] * 4, errors


def test_closing_while_many_threads_call(url: str) -> None:
    for _ in range(20):
        cache = Cache(url)
        over = threading.Event()

        def call(cache: Cache = cache, over: threading.Event = over) -> None:
            try:
                while not over.is_set():
                    cache.fetch("k", 10, lambda: b"v")
            except resilicache.ClosedError:
                pass

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.002)
        cache.close()
        over.set()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()


def test_closing_from_a_loader(url: str) -> None:
    cache = Cache(url)

    def loader() -> bytes:
        cache.close()
        return b"v"

    with contextlib.suppress(resilicache.ClosedError):
        assert cache.fetch("k", 10, loader) == b"v", "it was loaded, though it could not be stored"
    with pytest.raises(resilicache.ClosedError):
        cache.get("k")


def test_a_forgotten_cache_closes_itself(url: str) -> None:
    for _ in range(50):
        Cache(url).fetch("k", 10, lambda: b"v")
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) < 100


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_opens_the_cache_anew(shared_url: str) -> None:
    with Cache(shared_url) as cache:
        cache.set("k", b"before", 10)
        threads = [threading.Thread(target=lambda: [cache.get("k") for _ in range(300)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            assert in_child(lambda: cache.get("k")) == "b'before'"
        assert in_child(lambda: cache.set("k", b"child", 10)) == "None"
        for thread in threads:
            thread.join()
        assert cache.get("k") == b"child", "and the parent goes on"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forks_while_threads_are_at_work(shared_url: str) -> None:
    """At whatever moment: the child works, and the parent's threads never notice."""
    failures: list[str] = []
    calls = [0, 0, 0]
    over = threading.Event()

    def work(number: int) -> None:
        while not over.is_set():
            try:
                assert cache.fetch(f"shared:{number % 2}", 60, lambda: b"v", strong=True) == b"v"
                cache.invalidate("shared:0")
                assert cache.fetch_batch(["shared:0", "shared:1"], 60, lambda keys: dict.fromkeys(keys, b"v"))
                calls[number] += 1
            except Exception as error:
                failures.append(repr(error))
                return

    with Cache(shared_url) as cache:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for number in range(10):
            assert in_child(lambda number=number: cache.fetch(f"child:{number}", 60, lambda: b"w")) == "b'w'"
            context = multiprocessing.get_context("fork")
            process = context.Process(target=cache.fetch, args=("shared:0", 60, lambda: b"v"))
            process.start()
            process.join(30)
            assert process.exitcode == 0
        before = list(calls)
        eventually(lambda: failures or all(now > then for now, then in zip(calls, before, strict=True)))
        over.set()
        for thread in threads:
            thread.join(30)
    assert failures == []


def test_a_child_s_refreshes_run(shared_url: str) -> None:
    with Cache(shared_url) as cache:
        cache.fetch("k", 10, lambda: b"old")
        cache.invalidate("k")
        assert cache.fetch("k", 10, lambda: b"new", strong=False) == b"old"
        eventually(lambda: cache.get("k") == b"new")
        cache.invalidate("k")

        def child() -> bytes | None:
            cache.fetch("k", 10, lambda: b"from the child", strong=False)
            eventually(lambda: cache.get("k") == b"from the child")
            return cache.get("k")

        assert in_child(child) == "b'from the child'"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_whose_cache_can_t_be_opened_is_told_why_until_it_can(shared_url: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def child() -> None:
        for _ in range(3):
            assert theirs.poll(30) and theirs.recv() == "go on"
            try:
                theirs.send(cache.fetch("k", 10, lambda: b"v"))
            except resilicache.Error as error:
                theirs.send(f"{type(error).__name__}: {error}")

    cache = Cache(shared_url, journal_file=str(tmp_path / "journal"))
    process = context.Process(target=child)
    process.start()
    try:
        for _ in range(2):
            ours.send("go on")
            assert ours.poll(30)
            told = ours.recv()
            assert told.startswith("InvalidError: 'journal_file' is ") and "another cache has it open" in told
        cache.close()
        ours.send("go on")
        assert ours.poll(30) and ours.recv() == b"v"
    finally:
        cache.close()
        process.kill()
        process.join(30)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_closed_stays_closed_in_a_child(url: str) -> None:
    cache = Cache(url)
    cache.close()
    assert in_child(lambda: cache.get("k")) == "ClosedError: the cache was closed"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_an_operation_that_a_fork_interrupts_ends_in_the_child(shared_url: str) -> None:
    """A loader that forks: the child's half of the fetch can't store, and says so; the parent's does."""
    with Cache(shared_url) as cache:
        told = []

        def loader() -> bytes:
            told.append(in_child(lambda: cache.get("elsewhere")))
            return b"v"

        assert cache.fetch("k", 10, loader) == b"v"
        assert told == ["None"]


def test_ctrl_c_ends_a_wait(cache: Cache) -> None:
    cache.lock("k", "writer", lease=30)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        cache.fetch("k", 10, lambda: b"", strong=True, deadline=20)
    assert time.monotonic() - begun < 5
    cache.unlock("k", "writer")
    assert cache.fetch("k", 10, lambda: b"after", strong=True) == b"after"


def test_a_signal_whose_handler_returns_does_not_end_a_wait(cache: Cache) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        cache.lock("k", "writer", lease=30)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        threading.Timer(0.3, cache.unlock, ("k", "writer")).start()
        assert cache.fetch("k", 10, lambda: b"new", strong=True, deadline=20) == b"new"
        assert seen == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("many", [False, True])
def test_other_threads_run_while_one_waits(cache: Cache, many: bool) -> None:
    cache.lock("k", "writer", lease=30)

    def wait() -> None:
        if many:
            cache.fetch_batch(["k"], 10, lambda missing: {"k": b""}, strong=True, deadline=20)
        else:
            cache.fetch("k", 10, lambda: b"", strong=True, deadline=20)

    waiting = threading.Thread(target=wait)
    waiting.start()
    turns, end = 0, time.monotonic() + 0.2
    while time.monotonic() < end:
        turns += 1
    assert waiting.is_alive() and turns > 1000
    cache.unlock("k", "writer")
    waiting.join(10)


def test_the_interpreter_ends_with_caches_open_and_refreshes_waiting(url: str) -> None:
    run = python(
        """
        import sys, threading, time, resilicache
        cache = resilicache.Cache(sys.argv[1])
        for key in map(str, range(30)):
            cache.fetch(key, 10, lambda: b"old")
            cache.invalidate(key)
            cache.fetch(key, 10, lambda: time.sleep(30), strong=False)
        begun = threading.Event()
        slow = lambda: (begun.set(), time.sleep(60))
        threading.Thread(target=cache.fetch, args=("slow", 10, slow), daemon=True).start()
        begun.wait()
        print("end")
        """,
        url,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "end\n", "")


def test_use_at_the_interpreter_s_exit_is_an_error_not_a_crash(url: str) -> None:
    run = python(
        """
        import atexit, sys, resilicache
        def late():
            try:
                print(cache.fetch("k", 10, lambda: b"late"))
            except resilicache.ClosedError:
                print("closed")
        atexit.register(late)
        cache = resilicache.Cache(sys.argv[1])
        """,
        url,
    )
    assert run.returncode == 0 and run.stdout == "closed\n" and run.stderr == ""


def test_nobody_answers() -> None:
    with Cache("redis://127.0.0.1:1", deadline=0.5) as cache, pytest.raises(resilicache.UnavailableError) as caught:
        cache.get("k")
    assert caught.value.retriable and caught.value.key == "k"


def test_a_server_that_comes_back(server: Server) -> None:
    with Cache(server.url, deadline=5) as cache:
        assert cache.fetch("k", 10, lambda: b"one") == b"one"
        server.restart()
        assert cache.fetch("k", 10, lambda: b"two") == b"two"


def test_a_server_that_hangs(server: Server) -> None:
    with Cache(server.url, deadline=0.5) as cache:
        assert cache.fetch("k", 10, lambda: b"one") == b"one"
        server.pause()
        with pytest.raises((resilicache.TimeoutError, resilicache.UnavailableError)):
            cache.fetch("k", 10, lambda: b"two", strong=True)
        server.resume()
        eventually(lambda: cache.get("k", deadline=5) == b"one")


def test_what_is_no_entry(server: Server) -> None:
    server.ask("RPUSH", "list", "x")
    with Cache(server.url) as cache, pytest.raises(resilicache.TypeMismatchError) as caught:
        cache.fetch("list", 10, lambda: b"v")
    assert caught.value.key == "list"
