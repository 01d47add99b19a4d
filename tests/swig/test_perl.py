"""The SWIG interface in a language that nobody made a binding for: Perl takes bindings/swig/resilicache.i as it is."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import resilicache
from servers import Server

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("RCACHE_BUILD", ROOT / "build/release"))
INTERFACE = ROOT / "bindings/swig/resilicache.i"
SWIG = [sys.executable, "-c", "import swig; swig.swig()", "-Werror", "-I" + str(ROOT / "bindings/shared")]

# A line each of what cache.pl prints.
TOLD = r"""
first fetch: [tes\0ter]
second fetch: [tes\0ter]
loads: [1]
strong fetch after an invalidation: [Tester]
no such row: absent
an empty row: []
a batch: [Tester] absent [row of user:33]
a large value: [100000]
a loader that dies: [no database]
and after it: [row]
sizes that don't add up: [the sizes don't add up]
no call: [ValueError step_wait: this step is none, or has ended]
another kind of handle: [TypeError in method 'step_wait', argument 1 of type 'step *']
a number for bytes: [TypeError in method 'step_one', argument 4 of type 'char const *']
no such host: [the URL has no host; write one as in redis://localhost:6379]
a load that has ended: [ValueError rcache_load_value: this rcache_load is none, or has ended]
a closed cache: [the cache was closed]
"""


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the library is installed."""
    directory = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", directory)
    return directory


@pytest.fixture(scope="module")
def perl(prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `use resilicache` finds it: built from the header and the static library that are installed."""
    if shutil.which("perl") is None:
        pytest.skip("no perl: apt install perl libperl-dev")
    flags = shlex.split(run("perl", "-MExtUtils::Embed", "-e", "ccopts"))
    core = next(Path(flag[2:]) for flag in flags if flag.startswith("-I") and flag.endswith("CORE"))
    if not (core / "perl.h").exists():
        pytest.skip("no perl.h: apt install libperl-dev")
    out = tmp_path_factory.mktemp("perl")
    wrapper = out / "resilicache_wrap.c"
    header = f"-I{prefix / 'include'}"
    run(*SWIG, "-Wall", "-perl5", "-module", "resilicache", header, "-outdir", out, "-o", wrapper, INTERFACE)
    (library,) = prefix.rglob("libresilicache.a")
    shared = [f"-I{ROOT / 'bindings/shared'}", header, "-Wall", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden"]
    run("cc", *flags, *shared, wrapper, library, "-lpthread", "-o", out / "resilicache.so")
    return out


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server("redis7")
    yield running
    running.stop()


def test_perl_on_memory(perl: Path) -> None:
    assert run("perl", HERE / "cache.pl", "memory://", PERL5LIB=str(perl)) == TOLD.lstrip()


def test_perl_on_a_server_shares_its_keys_with_python(perl: Path, server: Server) -> None:
    url = f"{server.url}?prefix={uuid.uuid4().hex}:"
    with resilicache.Cache(url) as cache:
        assert run("perl", HERE / "cache.pl", url, PERL5LIB=str(perl)) == TOLD.lstrip()
        assert cache.fetch("user:1", 10, lambda: b"Python's own", strong=True) == b"Tester"
        assert cache.fetch_batch(["user:2", "user:33"], 10, lambda missing: {}) == {
            "user:2": None,
            "user:33": b"row of user:33",
        }


@pytest.mark.parametrize("target", ["python", "ruby", "tcl8", "octave -c++", "javascript -node", "r"])
def test_swig_takes_the_interface_for_other_languages(tmp_path: Path, target: str) -> None:
    names = "-w801"  # Ruby's classes have capitals, and SWIG gives them some
    options = [f"-{target.split()[0]}", *target.split()[1:], "-module", "resilicache", names]
    run(*SWIG, *options, f"-I{ROOT / 'core/include'}", "-outdir", tmp_path, "-o", tmp_path / "wrap.c", INTERFACE)
    assert "rcache_load_value" in (tmp_path / "wrap.c").read_text()
