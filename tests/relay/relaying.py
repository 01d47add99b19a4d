"""`resilicache relay`, run to its end or beside the test, and events for it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("RCACHE_BUILD", ROOT / "build" / "release")) / "resilicache"
DONE, WARNED, WRONG, FAILED = range(4)
USERS = ("--map", "public.users=user:{id}")
NOWHERE = "memory://"


def lines(*events: object) -> str:
    """One a line; a text is a line as it is."""
    return "".join((event if isinstance(event, str) else json.dumps(event)) + "\n" for event in events)


def relay(url: str, *arguments: str | Path, events: str | bytes = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOOL, "relay", url, *arguments],
        input=events.decode("latin-1") if isinstance(events, bytes) else events,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def keys_of(*events: object, maps: Iterable[str] = USERS) -> list[str]:
    """What the relay would invalidate."""
    done = relay(NOWHERE, "--dry-run", *maps, events=lines(*events))
    assert done.returncode == DONE, done.stderr
    return done.stdout.splitlines()


class RunningRelay:
    """One that is fed by and by; what it prints comes in `positions` and `complaints`."""

    def __init__(self, url: str, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [TOOL, "relay", url, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.positions: list[str] = []
        self.complaints: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream, into))
            for stream, into in ((self.process.stdout, self.positions), (self.process.stderr, self.complaints))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: Iterable[str], into: list[str]) -> None:
        for line in stream:
            into.append(line.rstrip("\n"))

    def feed(self, *events: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(lines(*events))
        self.process.stdin.flush()

    def wait(self) -> int:
        """Its exit code, once it has ended; its input ends here, if it hasn't."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        code = self.process.wait(timeout=30)
        for reader in self._readers:
            reader.join(timeout=30)
        return code

    def __enter__(self) -> RunningRelay:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


# ---- events, as the feeders write them


def lsn(number: int) -> str:
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"


def columns(row: dict[str, object]) -> list[dict[str, object]]:
    return [{"name": name, "type": "text", "value": value} for name, value in row.items()]


def transaction(end: int, *changes: object) -> str:
    """Of wal2json, format-version 2: from B to C."""
    place = {"lsn": lsn(end - 0x30), "nextlsn": lsn(end)}
    return lines({"action": "B", **place}, *changes, {"action": "C", **place}).rstrip("\n")


def insert(row: dict[str, object], table: str = "users") -> dict[str, object]:
    return {"action": "I", "schema": "public", "table": table, "columns": columns(row)}


def update(row: dict[str, object], old: dict[str, object], table: str = "users") -> dict[str, object]:
    return {**insert(row, table), "action": "U", "identity": columns(old)}


def delete(old: dict[str, object], table: str = "users") -> dict[str, object]:
    return {"action": "D", "schema": "public", "table": table, "identity": columns(old)}


def maxwell(kind: str, data: dict[str, object], offset: int, commit: bool = True, **more: object) -> dict[str, object]:
    event = {"database": "shop", "table": "users", "type": kind, "ts": 1449786310, "xid": 940752, "data": data, **more}
    return {**event, "position": f"binlog.000003:{offset}", **({"commit": True} if commit else {})}


def debezium(op: str, source: dict[str, object], before: object = None, after: object = None) -> dict[str, object]:
    place = {"db": "shop", "schema": "public", "table": "users", "snapshot": "false", **source}
    return {"before": before, "after": after, "source": place, "op": op, "ts_ms": 1449786310000}


def of_postgresql(commit: int, change: int) -> dict[str, object]:
    return {"connector": "postgresql", "lsn": change, "sequence": json.dumps([str(commit), str(change)])}


def of_mysql(offset: int, row: int = 0) -> dict[str, object]:
    return {"connector": "mysql", "schema": None, "file": "binlog.000003", "pos": offset, "row": row}
