"""A server and a proxy before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.proxy import Proxy
from servers import Missing, Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    try:
        started = Server("redis7")
    except Missing as missing:
        pytest.skip(str(missing))
    yield started
    started.stop()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as made:
        yield made
