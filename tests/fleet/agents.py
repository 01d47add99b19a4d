"""Who shares one key in a fleet: programs that play lines of cases as they come, and the real rockscache."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from builds import GO, ROOT, go_environment, install, lua_environment, run

PATIENCE_SECONDS = 60.0
PREFIX = "fleet:"
RUNNERS = ROOT / "tests/conformance"


class Missing(Exception):
    """The runtime is not on this machine."""


class Agent:
    """A process; what it is told it does, and answers in a line."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line.rstrip("\n"))
        self._answers.put("no it has ended")

    def tell(self, line: str) -> None:
        """Without waiting for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        try:
            answer = self._answers.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            answer = "no it is silent"
        assert answer.startswith("ok "), f"{self.name}: {answer}"
        return answer.removeprefix("ok ")

    def do(self, line: str) -> str:
        self.tell(line)
        return self.answer()

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            assert self._process.wait(PATIENCE_SECONDS) == 0, self.name
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            self._process.stdout.close()


class Builds:
    """What the agents need to start; made once."""

    def __init__(self, out: Path) -> None:
        self._out, self._prefix = out, install(out / "prefix")
        self._made: dict[str, tuple[list[str], dict[str, str]]] = {}

    def start(self, name: str, url: str) -> Agent:
        if name not in self._made:
            self._made[name] = AGENTS[name](self._prefix, self._out)
        command, environment = self._made[name]
        return Agent(name, [*command, url, PREFIX], environment)


def _go(prefix: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    if GO is None:
        raise Missing("there is no go on this machine: https://go.dev/dl")
    environment = go_environment(prefix)
    run(GO, "build", "-o", out / "conform", ".", cwd=RUNNERS / "go", **environment)
    return [str(out / "conform"), "agent"], environment


def _python(prefix: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, str(RUNNERS / "python/agent.py")], {}


def _lua(prefix: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    if shutil.which("lua5.4") is None:
        raise Missing("there is no lua5.4 on this machine: apt install lua5.4 liblua5.4-dev")
    return ["lua5.4", str(RUNNERS / "lua/agent.lua")], lua_environment("lua5.4", prefix, out / "lua")


def _nginx(prefix: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    if not Path("/usr/lib/nginx/modules/ngx_http_lua_module.so").exists():
        raise Missing("there is no nginx with Lua on this machine: apt install nginx libnginx-mod-http-lua")
    return [sys.executable, str(RUNNERS / "lua/agent_in_nginx.py")], {}


AGENTS: dict[str, Callable[[Path, Path], tuple[list[str], dict[str, str]]]] = {
    "go": _go,
    "python": _python,
    "lua": _lua,
    "nginx": _nginx,
}
