"""The Lua binding: cases.lua and the example, under every Lua on this machine, on memory and on a server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builds import ROOT, install, lua_environment, run
from servers import Server

HERE = Path(__file__).resolve().parent
BINDING = ROOT / "bindings/lua"
EXAMPLE = ROOT / "examples/lua/walkthrough.lua"
LUAS = ("lua5.4", "lua5.1", "luajit")


def need(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program}: apt install {package}")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the library is installed."""
    return install(tmp_path_factory.mktemp("prefix"))


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
    environment = lua_environment(name, prefix, tmp_path_factory.mktemp(name))

    def run_lua(*arguments: str | Path) -> str:
        return run(name, *arguments, cwd=HERE, **environment)

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
