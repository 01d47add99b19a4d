"""A server of our own, rockscache in a process beside it, and our side of the same keys."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from parties import Ours, Rocks, Server


@pytest.fixture(scope="session")
def port() -> Iterator[int]:
    server = servers.Server("redis7")
    yield server.port
    server.stop()


@pytest.fixture
def server(port: int) -> Iterator[Server]:
    server = Server(port)
    yield server
    server.close()


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("go") is None:
        pytest.skip("there is no go on PATH to build the rockscache client with")
    program = tmp_path_factory.mktemp("rocks") / "rocks"
    subprocess.run(["go", "build", "-o", program, "."], cwd=Path(__file__).parent / "rocks", check=True)
    return program


@pytest.fixture(scope="session")
def rocks(program: Path, port: int) -> Iterator[Rocks]:
    rocks = Rocks(program, port)
    yield rocks
    rocks.close()


@pytest.fixture
def open_ours(port: int) -> Iterator[Callable[..., Ours]]:
    opened: list[Ours] = []

    def open_one(**options: Any) -> Ours:
        opened.append(Ours(port, **options))
        return opened[-1]

    yield open_one
    for ours in opened:
        ours.close()


@pytest.fixture
def ours(open_ours: Callable[..., Ours]) -> Ours:
    return open_ours()


@pytest.fixture
def key(server: Server) -> Iterator[str]:
    """Gone afterwards, so that nobody waits for it for ever."""
    server.ask("DEL", "user:1")
    yield "user:1"
    server.ask("DEL", "user:1")
