"""What every test has: what its servers logged meanwhile, when it fails, and none of them left in the end."""

from __future__ import annotations

from collections.abc import Generator

import pytest

import servers

LOG_LINES = 40
LOGGED = pytest.StashKey[dict[servers.Server, int]]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[LOGGED] = {server: len(server.log) for server in list(servers.running)}


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
