"""Who shares keys: a server, a real rockscache client (rocks/main.go) and our side."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servers import DEADLINE_S, Connection, until

if TYPE_CHECKING:
    import resilicache

class Server(Connection):
    """Raw looks at the server, and what is written in a hash."""

    def entry(self, key: str) -> dict[str, bytes]:
        flat = self.ask("HGETALL", key)
        return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}

    def now(self) -> float:
        seconds, microseconds = self.ask("TIME")
        return int(seconds) + int(microseconds) / 1e6

    def lease_in(self, seconds: float) -> str:
        """A lease that ends then, as we write it."""
        return f"{self.now() + seconds:.3f}"


class RocksError(Exception):
    """What rockscache returned as its error."""


class Command:
    """One call of rockscache's, under way in the other process."""

    def __init__(self, rocks: Rocks, id: int) -> None:
        self._rocks, self._id = rocks, id
        self.events: list[dict[str, Any]] = []

    def count(self, event: str) -> int:
        return sum(told["event"] == event for told in self.events)

    @property
    def done(self) -> bool:
        return self.count("done") > 0

    def wait_for(self, event: str, count: int = 1) -> None:
        until(lambda: self.count(event) >= count, f"rockscache's {event!r} comes {count} times: {self.events}")

    def must_wait(self) -> None:
        """It asks again and again, loads nothing and returns nothing."""
        self.wait_for("asked", self.count("asked") + 3)
        assert not self.done and self.count("loading") == 0, self.events

    def answer(self) -> None:
        """Its held loader goes on."""
        self._rocks.send({"id": self._id, "op": "answer"})

    def result(self) -> bytes:
        self.wait_for("done")
        done = next(told for told in self.events if told["event"] == "done")
        if "error" in done:
            raise RocksError(done["error"])
        return base64.b64decode(done.get("value", ""))


class Rocks:
    """rockscache, in a process of its own."""

    def __init__(self, program: Path, port: int) -> None:
        self._process = subprocess.Popen([program, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ids = itertools.count(1)
        self._commands: dict[int, Command] = {}
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            told = json.loads(line)
            self._commands[told["id"]].events.append(told)

    def send(self, fields: dict[str, Any]) -> None:
        self._process.stdin.write(json.dumps(fields) + "\n")
        self._process.stdin.flush()

    def begin(self, op: str, key: str, value: bytes = b"", **fields: Any) -> Command:
        id = next(self._ids)
        command = self._commands[id] = Command(self, id)
        self.send({"id": id, "op": op, "key": key, "value": base64.b64encode(value).decode(), **fields})
        return command

    def run(self, op: str, key: str, value: bytes = b"", **fields: Any) -> bytes:
        return self.begin(op, key, value, **fields).result()

    def begin_fetch(self, key: str, value: bytes, ttl: int = 60, **fields: Any) -> Command:
        return self.begin("fetch", key, value, ttl=ttl, **fields)

    def fetch(self, key: str, value: bytes, ttl: int = 60, **fields: Any) -> bytes:
        return self.begin_fetch(key, value, ttl, **fields).result()

    def close(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()


class Fetch:
    """One fetch of ours, in a thread; a held loader waits for `answer`."""

    def __init__(self, cache: resilicache.Cache, key: str, value: bytes | None, held: bool, strong: bool) -> None:
        self._value, self._go_on = value, threading.Event()
        self.loads = 0
        self._outcome: Any = None
        if not held:
            self._go_on.set()
        self._thread = threading.Thread(target=self._run, args=(cache, key, strong))
        self._thread.start()

    def _run(self, cache: resilicache.Cache, key: str, strong: bool) -> None:
        try:
            self._outcome = cache.fetch(key, 60, self._load, strong=strong, deadline=DEADLINE_S)
        except Exception as error:
            self._outcome = error

    def _load(self) -> bytes | None:
        self.loads += 1
        assert self._go_on.wait(DEADLINE_S)
        return self._value

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def wait_for_load(self) -> None:
        until(lambda: self.loads > 0, "our loader is called")

    def answer(self) -> None:
        self._go_on.set()

    def result(self) -> bytes | None:
        self._thread.join(2 * DEADLINE_S)
        assert self.done
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class Ours:
    """Our side: a cache as a process of its own would have it."""

    def __init__(self, port: int, **options: Any) -> None:
        import resilicache  # here, so that the tests are skipped where it is not installed

        self.cache = resilicache.Cache(f"redis://127.0.0.1:{port}", layout="hash", **options)
        self._fetches: list[Fetch] = []

    def count(self, counter: str) -> int:
        return self.cache.stats()[counter]

    def begin_fetch(self, key: str, value: bytes | None, *, held: bool = False, strong: bool = False) -> Fetch:
        self._fetches.append(Fetch(self.cache, key, value, held, strong))
        return self._fetches[-1]

    def fetch(self, key: str, value: bytes | None, *, strong: bool = False) -> bytes | None:
        return self.begin_fetch(key, value, strong=strong).result()

    def must_wait(self, fetch: Fetch) -> None:
        """It has found the key held by another, loads nothing and returns nothing."""
        until(lambda: self.count("leases_busy") > 0 and self.count("waits_polled") > 0, "our fetch finds the key held")
        assert not fetch.done and fetch.loads == 0

    def close(self) -> None:
        for fetch in self._fetches:
            fetch.answer()
        self.cache.close()
        for fetch in self._fetches:
            fetch._thread.join()
