"""What the tests of operation share: certificates for the session, servers of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import resilicache
from secured import SecuredServer
from servers import Certificates, Server


@pytest.fixture(scope="session")
def certificates() -> Iterator[Certificates]:
    if not resilicache.has("tls"):
        pytest.skip("this build has no TLS")
    made = Certificates()
    yield made
    made.remove()


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """start(Server, "redis7", ...), stopped after the test."""
    started: list[Server] = []

    def start_one(what: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        started.append(what(*arguments, **more))
        return started[-1]

    yield start_one
    for server in started:
        server.stop()


@pytest.fixture
def secured(start: Callable[..., Any], certificates: Certificates) -> Callable[..., SecuredServer]:
    """secured(certificates.expired) starts a server that shows that certificate."""
    return lambda *arguments, **more: start(SecuredServer, certificates, *arguments, **more)


@pytest.fixture
def server(start: Callable[..., Any]) -> Any:
    return start(Server, "redis7")
