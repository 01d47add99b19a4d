"""`resilicache doctor`: what it finds out about real servers, what it says of it, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guises import GUISES, GuiseServer
from secured import PATIENT, ROOT, SecuredServer
from servers import KINDS, Certificates, Server, free_port, until

TOOL = Path(os.environ.get("RCACHE_BUILD", ROOT / "build" / "release")) / "resilicache"
WELL, WARNED, WRONG, UNUSABLE = range(4)
MISSING = {  # of the guises
    "kvrocks": {"RESP3", "tracking", "WAIT"},
    "resp2": {"RESP3", "tracking"},
    "old": {"RESP3", "tracking", "UNLINK"},
    "managed": {"run id"},
}
BOUNDED = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")


def tool(url: str, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    chosen = [word for name, value in {**PATIENT, **options}.items() for word in ("--option", f"{name}={value}")]
    return subprocess.run(
        [TOOL, "doctor", url, *chosen, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def ask(url: str, **options: str) -> tuple[int, dict[str, Any]]:
    """The exit code and what it says to machines."""
    done = tool(url, "--json", **options)
    return done.returncode, json.loads(done.stdout)


def abilities(report: dict[str, Any]) -> dict[str, bool]:
    return {capability["name"]: capability["there"] for capability in report["capabilities"]}


@pytest.fixture
def bounded(start: Callable[..., Any]) -> Callable[..., Server]:
    return lambda kind="redis7", *arguments: start(Server, kind, *BOUNDED, *arguments)


Bounded = Callable[..., Server]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_well_is_told_so(bounded: Bounded, kind: str) -> None:
    server = bounded(kind)
    code, report = ask(server.url)
    assert (code, report["usable"], report["warnings"]) == (WELL, True, [])
    assert report["server"].split()[0] == ("valkey" if kind == "valkey9" else "redis")
    assert (report["mode"], report["role"], report["replicas"]) == ("standalone", "primary", 0)
    assert (report["memory_max_bytes"], report["memory_policy"]) == (100 << 20, "allkeys-lru")
    assert (report["append_only"], report["snapshots"]) == (0, "none")
    assert all(abilities(report).values())
    assert 0 < report["round_trip_ms"] <= report["round_trip_most_ms"]
    assert abs(report["clock_ms"]) < 60000
    assert server.ask("DBSIZE") == 0


def test_people_get_lines(bounded: Bounded) -> None:
    server = bounded()
    done = tool(server.url)
    assert done.returncode == WELL
    lines = [line.split(None, 1) for line in done.stdout.splitlines() if line]
    assert [line[0] for line in lines[:9]] == [
        "address", "server", "encryption", "layout", "round", "clock", "memory", "persistence", "replicas",
    ]  # fmt: skip
    assert lines[0][1] == server.url
    assert "layout       packed: a hit is a GET\n" in done.stdout
    assert "hash: a hit is an HMGET\n" in tool(server.url + "?layout=hash").stdout
    assert "yes  tracking      who waits for another process is woken when the value is there\n" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("it works.")


def test_memory_without_a_bound_and_one_that_only_fills_are_warned_of(server: Server) -> None:
    code, report = ask(server.url)
    assert code == WARNED and report["usable"]
    assert [warning[:20] for warning in report["warnings"]] == ["maxmemory is not set"]
    server.ask("CONFIG", "SET", "maxmemory", "100mb")
    code, report = ask(server.url)
    assert code == WARNED and "maxmemory-policy is noeviction" in report["warnings"][0]


def test_what_comes_back_from_disk_is_told(bounded: Bounded) -> None:
    server = bounded("redis7", "--appendonly", "yes", "--save", "900 1")
    done = tool(server.url)
    assert done.returncode == WELL
    assert "persistence  append-only file, snapshots 900 1\n" in done.stdout
    assert "what comes back from disk after a restart is known as old" in done.stdout


def test_a_replica_can_not_be_used(bounded: Bounded) -> None:
    primary = bounded()
    replica = bounded("redis7", "--replicaof", f"127.0.0.1 {primary.port}")
    code, report = ask(replica.url)
    assert (code, report["usable"], report["role"]) == (UNUSABLE, False, "replica")
    assert "give the address of its primary" in report["failure"]


def test_replicas_that_are_not_there_are_missed(bounded: Bounded) -> None:
    code, report = ask(bounded().url, wait_replicas="2", wait_replicas_timeout="10ms")
    assert code == UNUSABLE
    assert "wait_replicas is 2, and there are 0 replicas" in report["warnings"][0]
    assert "only 0 of 2 replicas confirmed" in report["failure"]


def test_what_the_user_may_not_see_is_not_readable(bounded: Bounded) -> None:
    server = bounded()
    rights = "~* -@all +hmget +unlink +del +eval +evalsha +time +exists +hget +hexists +hset +hdel +pexpire +pttl"
    rights += " +get +set +getrange +setrange +strlen"
    server.ask("ACL", "SETUSER", "app", "on", ">secret", *rights.split())
    url = server.url.replace("://", "://app:secret@")
    code, report = ask(url)
    assert code == WARNED and report["usable"]
    assert report["server"] is None and report["memory_max_bytes"] is None and report["snapshots"] is None
    assert "INFO tells no run id" in report["warnings"][0]
    missing = {"script cache", "tracking", "run id", "WAIT"}
    assert abilities(report) == {name: name not in missing for name in abilities(report)}
    refusals = {capability["name"]: capability["refusal"] for capability in report["capabilities"]}
    assert refusals["WAIT"].startswith("NOPERM") and refusals["scripts"] is None
    text = tool(url).stdout
    assert "server       not readable: NOPERM" in text and "memory       not readable\n" in text
    assert "no   WAIT          without it: wait_replicas is without effect\n" in text


def test_a_user_who_may_run_no_scripts_can_not_use_it(bounded: Bounded) -> None:
    server = bounded()
    server.ask("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-@scripting")
    code, report = ask(server.url.replace("://", "://app:secret@"))
    assert code == UNUSABLE and not abilities(report)["scripts"]
    assert "loading and storing a value failed" in report["failure"] and "NOPERM" in report["failure"]


@pytest.mark.parametrize("guise", GUISES)
def test_what_others_can_not_is_told(start: Callable[..., Any], guise: str) -> None:
    code, report = ask(start(GuiseServer, guise).url)
    assert report["usable"], report
    missing = {name for name, there in abilities(report).items() if not there}
    assert missing == MISSING.get(guise, set()), report


def test_a_cluster_wants_its_own_kind_of_url(bounded: Bounded) -> None:
    server = bounded("redis7", "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    server.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    address = f"127.0.0.1:{server.port}"
    until(lambda: tool(f"redis+cluster://{address}").returncode == WELL, "the cluster is well")
    code, report = ask(f"redis+cluster://{address}")
    assert (code, report["others"], report["mode"], report["warnings"]) == (WELL, 0, "cluster", [])
    code, report = ask(f"redis://{address}")
    assert code == WARNED and "write redis+cluster://" in report["warnings"][0]


def test_what_counts_as_fresh_by_choice_is_warned_of(bounded: Bounded) -> None:
    code, report = ask(bounded().url, failover="trust")
    assert code == WARNED and "failover is trust" in report["warnings"][0]


def test_resp2_has_no_tracking(bounded: Bounded) -> None:
    code, report = ask(bounded().url, resp="2")
    assert code == WELL
    assert {name for name, there in abilities(report).items() if not there} == {"RESP3", "tracking"}


def test_encryption_is_told_and_its_lack_of_checks_is_warned_of(
    secured: Callable[..., SecuredServer], certificates: Certificates
) -> None:
    server = secured()
    code, report = ask(server.address())
    assert code == WARNED and report["tls"].startswith("TLSv1.3 ") and 1 <= report["certificate_days"] <= 2
    assert "the server's certificate expires in" in report["warnings"][0]
    code, report = ask(server.address(tls_verify="no"))
    assert code == WARNED and "certificate is not checked" in report["warnings"][0]
    server.show(certificates.expired)
    code, report = ask(server.address())
    assert code == UNUSABLE and "has expired" in report["failure"]
    code, report = ask(server.address(tls_verify="no"))
    assert code == WARNED and "the server's certificate has expired" in report["warnings"]


def test_options_for_tls_alone_encrypt_nothing(bounded: Bounded) -> None:
    code, report = ask(bounded().url, tls_ca_file="/ca.pem")
    assert code == WARNED and report["tls"] is None and "write rediss://" in report["warnings"][0]


def test_no_server_and_a_wrong_password_are_told_without_secrets(bounded: Bounded) -> None:
    server = bounded()
    server.ask("CONFIG", "SET", "requirepass", "sesame")
    for url, words in (
        ("redis://:hunter2@127.0.0.1:1", "cannot connect to 127.0.0.1:1"),
        (server.url.replace("://", "://:hunter2@"), "WRONGPASS"),
        (f"{server.url}?password=hunter2", "WRONGPASS"),
    ):
        for done in (tool(url), tool(url, "--json")):
            assert done.returncode == UNUSABLE and words in done.stdout
            assert "hunter2" not in done.stdout + done.stderr
    done = tool(server.url.replace("://", "://:sesame@"))
    assert done.returncode == WELL and "sesame" not in done.stdout


def test_memory_has_no_server() -> None:
    assert tool("memory://").returncode == WELL
    assert ask("memory://") == (WELL, {"usable": True, "server": "memory", "warnings": []})


def test_more_than_a_url_is_wrong() -> None:
    assert tool("memory://", "more").returncode == WRONG
