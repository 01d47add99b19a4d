"""`resilicache bench`: what it says, and what it leaves behind; not how fast it is."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from secured import PATIENT, ROOT
from servers import Server, free_port

TOOL = Path(os.environ.get("RCACHE_BUILD", ROOT / "build" / "release")) / "resilicache"
DONE, _, USAGE, FAILED = range(4)


def bench(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    chosen = [word for name, value in PATIENT.items() for word in ("--option", f"{name}={value}")]
    return subprocess.run(
        [TOOL, "bench", url, *arguments, *chosen], capture_output=True, text=True, timeout=120, check=False
    )


def test_each_number_of_callers_has_its_hits_and_its_keys_are_gone_afterwards(server: Server) -> None:
    done = bench(server.url, "1", "8", "--json")
    assert done.returncode == DONE, done.stderr
    lines = json.loads(done.stdout)
    assert [line["callers"] for line in lines] == [1, 8]
    for line in lines:
        assert line["hits_a_second"] > 0
        assert 0 < line["p50_us"] <= line["p99_us"] <= line["p999_us"]
    assert server.ask("DBSIZE") == 0
    assert int(server.ask("INFO", "stats").split(b"keyspace_hits:")[1].split()[0]) > 1000


def test_people_get_a_table() -> None:
    done = bench("memory://", "2")
    assert done.returncode == DONE, done.stderr
    _, heads, row = done.stdout.splitlines()
    assert heads.split() == ["callers", "hits/s", "p50", "p99", "p99.9"]
    assert row.split()[0] == "2" and len(row.split()) == 5


@pytest.mark.parametrize("callers", ["0", "1025", "many", "-1", "1x"])
def test_what_is_no_number_of_callers_is_told(callers: str) -> None:
    done = bench("memory://", callers)
    assert done.returncode == USAGE
    assert f"'{callers}' is no number of callers: write 1 to 1024" in done.stderr


def test_a_server_that_is_away_is_told() -> None:
    done = bench(f"redis://127.0.0.1:{free_port()}", "1")
    assert done.returncode == FAILED
    assert "Connection refused" in done.stderr
