"""The proxy's weather, by a plain client."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from faults.proxy import Proxy
from servers import Connection


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Connection]:
    with Connection(proxy.port) as connected:
        yield connected


def seconds_of(client: Connection, *words: str | int) -> float:
    begin = time.monotonic()
    client.ask(*words)
    return time.monotonic() - begin


def test_it_passes_everything(client: Connection) -> None:
    text = "x" * 3_000_000
    client.ask("SET", "k", text)
    assert client.ask("GET", "k") == text.encode()


def test_latency_is_each_ways_and_costs_no_throughput(proxy: Proxy, client: Connection) -> None:
    proxy.delay(0.1)
    assert seconds_of(client, "PING") >= 0.2
    begin = time.monotonic()
    for _ in range(50):
        client.send("PING")
    assert [client.read() for _ in range(50)] == [b"PONG"] * 50
    assert 0.2 <= time.monotonic() - begin < 5
    proxy.clear()
    client.ask("PING")
    assert seconds_of(client, "PING") < 0.2


def test_replies_drip(proxy: Proxy, client: Connection) -> None:
    client.ask("SET", "k", "x" * 100)
    proxy.drip(10, 0.02)
    assert seconds_of(client, "GET", "k") >= 0.2
    assert client.ask("GET", "k") == b"x" * 100


def test_a_reply_is_cut_once(proxy: Proxy, client: Connection) -> None:
    client.ask("SET", "k", "x" * 100)
    proxy.cut(after=50)
    with pytest.raises(OSError):
        client.ask("GET", "k")
    with Connection(proxy.port) as another:
        assert another.ask("GET", "k") == b"x" * 100


def test_a_black_hole_gives_back_what_it_swallowed(proxy: Proxy) -> None:
    proxy.swallow()
    with Connection(proxy.port, timeout=0.3) as client, pytest.raises(TimeoutError):
        client.ask("PING")
    with Connection(proxy.port) as client:
        client.send("PING")
        proxy.clear()
        assert client.read() == b"PONG"


def test_connections_are_reset_and_refused(proxy: Proxy, client: Connection) -> None:
    client.ask("PING")
    proxy.reset()
    with pytest.raises(OSError):
        client.ask("PING")
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        Connection(proxy.port)
    proxy.clear()
    with Connection(proxy.port) as another:
        assert another.ask("PING") == b"PONG"
    assert proxy.accepted == 2
