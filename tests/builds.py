"""What tests of several languages build first: the library, installed somewhere, and modules that find it there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("RCACHE_BUILD", ROOT / "build/release"))
GO = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
STRICT = "-O1 -g -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror"


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """What the command prints; it has to succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def install(prefix: Path) -> Path:
    run("cmake", "--install", BUILD, "--prefix", prefix)
    return prefix


def lua_environment(lua: str, prefix: Path, out: Path) -> dict[str, str]:
    """With it, require "resilicache" works; `lua` is lua5.4, lua5.1 or luajit."""
    run("make", f"LUA={lua}", f"PREFIX={prefix}", f"OUT={out}", f"CFLAGS={STRICT}", cwd=ROOT / "bindings/lua")
    return {"LUA_PATH": f"{out}/?.lua;;", "LUA_CPATH": f"{out}/?.so;;"}


def go_environment(prefix: Path) -> dict[str, str]:
    """With it, a Go program that imports the package is built and runs."""
    library = next(prefix.rglob("libresilicache.a")).parent
    paths = {"PKG_CONFIG_PATH": str(library / "pkgconfig"), "LD_LIBRARY_PATH": str(library)}
    # Go keeps what it built with another library, whatever pkg-config says; but not with other flags.
    return {**paths, "CGO_LDFLAGS": f"-L{library}", "CGO_ENABLED": "1"}
