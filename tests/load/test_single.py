"""One server under load: it is killed, stands still, loses its connections, and changes its certificates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.proxy import Proxy
from load.conftest import Load, go_on
from servers import KINDS, Certificates, Server


@pytest.fixture
def server(kind: str) -> Iterator[Server]:
    started = Server(kind)
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


@pytest.fixture
def authorities() -> Iterator[list[Certificates]]:
    made = [Certificates(), Certificates()]
    yield made
    for certificates in made:
        certificates.remove()


@pytest.fixture
def encrypted(authorities: list[Certificates]) -> Iterator[Server]:
    started = Server("redis7", tls=authorities[0])
    yield started
    started.stop()


def test_certificates_are_replaced(
    authorities: list[Certificates], encrypted: Server, load: Load, tmp_path: Path
) -> None:
    """By those of another authority, which was made known before; connections are closed, to be made anew."""
    first, second = authorities
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(Path(first.authority).read_bytes() + Path(second.authority).read_bytes())
    truth = load(f"{encrypted.url}?tls_ca_file={trusted}")
    with encrypted.connect() as operator:
        for shown in (second, first):
            go_on(truth)
            with truth.outage("another certificate, and all connections closed"):
                files = ["tls-cert-file", shown.server.certificate, "tls-key-file", shown.server.key]
                operator.ask("CONFIG", "SET", *files)
                operator.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            go_on(truth)
