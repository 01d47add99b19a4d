"""A server and a proxy before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.proxy import Proxy
from servers import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    started = Server("redis7")
    yield started
    started.stop()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as made:
        yield made
