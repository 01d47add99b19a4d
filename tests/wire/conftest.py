"""A server of our own, rockscache in a process beside it, and our side of the same keys."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parties import DEADLINE_S, Ours, Rocks, Server, until


def _start_server(directory: Path) -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)

    def answers() -> bool:
        assert process.poll() is None, "redis-server ended"
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", port)) == 0

    until(answers, "redis-server takes connections")
    return process, port


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server on PATH")
    process, port = _start_server(tmp_path_factory.mktemp("server"))
    yield port
    process.terminate()
    process.wait(DEADLINE_S)


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
