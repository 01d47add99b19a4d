"""What every test has: the logs of its servers when it fails, and none of them left in the end."""

from __future__ import annotations

from collections.abc import Generator

import pytest

import servers

LOG_LINES = 40


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for server in servers.running:
            lines = server.log.splitlines()[-LOG_LINES:]
            report.sections.append((f"log of {server.kind} on port {server.port}", "\n".join(lines)))
    return report


def pytest_sessionfinish() -> None:
    servers.stop_all()
