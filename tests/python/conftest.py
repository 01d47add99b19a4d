"""What the tests share: caches on memory and on real servers, each test below a prefix of its own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pytest

import resilicache
from servers import KINDS, Server


def pytest_report_header() -> str:
    return f"resilicache by {resilicache.binding}"


class Servers:
    """Started when first wanted, kept for the session."""

    def __init__(self) -> None:
        self._running: dict[str, Server] = {}

    def url(self, kind: str) -> str:
        if kind == "memory":
            return "memory://"
        if kind not in self._running:
            self._running[kind] = Server(kind)
        return self._running[kind].url

    def stop(self) -> None:
        for server in self._running.values():
            server.stop()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.stop()


@pytest.fixture(params=["memory", *KINDS])
def url(request: pytest.FixtureRequest, servers: Servers) -> str:
    """A cache of its own, everywhere that caches can be."""
    return f"{servers.url(request.param)}?prefix={uuid.uuid4().hex}:"


@pytest.fixture
def shared_url(servers: Servers) -> str:
    """One on a server, for what more than one process or cache is to see."""
    return f"{servers.url('redis7')}?prefix={uuid.uuid4().hex}:"


def eventually(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for the condition, and fails if it takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so within {seconds} s"
        time.sleep(0.005)
