"""Rights beyond those that a user needs: what the cache makes of them, and of their lack."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

import resilicache
from secured import PATIENT, ROOT, refusal
from servers import KINDS, Server

BEYOND = ("+info", "+client", "+script", "+wait", "+select")


def needed_rights() -> list[str]:
    """The words of the command in the manual."""
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    found = re.search(r"^ACL SETUSER tester .*?(?=^```)", page, re.M | re.S)
    assert found is not None
    return found[0].split()


def allow(server: Server, without: str = "") -> None:
    server.ask("ACL", "SETUSER", "tester", "reset")
    server.ask(*needed_rights(), *(right for right in BEYOND if right != without))


@pytest.fixture(params=KINDS)
def guarded(request: pytest.FixtureRequest, start: Callable[..., Any]) -> Any:
    server = start(Server, request.param)
    allow(server)
    return server


def url_of(server: Server) -> str:
    return server.url.replace("://", "://tester:secret@") + "?prefix=app:"


def anything_was_refused(server: Server) -> bool:
    return bool(server.ask("ACL", "LOG"))


def use(cache: resilicache.Cache) -> None:
    assert cache.fetch("k", ttl=10, loader=lambda: b"v") == b"v"
    assert cache.fetch("k", ttl=10, loader=lambda: b"w") == b"v"
    cache.invalidate("k")
    assert cache.fetch("k", ttl=10, loader=lambda: b"w", strong=True) == b"w"
    assert cache.delete("k") == 1


def test_with_all_of_them_nothing_is_refused(guarded: Server) -> None:
    with resilicache.Cache(url_of(guarded), **PATIENT) as cache:
        use(cache)
    with resilicache.Cache(url_of(guarded) + "&db=1", wait_replicas=1, wait_replicas_timeout="10ms") as cache:
        cache.set("k", b"v", ttl=10)
        error = refusal(lambda: cache.invalidate("k"))
        assert isinstance(error, resilicache.TimeoutError) and "only 0 of 1 replicas" in str(error)
    assert not anything_was_refused(guarded)


@pytest.mark.parametrize("right", ["+info", "+script", "+wait"])
def test_without_one_no_call_fails(guarded: Server, right: str) -> None:
    allow(guarded, without=right)
    with resilicache.Cache(url_of(guarded), wait_replicas=int(right == "+wait"), **PATIENT) as cache:
        use(cache)
    assert anything_was_refused(guarded)


@pytest.mark.parametrize("without", ["", "+client"])
def test_who_waits_for_another_process_gets_its_value(guarded: Server, without: str) -> None:
    allow(guarded, without)
    begun, answered = threading.Event(), threading.Event()

    def slowly() -> bytes:
        begun.set()
        answered.wait(20)
        return b"v"

    first = resilicache.Cache(url_of(guarded), **PATIENT)
    second = resilicache.Cache(url_of(guarded), **PATIENT)
    with first, second:
        loading = threading.Thread(target=first.fetch, args=("k", 10, slowly))
        loading.start()
        assert begun.wait(20)
        waiting: list[bytes | None] = []
        other = threading.Thread(target=lambda: waiting.append(second.fetch("k", 10, lambda: b"w")))
        other.start()
        while second.stats()["leases_busy"] == 0:
            assert other.is_alive()
        answered.set()
        loading.join()
        other.join()
        assert waiting == [b"v"]
    assert anything_was_refused(guarded) == (without != "")
