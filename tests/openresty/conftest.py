"""Servers and nginxes that a module's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nginx import Nginx, nginx
from servers import Server


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    running = Server("redis7")
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["memory", "shared", "solo"])
def any_nginx(request: pytest.FixtureRequest, server: Server) -> Iterator[Nginx]:
    """One worker, with `cache` in its process, on connections that are shared, and on connections of each request."""
    url = "memory://" if request.param == "memory" else server.url
    alone = "lua_code_cache off;" if request.param == "solo" else ""
    with nginx(f'url = "{url}", prefix = "any-{request.param}:", lock_expire = "1s"', http=alone) as running:
        running.get("/pid")
        yield running
