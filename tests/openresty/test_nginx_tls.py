"""Servers that speak TLS: nginx does it, with the CAs that its configuration names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nginx import nginx
from servers import Certificates, Server


@pytest.fixture(scope="module")
def secured() -> Iterator[Server]:
    certificates = Certificates()
    server = Server("redis7", tls=certificates)
    yield server
    server.stop()
    certificates.remove()


@pytest.mark.parametrize("http", ["", "lua_code_cache off;"], ids=["shared", "solo"])
def test_values_come_back(secured: Server, http: str) -> None:
    assert secured.tls is not None
    trusted = f"{http} lua_ssl_trusted_certificate {secured.tls.authority};"
    with nginx(f'url = "rediss://localhost:{secured.port}"', http=trusted) as running:
        for _ in range(3):
            assert running.run("return assert(cache:fetch('k', 10, function() return 'v' end))") == "v"


def test_a_server_that_is_not_trusted_is_refused(secured: Server) -> None:
    assert secured.tls is not None
    trusted = f"lua_ssl_trusted_certificate {secured.tls.foreign.certificate};"
    with nginx(f'url = "rediss://localhost:{secured.port}"', http=trusted) as running:
        said = running.run("return select(2, cache:get('k'))")
        assert "no TLS: " in said and "lua_ssl_trusted_certificate" in said
