"""What is shipped: runnable examples in the documentation, the walk-through, and an extension that keeps to itself."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import json
import pkgutil
import re
import shutil
import subprocess
import sys
import sysconfig
from datetime import timedelta
from pathlib import Path

import pytest

import resilicache

ROOT = Path(__file__).resolve().parents[2]
HAS_STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")


def documented() -> list[doctest.DocTest]:
    modules = [resilicache]
    for info in pkgutil.iter_modules(resilicache.__path__, "resilicache."):
        if "._native_" not in info.name:
            modules.append(importlib.import_module(info.name))
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for module in modules for test in finder.find(module) if test.examples]


@pytest.mark.parametrize("test", documented(), ids=lambda test: test.name)
def test_documentation(test: doctest.DocTest) -> None:
    with resilicache.Cache() as cache:
        test.globs.update(resilicache=resilicache, cache=cache, json=json, timedelta=timedelta)
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, clear_globs=False)
    assert result.failed == 0


def test_every_public_method_is_documented_by_an_example() -> None:
    tested = {test.name for test in documented()}
    methods = [
        name for name, _ in inspect.getmembers(resilicache.Cache, inspect.isfunction) if not name.startswith("_")
    ]
    lacking = [name for name in methods if f"resilicache.cache.Cache.{name}" not in tested and name != "close"]
    assert lacking == []


def test_the_walk_through(url: str) -> None:
    command = [sys.executable, str(ROOT / "examples/python/walkthrough.py"), url]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "loader calls: 1" in run.stdout


def test_the_account(url: str) -> None:
    command = [sys.executable, str(ROOT / "examples/python/account.py"), url]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "meanwhile None\nbalance 110\n" in run.stdout
    assert "refused, for another was there: the balance is 115" in run.stdout
    assert run.stdout.endswith("fetched b'115'\n")


@pytest.mark.skipif(shutil.which("nm") is None, reason="nm is missing: apt install binutils")
@pytest.mark.parametrize("name", ["_native_cffi", "_native_swig"])
def test_an_extension_exports_its_entry_and_nothing_else(name: str) -> None:
    spec = importlib.util.find_spec(f"resilicache.{name}")
    assert spec is not None and spec.origin is not None and spec.origin.endswith(".abi3.so") == HAS_STABLE_ABI
    run = subprocess.run(["nm", "-D", "--defined-only", spec.origin], capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in run.stdout.splitlines()}
    assert names == {f"PyInit_{name}"}


def test_the_version_is_the_header_s() -> None:
    header = (ROOT / "core/include/resilicache.h").read_text()
    parts = re.findall(r"#define RCACHE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    assert resilicache.__version__ == ".".join(parts)


def test_flat_declarations_have_every_function_of_the_header() -> None:
    header = (ROOT / "core/include/resilicache.h").read_text()
    run = subprocess.run(
        [sys.executable, ROOT / "tools/cdef.py", ROOT / "core/include/resilicache.h"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(re.findall(r"RCACHE_API[^;(]*?\b(rcache_\w+)\(", header)) == set(
        re.findall(r"^\w[\w *]*?\b(rcache_\w+)\(", run.stdout, re.MULTILINE)
    )
    assert not re.search(r"#|/\*|RCACHE_API|extern", run.stdout)
