"""The conformance cases, in every runtime on every store; docs/conformance.md tells of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runtimes import BROKEN, CASES, RUNTIMES, STORES, Program

from builds import BUILD, ROOT
from servers import KINDS, Server, free_port

if TYPE_CHECKING:
    from conftest import Matrix


def names_in(*paths: Path) -> list[str]:
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [line.removeprefix("case ") for line in lines if line.startswith("case ")]


def test_every_case_has_a_name_of_its_own() -> None:
    names = names_in(*CASES)
    assert len(names) > 100
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_cases(runtime: str, store: str, matrix: Matrix) -> None:
    if lack := matrix.lack_of(runtime, store):
        pytest.skip(lack)
    played = matrix.result(runtime, store)
    failures = [f"{told.case}\n    {told.reason}" for told in played.verdicts if told.verdict == "FAILED"]
    assert not failures, "\n" + "\n".join(failures)
    assert played.exit_code == 0, played.errors
    assert sorted(told.case for told in played.verdicts) == sorted(names_in(*CASES)), played.errors
    assert all(told.reason for told in played.verdicts if told.verdict != "ok")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_runner_finds_what_is_wrong(runtime: str, matrix: Matrix) -> None:
    played = matrix.program(runtime).play("memory://", BROKEN)
    assert {told.case: told.verdict for told in played.verdicts} == dict.fromkeys(names_in(BROKEN), "FAILED")
    assert played.exit_code == 1


@pytest.mark.parametrize("kind", [*KINDS, "cluster", "sentinel"])
def test_nothing_is_left_on_the_servers(kind: str, matrix: Matrix) -> None:
    assert [server.ask("DBSIZE") for server in matrix.settled(kind)] == [0] * len(matrix.settled(kind))


# ---- the command ----

TOOL = BUILD / "resilicache"


def conform(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TOOL, "conform", *words], capture_output=True, text=True, timeout=300, check=False)


def test_the_command_tells_people() -> None:
    done = conform("memory://")
    assert done.returncode == 0, done.stdout
    assert "\neventual consistency\n  ok      " in done.stdout
    assert done.stdout.splitlines()[-1].endswith(" not applicable")
    assert done.stderr == ""


def test_the_command_tells_people_what_failed() -> None:
    done = conform("memory://", BROKEN)
    assert done.returncode == 1
    assert '  FAILED  another value\n          broken.txt:6: get user -> "v2": what came is "v1"\n' in done.stdout
    assert done.stdout.splitlines()[-1] == f"0 ok, {len(names_in(BROKEN))} failed, 0 not applicable"


def test_the_command_leaves_alone_what_is_not_its_own() -> None:
    server = Server("redis7")
    try:
        server.ask("SET", "a user's own", "value")
        assert conform(server.url).returncode == 0
        assert server.ask("DBSIZE") == 1
        assert server.ask("GET", "a user's own") == b"value"
    finally:
        server.stop()


def test_the_command_ends_at_once_where_nobody_answers() -> None:
    done = conform(f"redis://user:secret@127.0.0.1:{free_port()}")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "127.0.0.1" in done.stderr and "secret" not in done.stderr


def test_the_command_wants_cases(tmp_path: Path) -> None:
    assert "No such file" in conform("memory://", tmp_path / "none.txt").stderr
    (tmp_path / "empty.txt").write_text("# nothing\n")
    done = conform("memory://", tmp_path / "empty.txt")
    assert done.returncode == 3
    assert "no case" in done.stderr


# ---- nothing leaks ----


@pytest.mark.parametrize("store", ["memory", "redis7"])
@pytest.mark.parametrize("build", ["asan", "tsan"])
def test_cases_under_a_sanitizer(build: str, store: str) -> None:
    """Every handle is given back, also after loaders that failed, and no two threads meet: of the C runner."""
    tool = ROOT / "build" / build / "resilicache"
    if not tool.exists():
        pytest.skip(f"no {tool}: tools/build build/{build} with RCACHE_SANITIZE, as tests/run does")
    server = Server("redis7") if store == "redis7" else None
    settings = {"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1", "TSAN_OPTIONS": "halt_on_error=1"}
    try:
        program = Program([str(tool), "--json", "conform"], {**os.environ, **settings})
        played = program.play(server.url if server else "memory://", *CASES)
    finally:
        if server:
            server.stop()
    assert played.errors == ""
    assert [told for told in played.verdicts if told.verdict == "FAILED"] == []
    assert played.exit_code == 0
