"""A server for the session, and below it a place for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from postgresql import PostgreSQL
from servers import Server


@pytest.fixture(scope="session")
def shared() -> Iterator[Server]:
    started = Server("redis7")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def database() -> Iterator[PostgreSQL]:
    started = PostgreSQL()
    yield started
    started.stop()


@pytest.fixture
def url(shared: Server) -> str:
    return f"{shared.url}?prefix={uuid.uuid4().hex}:"
