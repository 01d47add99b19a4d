"""What a server may refuse: by its user's rights, or as a replica."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from servers import KINDS, Replicated, Server

resilicache = pytest.importorskip("resilicache")

PROTOCOL = Path(__file__).resolve().parents[2] / "docs/protocol.md"


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Callable[..., Any]:
    def start_one(what: Callable[..., Any], kind: str) -> Any:
        started = what(kind)
        request.addfinalizer(started.stop)
        return started

    return start_one


def do_everything(cache: resilicache.Cache) -> None:
    assert cache.fetch("k", 10, lambda: b"one") == b"one"
    cache.invalidate("k")
    assert cache.fetch("k", 10, lambda: b"two", strong=True) == b"two"
    with pytest.raises(ZeroDivisionError):
        cache.fetch("fails", 10, lambda: 1 // 0)
    with cache.lock_for_update("k"):
        cache.set("k", b"three", 10)
    cache.raw_set("k", b"four", 10)
    assert cache.get("k") == b"four" and cache.inspect("k") is not None
    assert cache.delete("k", "fails") >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_rights_that_the_manual_asks_for_are_enough(start: Callable[..., Any], kind: str) -> None:
    server = start(Server, kind)
    found = re.search(r"^ACL SETUSER tester .*?(?=^```)", PROTOCOL.read_text(), re.S | re.M)
    assert found is not None
    server.ask(*found[0].split())
    url = f"redis://tester:secret@127.0.0.1:{server.port}"
    with resilicache.Cache(f"{url}?prefix=app:") as cache:
        do_everything(cache)
    with resilicache.Cache(f"{url}?prefix=other:") as cache, pytest.raises(resilicache.AuthError, match="NOPERM"):
        cache.fetch("k", 10, lambda: b"v")


@pytest.mark.parametrize("kind", KINDS)
def test_a_replica_is_no_primary(start: Callable[..., Any], kind: str) -> None:
    replicated = start(Replicated, kind)
    with replicated.primary.connect() as primary:
        with resilicache.Cache(replicated.url, wait_replicas=1) as cache:
            cache.set("k", b"v", 60)
            cache.invalidate("nothing")  # returns when the replica has all that came before
        assert primary.ask("EXISTS", "k") == 1
    with resilicache.Cache(replicated.replicas[0].url) as cache:
        assert cache.get("k") == b"v"
        for write in (
            lambda: cache.invalidate("k"),
            lambda: cache.set("k", b"w", 10),
            lambda: cache.delete("k"),
            lambda: cache.lock("other", "me"),
            lambda: cache.fetch("missing", 10, lambda: b"v", strong=True),
        ):
            with pytest.raises(resilicache.UnavailableError, match="READONLY"):
                write()
