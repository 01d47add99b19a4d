"""What the tests of operation share: servers of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from servers import Missing, Server


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """start(Server, "redis7", ...), stopped after the test."""
    started: list[Server] = []

    def start_one(what: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        try:
            started.append(what(*arguments, **more))
        except Missing as missing:
            pytest.skip(str(missing))
        return started[-1]

    yield start_one
    for server in started:
        server.stop()


@pytest.fixture
def server(start: Callable[..., Any]) -> Any:
    return start(Server, "redis7")
