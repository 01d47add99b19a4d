"""The Lua binding: cases.lua and the example, under every Lua on this machine, on memory and on a server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import Server

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BINDING = ROOT / "bindings/lua"
EXAMPLE = ROOT / "examples/lua/walkthrough.lua"
BUILD = Path(os.environ.get("RCACHE_BUILD", ROOT / "build/release"))
LUAS = ("lua5.4", "lua5.1", "luajit")
STRICT = "-O1 -g -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror"


def run(*command: str | Path, cwd: Path = HERE, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def need(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program}: apt install {package}")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the library is installed."""
    directory = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", directory)
    return directory


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server("redis7")
    yield running
    running.stop()


@pytest.fixture(scope="module", params=LUAS)
def lua(request: pytest.FixtureRequest, prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a Lua program in which require "resilicache" works."""
    name: str = request.param
    need(name, {"luajit": "luajit2 libluajit2-5.1-dev"}.get(name, f"{name} lib{name}-dev"))
    out = tmp_path_factory.mktemp(name)
    run("make", f"LUA={name}", f"PREFIX={prefix}", f"OUT={out}", f"CFLAGS={STRICT}", cwd=BINDING)

    def run_lua(*arguments: str | Path) -> str:
        return run(name, *arguments, LUA_PATH=f"{out}/?.lua;;", LUA_CPATH=f"{out}/?.so;;")

    return run_lua


def test_cases_on_memory(lua: Callable[..., str]) -> None:
    assert " 0 failed" in lua("cases.lua", "memory://")


def test_cases_on_a_server(lua: Callable[..., str], server: Server) -> None:
    assert " 0 failed" in lua("cases.lua", server.url)


def test_example(lua: Callable[..., str], server: Server) -> None:
    assert "All as it should be." in lua(EXAMPLE)
    assert "All as it should be." in lua(EXAMPLE, server.url)


@pytest.mark.parametrize("version", ["5.4", "5.1"])
def test_rock(prefix: Path, tmp_path: Path, version: str) -> None:
    """Lua's own package manager builds it, in a copy: it leaves objects among the sources."""
    need("luarocks", "luarocks")
    need(f"lua{version}", f"lua{version} liblua{version}-dev")
    sources, tree = tmp_path / "sources", tmp_path / "tree"
    shutil.copytree(BINDING, sources)
    run("luarocks", f"--lua-version={version}", f"--tree={tree}", "make", f"RESILICACHE_DIR={prefix}", cwd=sources)
    paths = {
        "LUA_PATH": f"{tree}/share/lua/{version}/?.lua;;",
        "LUA_CPATH": f"{tree}/lib/lua/{version}/?.so;;",
    }
    assert "All as it should be." in run(f"lua{version}", EXAMPLE, **paths)
