"""Guises that the tests share, each started when first wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from guises import GUISES, GuiseServer

Start = Callable[..., GuiseServer]


def _start(guise: str, *arguments: str, **access: Any) -> GuiseServer:
    return GuiseServer(guise, *arguments, **access)


@pytest.fixture(scope="session")
def running_guises() -> Iterator[dict[str, GuiseServer]]:
    running: dict[str, GuiseServer] = {}
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture
def guise_of(running_guises: dict[str, GuiseServer]) -> Callable[[str], GuiseServer]:
    def one(guise: str) -> GuiseServer:
        if guise not in running_guises:
            running_guises[guise] = _start(guise)
        return running_guises[guise]

    return one


@pytest.fixture(params=GUISES)
def guise(request: pytest.FixtureRequest, guise_of: Callable[[str], GuiseServer]) -> GuiseServer:
    return guise_of(request.param)


@pytest.fixture
def start() -> Iterator[Start]:
    """start("kvrocks", password="secret"): for this test alone."""
    started: list[GuiseServer] = []

    def start_one(guise: str, *arguments: str, **access: Any) -> GuiseServer:
        started.append(_start(guise, *arguments, **access))
        return started[-1]

    yield start_one
    for server in started:
        server.stop()
