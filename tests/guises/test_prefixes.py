"""Scripts that are cut short, and keys that end while a script runs.

In Kvrocks each command of a script is a write of its own, so that a crash leaves a part of them; and a key may expire
between two of them.  Whatever was done until then has to be an entry that mends itself: no lock without an end, no
value fresh for longer than it was meant to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from servers import Connection, ReplyError, Server

SCRIPTS = Path(__file__).resolve().parents[2] / "core/src/backend/redis/scripts"
LAYOUTS = ("hash", "packed")
FIELDS = ("value", "lockUntil", "lockOwner", "meta")
LIFE_MS, BOUND_MS, LONG_MS = 20_000, 10_000, 3_600_000
CALLS_MAX = 20

# Before the script: something happens before the command of that number, which is the last argument.
WATCHED = """
local count, last, ended, real = 0, tonumber(ARGV[#ARGV]), false, redis
local function watched(name)
    return function(...)
        if count == last then
            %s
        end
        count, ended = count + 1, ended or ... == 'PEXPIRE' or select(4, ...) == 'PX'
        return real[name](...)
    end
end
local redis = { call = watched('call'), pcall = watched('pcall') }
"""
EVENTS = {
    "the server crashes": "error('crashed')",
    "the key expires": "if not ended then real.call('DEL', KEYS[1]) end",
}

LOCKED = "10000000000"
ENTRIES: dict[str, dict[str, str]] = {
    "missing": {},
    "fresh": {"value": "old", "meta": "n=3"},
    "refreshed by me": {"value": "old", "lockOwner": "me", "meta": "n=3;r={soon}"},
    "invalidated": {"value": "old", "lockUntil": "0", "meta": "t={soon}"},
    "invalidated and over": {"value": "old", "lockUntil": "0", "meta": "t=1"},
    "leased by me": {"value": "old", "lockUntil": "{later}.000", "lockOwner": "me"},
    "leased by another": {"lockUntil": "{later}.000", "lockOwner": "another"},
    "a lease of mine that has ended": {"lockUntil": "1.000", "lockOwner": "me"},
    "locked by me": {"value": "old", "lockUntil": LOCKED, "lockOwner": "me"},
    "locked by another": {"value": "old", "lockUntil": LOCKED, "lockOwner": "another"},
}
ARGUMENTS: dict[str, list[Any]] = {
    "acquire": ["me", LIFE_MS, BOUND_MS, "1", "", "", "", 0],
    "refresh": ["me", LIFE_MS, "1", ""],
    "put": ["me", "new", "n=3", LIFE_MS, "", "", 0],
    "renew": ["me", LIFE_MS],
    "release": ["me", 1000, LIFE_MS, ""],
    "invalidate": [BOUND_MS, "", 0],
    "lock": ["me", LIFE_MS],
    "unlock": ["me", BOUND_MS, 0],
    "set": ["new", "n=3", LIFE_MS, "", ""],
    "raw_set": ["new", LIFE_MS],
    "inspect": [],
}


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    server = Server("redis7")
    with server.connect() as connected:
        yield connected
    server.stop()


def test_all_scripts_are_here() -> None:
    assert {path.stem for path in SCRIPTS.glob("*.lua")} - {"key", *LAYOUTS, "entry"} == set(ARGUMENTS)


def script(*names: str) -> str:
    return "".join((SCRIPTS / f"{name}.lua").read_text() for name in names)


def write(connection: Connection, layout: str, entry: dict[str, str]) -> None:
    now = int(connection.ask("TIME")[0])
    connection.ask("DEL", "k")
    if entry:
        texts = {field: text.format(later=now + 60, soon=(now + 60) * 1000) for field, text in entry.items()}
        words = [word for field in texts.items() for word in field]
        connection.ask("EVAL", script("key", layout) + "set_fields(unpack(ARGV))", 1, "k", *words)
        connection.ask("PEXPIRE", "k", LONG_MS)


def read(connection: Connection, layout: str) -> tuple[dict[str, str], int]:
    told = ", ".join(f"'{field}'" for field in FIELDS)
    texts = connection.ask("EVAL", script("key", layout) + f"return fields({told})", 1, "k")
    entry = {field: text.decode() for field, text in zip(FIELDS, texts, strict=True) if text is not None}
    return entry, connection.ask("PTTL", "k")


def run(connection: Connection, layout: str, name: str, event: str, number: int) -> bool:
    """False: the script stopped."""
    text = WATCHED % EVENTS[event] + script("key", layout, "entry", name)
    try:
        connection.ask("EVAL", text, 1, "k", *ARGUMENTS[name], number)
        return True
    except ReplyError as error:
        assert "crashed" in str(error)
        return False


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", ENTRIES)
@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_left_mends_itself(connection: Connection, layout: str, name: str, state: str, event: str) -> None:
    for number in range(CALLS_MAX):
        write(connection, layout, ENTRIES[state])
        before, _ = read(connection, layout)
        whole = run(connection, layout, name, event, number)
        entry, ttl_ms = read(connection, layout)
        told = f"before command {number}: {entry}, {ttl_ms} ms to live"
        if entry.get("lockUntil") == LOCKED and "lockOwner" in entry:
            assert ttl_ms != -1, f"locked for ever {told}"
        stays_fresh = "lockUntil" not in before and entry.get("value") == before.get("value")
        if "value" in entry and "lockUntil" not in entry and not stays_fresh:
            assert 0 < ttl_ms <= LIFE_MS, f"fresh for too long {told}"
        if whole and "value" in entry:
            assert ttl_ms != -1, f"there for ever {told}"
        if whole and event == "the server crashes":
            return  # it has fewer commands
