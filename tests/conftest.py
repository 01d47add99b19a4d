"""What every test has: what its servers logged meanwhile, when it fails, and none of them left in the end.  One whose
servers can't be had is skipped."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

import servers

if TYPE_CHECKING:
    import resilicache

LOG_LINES = 40
LOGGED = pytest.StashKey[dict[servers.Server, int]]()


@pytest.fixture
def server() -> Iterator[servers.Server]:
    """One that the test may stop, pause and restart."""
    own = servers.Server("redis7")
    yield own
    own.stop()


@pytest.fixture
def cache(url: str) -> Iterator[resilicache.Cache]:
    import resilicache  # which not all tests need

    with resilicache.Cache(url) as opened:
        yield opened


@contextmanager
def skipping() -> Iterator[None]:
    """A test that wants what this machine doesn't have is skipped, and says what would help."""
    try:
        yield
    except servers.Missing as missing:
        pytest.skip(str(missing))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    item.stash[LOGGED] = {server: len(server.log) for server in list(servers.running)}
    with skipping():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    with skipping():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for server in list(servers.running):
            lines = server.log[item.stash.get(LOGGED, {}).get(server, 0) :].splitlines()[-LOG_LINES:]
            if lines:
                report.sections.append((f"log of {server.kind} on port {server.port}", "\n".join(lines)))
    return report


def pytest_sessionfinish() -> None:
    servers.stop_all()
