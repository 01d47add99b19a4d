"""A Truth that also writes down what was called when and returned what, for the checker in Go."""

from __future__ import annotations

import json
import random
import threading
import time
from pathlib import Path

from load.truth import Outage, Truth, parts_of

NANOSECONDS = 10**9


class History(Truth):
    """Lines of JSON in `path`; checker/main.go says which.  A write lasts from before its commit until its invalidation
    was acknowledged: for ever, where that never came."""

    def __init__(self, path: Path, seed: int) -> None:
        super().__init__(bound_s=float("inf"))  # of eventual fetches nothing is expected here
        self.outages.append(Outage("whatever happens", time.monotonic(), split=False))  # and calls may fail
        self._file = path.open("w", encoding="utf-8")
        self._writing = threading.Lock()
        self._commits: dict[tuple[str, int], int] = {}
        self._clients: dict[int, int] = {}
        self._chance = random.Random(seed)
        self._held_share, self._held_s = 0.0, 0.0
        # When the last success of a thread began, and the last strong fetch of a key that had one.
        self.served: dict[int | str, float] = {}

    def hold_loaders(self, share: float, seconds: float) -> None:
        """So many of them stand still for so long, between reading and answering."""
        self._held_share, self._held_s = share, seconds

    def close(self) -> None:
        for (key, version), call in self._commits.items():
            self._write("write", key, version, call, 0)
        self._file.close()

    def _write(self, kind: str, key: str, version: int, call: int, end: int) -> None:
        line = {"kind": kind, "key": key, "version": version, "call": call, "return": end}
        with self._writing:
            line["client"] = self._clients.setdefault(threading.get_ident(), len(self._clients))
            self._file.write(json.dumps(line) + "\n")

    def read(self, key: str) -> int:
        version = super().read(key)
        if self._chance.random() < self._held_share:
            time.sleep(self._held_s)
        return version

    def commit(self, key: str) -> int:
        call = time.monotonic_ns()
        version = super().commit(key)
        self._commits[key, version] = call
        return version

    def acknowledge(self, key: str, version: int) -> None:
        super().acknowledge(key, version)
        self._write("write", key, version, self._commits.pop((key, version)), time.monotonic_ns())

    def end(self, number: int, value: str | None = None) -> None:
        call, end = self._open[number], time.monotonic_ns()
        super().end(number, value)
        self.served[threading.get_ident()] = call.begin
        if value is not None and call.what == "strong":
            self.served[call.key] = call.begin
        if value is not None:
            self._write(call.what, call.key, parts_of(value)[1], int(call.begin * NANOSECONDS), end)
