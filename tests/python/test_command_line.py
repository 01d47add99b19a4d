"""python -m resilicache."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import resilicache

DONE, ABSENT, USAGE, FAILED = range(4)


def tool(*arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    run = subprocess.run(
        [sys.executable, "-m", "resilicache", *arguments], input=stdin, capture_output=True, timeout=30
    )
    return run.returncode, run.stdout, run.stderr.decode()


def test_entries(shared_url: str) -> None:
    assert tool("get", shared_url, "k") == (ABSENT, b"", "resilicache: 'k' is not there\n")
    assert tool("set", shared_url, "k", "tester", "--ttl", "10s") == (DONE, b"", "")
    assert tool("get", shared_url, "k") == (DONE, b"tester", "")
    assert tool("set", shared_url, "k", "-", stdin=b"\xff\0") == (DONE, b"", "")
    assert tool("get", shared_url, "k") == (DONE, b"\xff\0", "")
    assert tool("invalidate", shared_url, "k", "l") == (DONE, b"invalidated 2\n", "")
    code, output, _ = tool("inspect", shared_url, "k")
    assert code == DONE and b"state invalidated\n" in output
    assert tool("delete", shared_url, "k", "l") == (DONE, b"deleted 1\n", "")
    assert tool("inspect", shared_url, "k")[0] == ABSENT


def test_fetch(shared_url: str) -> None:
    assert tool("fetch", shared_url, "k", "--", "printf", "one") == (DONE, b"one", "")
    assert tool("fetch", shared_url, "k", "--", "printf", "two") == (DONE, b"one", "")
    tool("invalidate", shared_url, "k")
    assert tool("fetch", shared_url, "k", "--strong", "--", "printf", "two") == (DONE, b"two", "")
    tool("invalidate", shared_url, "k")
    assert tool("fetch", shared_url, "k", "--", "printf", "three")[0] == DONE
    assert tool("get", shared_url, "k") == (DONE, b"three", "")
    assert tool("fetch", shared_url, "none", "--", "sh", "-c", "exit 100")[0] == ABSENT
    code, _, complaint = tool("fetch", shared_url, "bad", "--", "sh", "-c", "exit 3")
    assert code == FAILED and "exit code 3" in complaint
    assert tool("fetch", shared_url, "bad", "--", "no-such-command")[0] == FAILED


def test_json(shared_url: str) -> None:
    def output(*arguments: str) -> object:
        return json.loads(tool("--json", *arguments)[1])

    assert output("fetch", shared_url, "k", "--", "printf", "v") == {"key": "k", "outcome": "loaded", "value": "v"}
    assert output("fetch", shared_url, "k", "--", "printf", "v") == {"key": "k", "outcome": "hit", "value": "v"}
    assert output("get", shared_url, "l") == {"key": "l", "outcome": "absent", "value": None}
    tool("set", shared_url, "b", "-", stdin=b"\xff")
    assert output("get", shared_url, "b") == {"key": "b", "outcome": "hit", "value": {"base64": "/w=="}}
    entry = output("inspect", shared_url, "k")
    assert isinstance(entry, dict) and entry["key"] == "k" and entry["state"] == "fresh" and entry["size"] == 1
    assert output("delete", shared_url, "k", "l") == {"deleted": 1}
    options = output("options")
    assert isinstance(options, list) and options[0].keys() == {"name", "type", "default", "range", "help"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ""),
        (["bake"], "there is no command 'bake'"),
        (["get"], "usage: python -m resilicache get URL KEY"),
        (["get", "memory://"], "usage"),
        (["get", "memory://", "k", "--frob"], "unknown flag --frob"),
        (["get", "nowhere://", "k"], "nowhere"),
        (["get", "memory://", "k", "--option", "delay"], "NAME=VALUE"),
        (["get", "memory://", "k", "--option", "delays=1s"], "delay"),
        (["set", "memory://", "k", "v", "--ttl"], "--ttl wants a value"),
        (["set", "memory://", "k", "v", "--ttl", "soon"], "'soon' is no time to live"),
        (["set", "memory://", "k", "v", "--ttl", "0"], "'0' is no time to live"),
        (["fetch", "memory://", "k"], "usage"),
    ],
)
def test_wrong_arguments(arguments: list[str], words: str) -> None:
    code, output, complaint = tool(*arguments)
    assert code == USAGE and output == b"" and words in complaint


def test_help() -> None:
    code, output, _ = tool("--help")
    assert code == DONE and b"fetch URL KEY" in output


def test_no_server() -> None:
    code, _, complaint = tool("get", "redis://:secret@127.0.0.1:1", "k", "--option", "deadline=300ms")
    assert code == FAILED and complaint.startswith("resilicache: ") and "secret" not in complaint


def test_the_version() -> None:
    assert tool("--version") == tool("version") == (DONE, f"resilicache {resilicache.__version__}\n".encode(), "")
    assert json.loads(tool("--json", "version")[1]) == {"version": resilicache.__version__}
