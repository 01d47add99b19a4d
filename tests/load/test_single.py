"""One server under load: it is killed, stands still, and loses its connections."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from faults.proxy import Proxy
from load.conftest import Load, go_on
from servers import KINDS, Missing, Server


@pytest.fixture
def server(kind: str) -> Iterator[Server]:
    try:
        started = Server(kind)
    except Missing as missing:
        pytest.skip(str(missing))
    yield started
    started.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_killed_and_comes_back_empty(server: Server, load: Load) -> None:
    truth = load(server.url)
    for _ in range(3):
        go_on(truth)
        with truth.outage("restart"):
            server.restart()
    go_on(truth)


@pytest.mark.parametrize("kind", ["redis7"])
def test_it_stands_still(server: Server, load: Load) -> None:
    truth = load(server.url)
    go_on(truth)
    with truth.outage("pause"):
        server.pause()
        time.sleep(4)  # more than op_timeout, so that connections count as dead
        server.resume()
    go_on(truth)


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as before:
        yield before


@pytest.mark.parametrize("kind", ["valkey9"])
def test_connections_are_lost(proxy: Proxy, load: Load) -> None:
    truth = load(proxy.url)
    for after in range(0, 2000, 97):
        with truth.outage(f"cut after {after} bytes"):
            proxy.cut(after)
            go_on(truth)
