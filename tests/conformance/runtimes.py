"""The runtimes that play the cases: how each is built, and the command that plays them on a store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from builds import BUILD, GO, ROOT, go_environment, lua_environment, run

HERE = Path(__file__).resolve().parent
CASES = sorted((ROOT / "core/tools/conform/cases").glob("*.txt"))
BROKEN = HERE / "broken.txt"
RUN_SECONDS = 300


class Missing(Exception):
    """The runtime is not on this machine; the message says where it would come from."""


@dataclass
class Verdict:
    chapter: str
    case: str
    verdict: str
    reason: str


@dataclass
class Played:
    """What a runtime told of the cases."""

    exit_code: int
    errors: str
    verdicts: list[Verdict]


@dataclass
class Program:
    """A built runtime: the command is followed by the URL, and that by the files."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    has_cases: bool = False

    def play(self, url: str, *files: Path) -> Played:
        words = [*self.command, url, *map(str, () if self.has_cases and files == tuple(CASES) else files)]
        done = subprocess.run(
            words,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        verdicts = [Verdict(**json.loads(line)) for line in done.stdout.splitlines()]
        return Played(done.returncode, done.stderr, verdicts)


def _c(prefix: Path, out: Path) -> Program:
    return Program([str(BUILD / "resilicache"), "--json", "conform"], has_cases=True)


def _go(prefix: Path, out: Path) -> Program:
    if GO is None:
        raise Missing("there is no go on this machine: https://go.dev/dl")
    environment = go_environment(prefix)
    run(GO, "build", "-o", out / "conform", ".", cwd=HERE / "go", **environment)
    return Program([str(out / "conform")], environment)


def _python(world: str, binding: str) -> Callable[[Path, Path], Program]:
    def program(prefix: Path, out: Path) -> Program:
        return Program([sys.executable, str(HERE / "python/conform.py"), world], {"RESILICACHE_BINDING": binding})

    return program


def _lua(name: str) -> Callable[[Path, Path], Program]:
    def program(prefix: Path, out: Path) -> Program:
        if shutil.which(name) is None:
            raise Missing(f"there is no {name} on this machine")
        return Program([name, str(HERE / "lua/conform.lua")], lua_environment(name, prefix, out))

    return program


def _nginx(prefix: Path, out: Path) -> Program:
    if not Path("/usr/lib/nginx/modules/ngx_http_lua_module.so").exists():
        raise Missing("there is no nginx with Lua on this machine")
    return Program([sys.executable, str(HERE / "lua/in_nginx.py")])


def python_bindings() -> list[str]:
    """Those that are built."""

    def works(name: str) -> bool:
        environment = {**os.environ, "RESILICACHE_BINDING": name}
        words = [sys.executable, "-c", "import resilicache"]
        return subprocess.run(words, env=environment, capture_output=True, check=False).returncode == 0

    return [name for name in ("cffi", "swig") if works(name)]


RUNTIMES: dict[str, Callable[[Path, Path], Program]] = {
    "c": _c,
    "go": _go,
    **{f"python-{name}": _python("threads", name) for name in python_bindings()},
    **{f"asyncio-{name}": _python("asyncio", name) for name in python_bindings()},
    **{name: _lua(name) for name in ("lua5.4", "lua5.1", "luajit")},
    "nginx": _nginx,
}
STORES = {
    "memory": "memory",
    "redis7": "redis7",
    "redis7-resp2": "redis7?resp=2",
    "redis7-hash": "redis7?layout=hash",
    "valkey9": "valkey9",
    "valkey9-hash": "valkey9?layout=hash",
    "redis62": "redis62",
    "cluster": "cluster",
    "cluster-hash": "cluster?layout=hash",
    "sentinel": "sentinel",
}
"""What a store is called, and the kind of its server with the URL's query."""
