"""What is installed: declarations that fit the library, every file in the rock, and the example."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nginx import BUILD, ROOT, need_nginx, request, wait_until
from servers import Server, free_port

LIBRARY = ROOT / "bindings/lua/lib"
EXAMPLE = ROOT / "examples/openresty"


def test_the_declarations_are_those_of_the_header() -> None:
    command = [sys.executable, ROOT / "tools/cdef.py", "--lua", ROOT / "core/include/resilicache.h"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    declared = (LIBRARY / "resty/resilicache/cdef.lua").read_text(encoding="utf-8")
    assert declared == made, "`make docs` makes them anew"


def test_the_rock_has_every_file() -> None:
    rockspec = next((ROOT / "bindings/lua").glob("*.rockspec")).read_text(encoding="utf-8")
    listed = dict(re.findall(r'^ +(?:\["([\w.]+)"\]|resilicache) = "lib/([\w/]+\.lua)"', rockspec, re.MULTILINE))
    files = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.lua")}
    assert set(listed.values()) == files
    assert all(name == "" or path == name.replace(".", "/") + ".lua" for name, path in listed.items())


def require(cpath: Path) -> str:
    """What comes of the library where only this directory is looked into."""
    paths = f'package.cpath = "{cpath}/?.so" package.path = "{LIBRARY}/?.lua"'
    code = f'{paths} print(pcall(require, "resty.resilicache.ffi"))'
    return subprocess.run(["luajit", "-e", code], capture_output=True, text=True, timeout=60, check=True).stdout


def test_a_library_that_is_none_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "libresilicache.so").write_text("no library")
    message = require(tmp_path)
    assert message.startswith("false")
    assert "resty.resilicache needs libresilicache.so.0: install it where the linker looks, or name its" in message


def test_a_library_of_another_version_is_told(tmp_path: Path) -> None:
    (tmp_path / "library.c").write_text("unsigned rcache_version(void) { return 7008009; }")
    command = ["cc", "-shared", "-fPIC", "-o", "libresilicache.so", "library.c"]
    subprocess.run(command, cwd=tmp_path, timeout=60, check=True)
    assert "was made for libresilicache 0.1, but finds 7.8: install those that belong together" in require(tmp_path)


@contextmanager
def running(tmp_path: Path, folder: Path) -> Iterator[int]:
    """The port of the example in this folder, on a server of ours."""
    need_nginx()
    port, server = free_port(), Server("redis7")
    text = (folder / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("127.0.0.1:8080;", f"127.0.0.1:{port};").replace("$prefix/../../build/release", str(BUILD))
    text = text.replace("$prefix/../../examples/openresty", str(folder)).replace("$prefix/../..", str(ROOT))
    if os.geteuid() == 0:
        text = f"user root;\n{text}"
    (tmp_path / "nginx.conf").write_text(text)
    with (tmp_path / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            ["nginx", "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"],
            env={**os.environ, "RESILICACHE_URL": server.url},
            stdin=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        wait_until(lambda: answers(port), "the example answers")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)
        server.stop()
    assert (tmp_path / "stderr").read_text() == ""


@pytest.fixture
def example(tmp_path: Path) -> Iterator[int]:
    with running(tmp_path, EXAMPLE) as port:
        yield port


def ask(port: int, path: str, body: str | None = None) -> str:
    status, text = request(port, path, body)
    return f"{status} {text.decode()}"


def answers(port: int) -> bool:
    try:
        return ask(port, "/user").startswith("400")
    except OSError:
        return False


def test_the_example(example: int) -> None:
    for _ in range(3):
        assert "All as it should be." in ask(example, "/walkthrough")
    assert ask(example, "/user?id=2") == "200 tester 2\n"
    assert ask(example, "/user?id=2&name=Tester", "") == "200 renamed\n"
    wait_until(lambda: ask(example, "/user?id=2") == "200 Tester\n", "the new name is loaded")
    assert ask(example, "/user?id=77") == "404 no such user\n"


def test_the_walkthrough_tells_what_went_wrong_also_while_a_value_is_loaded(tmp_path: Path) -> None:
    """Also: its log stays empty."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "example")
    script = (folder / "walkthrough.lua").read_text(encoding="utf-8")
    step = 'show("the old name, at once, and a new one loaded behind", users.name(1), '
    assert step in script
    (folder / "walkthrough.lua").write_text(script.replace(f'{step}"tester 1")', f'{step}"another")'))
    with running(tmp_path, folder) as port:
        told = ask(port, "/walkthrough")
        assert told.endswith("\n\nThis is not what should have happened.  the old name, at once, "
                             "and a new one loaded behind: expected another\n")
