"""The workers, built from this tree, and their peers, installed below build/bench."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from places import BENCH, BUILD, PREFIX, ROOT, SOURCES, Failed, run

# Modules that are built in by a tag, each from the Go proxy or from build/bench/sources.
GO_EXTRAS = {
    "aside": ("github.com/redis/rueidis/rueidisaside", "rueidis/rueidisaside"),
    "jetcache": ("github.com/mgtv-tech/jetcache-go", "jetcache-go"),
}
GO_EXTRA_CONTENDERS = {
    "aside": ("go/rueidisaside", "go/rueidisaside-remote"),
    "jetcache": ("go/jetcache-go", "go/jetcache-go-local"),
}


@dataclass
class Kit:
    commands: dict[str, list[str]] = field(default_factory=dict)
    """By runtime: what to start, before the arguments that all workers take."""
    environment: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """By contender or runtime: why it isn't here."""
    versions: dict[str, str] = field(default_factory=dict)
    lua_path: str = ""
    """For nginx."""

    def has(self, contender: str) -> bool:
        return contender not in self.missing and contender.split("/")[0] not in self.missing

    def why_missing(self, contender: str) -> str:
        return self.missing.get(contender) or self.missing[contender.split("/")[0]]


def build(runtimes: Iterable[str]) -> Kit:
    """For these alone: c, go, blocking, asyncio, lua, nginx, server."""
    kit = Kit()
    wanted = set(runtimes)
    build_core(kit)
    steps: list[tuple[set[str], Callable[[Kit], None]]] = [
        ({"go"}, build_go),
        ({"blocking", "asyncio"}, build_python),
        ({"lua5.4", "luajit"}, build_lua),
        ({"nginx"}, build_nginx),
        ({"server"}, build_server),
    ]
    for served, step in steps:
        if not served & wanted:
            continue
        try:
            step(kit)
        except (Failed, OSError) as failure:
            kit.missing |= {name: str(failure).splitlines()[0] for name in served}
            print(f"bench: {failure}", file=sys.stderr)
    return kit


def build_core(kit: Kit) -> None:
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DRCACHE_BUILD_BENCH=ON"]
    run(ROOT / "tools/build", BUILD / "core", *options)
    run("cmake", "--install", BUILD / "core", "--prefix", PREFIX)
    library = next(PREFIX.rglob("libresilicache.so")).parent
    kit.environment = {"LD_LIBRARY_PATH": str(library)}
    kit.commands["c"] = [str(BUILD / "core/bench/c/bench_worker")]
    header = (ROOT / "core/include/resilicache.h").read_text()
    numbers = re.findall(r"define RCACHE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    kit.versions["resilicache"] = ".".join(numbers)
    bundled = BUILD / "core/generated/hiredis-include/hiredis/hiredis.h"
    header = (bundled if bundled.exists() else Path("/usr/include/hiredis/hiredis.h")).read_text()
    kit.versions["hiredis"] = ".".join(re.findall(r"define HIREDIS_(?:MAJOR|MINOR|PATCH) (\d+)", header))


# ---- Go


@dataclass
class GoModule:
    """A copy of bench/go/go.mod that has this tree's library, and what builds programs by it."""

    go: str
    modfile: str
    environment: dict[str, str]

    def build(self, package: str, program: Path, *flags: str) -> list[str]:
        """The command that runs it."""
        run(self.go, "build", self.modfile, "-mod=mod", *flags, "-o", program, package, cwd=BENCH / "go",
            **self.environment)
        return [str(program)]

    def versions(self, program: Path) -> dict[str, str]:
        lines = [line.split() for line in run(self.go, "version", "-m", program).splitlines()]
        found = {words[1]: words[2] for words in lines if words[:1] == ["dep"]}
        return {"Go": run(self.go, "env", "GOVERSION").strip().removeprefix("go"), **found}


def go_module(kit: Kit) -> GoModule:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise Failed("no Go on this machine")
    library = kit.environment["LD_LIBRARY_PATH"]
    environment = {
        "PKG_CONFIG_PATH": f"{library}/pkgconfig",
        # Go keeps what it built with another library, whatever pkg-config says; but not with other flags.
        "CGO_LDFLAGS": f"-L{library}",
    }
    out = BUILD / "go"
    out.mkdir(parents=True, exist_ok=True)
    for name in ("go.mod", "go.sum"):
        shutil.copy(BENCH / "go" / name, out / name)
    run(go, "mod", "edit", f"-replace=github.com/resilicache/resilicache/bindings/go-cgo={ROOT / 'bindings/go-cgo'}",
        out / "go.mod")
    return GoModule(go, f"-modfile={out / 'go.mod'}", environment)


def build_go(kit: Kit) -> None:
    module, program = go_module(kit), BUILD / "go/worker"
    tags = [tag for tag in GO_EXTRAS if add_go_extra(kit, module.go, module.modfile, tag)]
    kit.commands["go"] = module.build(".", program, "-tags", ",".join(tags))
    kit.versions |= module.versions(program)


def add_go_extra(kit: Kit, go: str, modfile: str, tag: str) -> bool:
    module, folder = GO_EXTRAS[tag]
    source = SOURCES / folder
    try:
        if source.exists():
            file = modfile.removeprefix("-modfile=")
            run(go, "mod", "edit", f"-replace={module}={source}", f"-require={module}@v0.0.0", file)
        else:
            run(go, "get", modfile, f"{module}@latest", cwd=BENCH / "go")
        if tag == "jetcache":  # the one that it asks for doesn't compile with newer versions of Go
            run(go, "get", modfile, "github.com/bytedance/sonic@v1.15.5", cwd=BENCH / "go")
        return True
    except Failed as failure:
        kit.missing |= {name: f"the Go proxy did not give {module}" for name in GO_EXTRA_CONTENDERS[tag]}
        print(f"bench: {failure}", file=sys.stderr)
        return False


# ---- Python


def build_python(kit: Kit) -> None:
    venv, stamp = BUILD / "venv", BUILD / "venv/installed"
    wanted = (BENCH / "python/requirements.txt").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        run(sys.executable, "-m", "venv", venv)
        run(venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r",
            BENCH / "python/requirements.txt")
        stamp.write_text(wanted)
    # Ours lies in build/venv, where tools/install_python has put it; what both have, the peers' own goes first.
    packages = next(venv.glob("lib/python*/site-packages"))
    ours = next((ROOT / "build/venv").glob("lib/python*/site-packages"))
    if not (ours / "resilicache").exists():
        raise Failed("resilicache is not in build/venv: tools/install_python")
    (packages / "resilicache.pth").write_text(f"{ours}\n")
    for runtime in ("blocking", "asyncio"):
        kit.commands[runtime] = [str(venv / "bin/python"), str(BENCH / "python/worker.py")]
    kit.versions["Python"] = run(venv / "bin/python", "-V").split()[1]
    kit.versions |= dict(line.split("==") for line in wanted.split())


# ---- Lua and nginx


def build_lua(kit: Kit) -> None:
    for lua in ("lua5.4", "luajit"):
        if shutil.which(lua) is None:
            kit.missing[lua] = f"no {lua} on this machine"
            continue
        out = BUILD / "lua" / lua
        run("make", f"LUA={lua}", f"PREFIX={PREFIX}", f"OUT={out}", cwd=ROOT / "bindings/lua")
        paths = [f"LUA_PATH={out}/?.lua;;", f"LUA_CPATH={out}/?.so;;"]
        kit.commands[lua] = ["env", *paths, lua, str(BENCH / "lua/worker.lua")]


def build_nginx(kit: Kit) -> None:
    if not shutil.which("nginx") or not shutil.which("wrk"):
        raise Failed("no nginx or no wrk on this machine: tools/setup bench")
    lua = ["/usr/share/lua/5.1", str(SOURCES / "lua-resty-lock/lib"), str(SOURCES / "lua-resty-mlcache/lib")]
    kit.lua_path = ";".join(f"{folder}/?.lua" for folder in [ROOT / "bindings/lua/lib", *lua])

    def has(module: str) -> bool:
        """And its version is noted."""
        for file in [Path(folder) / module for folder in lua]:
            if file.exists():
                said = re.search(r"_VERSION *= *['\"]([\d.]+)", file.read_text())
                kit.versions[module] = said[1] if said else ""
                return True
        return False

    if not has("nginx/redis.lua"):
        for contender in ("nginx/lua-resty-redis", "nginx/lua-resty-redis-hmget"):
            kit.missing[contender] = "no Debian package lua-nginx-redis: tools/setup bench"
    if not has("resty/mlcache.lua") or not has("resty/lock.lua"):
        kit.missing["nginx/mlcache"] = "in no registry that was reached: see bench/README.md"
    kit.versions["nginx"] = run("sh", "-c", "nginx -v 2>&1").split("/")[1].split()[0]


def build_server(kit: Kit) -> None:
    program = shutil.which("redis-benchmark", path="/usr/bin:/usr/local/bin") or shutil.which("redis-benchmark")
    if program is None:
        raise Failed("no redis-benchmark on this machine: apt install redis-tools")
    kit.commands["server"] = [program]
    kit.versions["redis-benchmark"] = run(program, "--version").split()[1]
