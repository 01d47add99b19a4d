"""Everybody at work on one URL: caches, threads, tasks and programs, what they did, and how soon after a fault they all
can do it again."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import resilicache

from load.programs import Programs, start_program
from load.workers import LEASE_S, Crew
from servers import until

from .history import History

CALLS = int(os.environ.get("RCACHE_TEST_CALLS", "2000"))
CALLS_BETWEEN = min(CALLS // 4, 1000)
FAULTS_MIN = 2
GO_ON_SECONDS = 120.0
KEYS = [f"row:{number}" for number in range(8)]
LOCK_EXPIRE_S = 0.5
OPTIONS = f"delay=1s&lock_expire={LOCK_EXPIRE_S}s"


class Field:
    def __init__(self, url: str, options: str, programs: Programs, directory: Path, seed: int) -> None:
        self._url = f"{url}?prefix={uuid.uuid4().hex}:&{options}"
        self._programs = programs
        self._recoveries: list[float] = []
        self._stopped = False
        languages = programs.here()
        for language in languages:  # built before anybody begins
            programs.command(language)
        self.path = directory / "history.jsonl"
        self.history = History(self.path, seed)
        self.crew = Crew(self.history, KEYS, seed)
        self.chance = random.Random(seed)
        for _ in range(2):
            self.crew.start_threads(self.crew.keep(resilicache.Cache(self._url)), 3)
        self.crew.start_tasks(self._url, 3)
        self.started = [self.start(language) for language in languages]

    def start(self, language: str) -> subprocess.Popen[str]:
        return start_program(self.crew, *self._programs.command(language), self._url, mortal=True)

    def go_on(self, calls: int = CALLS_BETWEEN) -> None:
        enough = self.history.succeeded + calls
        until(lambda: self.history.succeeded >= enough, "calls succeed", GO_ON_SECONDS)

    def under(self, fault: Callable[[], None]) -> None:
        """Again and again, until there are calls enough."""
        while len(self._recoveries) < FAULTS_MIN or self.history.succeeded < CALLS:
            self.go_on()
            fault()
            self._await_all()
        self.go_on()

    def _await_all(self) -> None:
        """Every thread, loop and program has had a success, and every key a strong fetch, that began after now."""
        now = time.monotonic()

        def all_serve() -> bool:
            since = self.history.served
            return all(since.get(name, 0.0) > now for name in [*self.crew.at_work, *KEYS])

        until(all_serve, "everybody serves every key again", GO_ON_SECONDS)
        self._recoveries.append(time.monotonic() - now)

    def stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        self.crew.stop()
        self.history.close()
        self._await_free_keys()
        middle, most = statistics.median(self._recoveries), max(self._recoveries)
        print(f"{len(self._recoveries)} faults; all served all again {middle:.2f} s after, at most {most:.2f} s")

    def _await_free_keys(self) -> None:
        """Nobody is there any more, so nothing is renewed: no key is held for longer than a lease, nor after it."""
        with resilicache.Cache(self._url, op_timeout="5s", connect_timeout="5s") as cache:

            def longest_hold() -> int:
                entries = [cache.inspect(key) for key in KEYS]
                return max([int(entry.get("lease_ms", 0)) for entry in entries if entry is not None], default=0)

            longest_s = max(LEASE_S, LOCK_EXPIRE_S)
            assert longest_hold() <= longest_s * 1000
            until(lambda: longest_hold() <= 0, "all leases end", longest_s + 1)
            for key in KEYS:
                assert cache.fetch(key, 60, lambda: b"free", strong=True) is not None
