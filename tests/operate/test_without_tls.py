"""A build without OpenSSL and json-c: all but TLS and the relay, which it refuses in words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from secured import ROOT
from servers import Server

BUILD = ROOT / "build" / "without-tls"


@pytest.fixture(scope="module")
def tool() -> Path:
    without = ["-DRCACHE_TLS=off", "-DCMAKE_DISABLE_FIND_PACKAGE_json-c=ON"]
    build = [ROOT / "tools" / "build", BUILD, "-DCMAKE_BUILD_TYPE=Release", *without, "-DRCACHE_WERROR=ON"]
    subprocess.run(build, check=True, timeout=600)
    return BUILD / "resilicache"


def run(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_url_with_tls_is_refused_in_words(tool: Path, server: Server) -> None:
    code, said = run(tool, "get", f"rediss://127.0.0.1:{server.port}", "k")
    assert code == 3 and "this build has no TLS: build it where OpenSSL is, or write redis://" in said


def test_all_else_is_there(tool: Path, server: Server) -> None:
    assert run(tool, "set", server.url, "k", "v") == (0, "")
    assert run(tool, "get", server.url, "k") == (0, "v")


def test_the_relay_says_what_it_lacks(tool: Path, server: Server) -> None:
    code, said = run(tool, "relay", server.url, "--map", "public.users=user:{id}")
    assert code == 3 and "this build has no relay, for want of json-c: install libjson-c-dev" in said


def test_nothing_of_openssl_is_linked(tool: Path) -> None:
    code, said = run("readelf", "-d", BUILD / "libresilicache.so")
    assert code == 0 and "libssl" not in said and "libcrypto" not in said
