"""One process of a contender's in Python:  agent.py URL CONTENDER ROWS KEYS READERS NUMBER

Says "ready"; "go" begins reading and writing, "hush" ends the writing, "stop" all of it and prints a line of JSON with
everything that happened; "look" prints what a fetch of each key returns.  ../go/faults is the same in Go."""

from __future__ import annotations

import json
import mmap
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

TTL_S = 60
TIMEOUT_S = 0.5  # of a command, and to connect
LOAD_S = 0.005  # what the database takes
LONG_LOAD_S, LONG_LOADS = 2.5, 1 / 8  # what it takes where loaders pause, and of which part of them
READ_PAUSE_S, WRITE_PAUSE_S = 0.004, 0.05
WELL, FAILING, PAUSING = range(3)
OURS = "delay=1s&lock_expire=1s&op_timeout=500ms&connect_timeout=500ms&deadline=5s"

Load = Callable[[], bytes]


class Rows:
    """The database: a file of numbers that all processes have mapped.  The first says how it is; the others are rows,
    and a row is the number of times that it was written.  Each is written by one process alone."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")

    @property
    def state(self) -> int:
        return self._numbers[0]

    @state.setter
    def state(self, state: int) -> None:
        self._numbers[0] = state

    def __getitem__(self, key: int) -> int:
        return self._numbers[1 + key]

    def write(self, key: int) -> int:
        self._numbers[1 + key] += 1
        return self[key]


class Resilicache:
    def __init__(self, url: str, strong: bool = False) -> None:
        import resilicache

        self._cache = resilicache.Cache(f"{url}?{OURS}&strong_consistency={'yes' if strong else 'no'}")

    def fetch(self, key: str, load: Load) -> bytes:
        return self._cache.fetch(key, TTL_S, load)  # type: ignore[return-value]

    def invalidate(self, key: str) -> None:
        self._cache.invalidate(key)


class RedisPy:
    """Cache-aside as a careful program has it: where the cache fails, a reader goes on with the database."""

    def __init__(self, url: str) -> None:
        import redis

        self._failure = redis.RedisError
        self._client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)

    def fetch(self, key: str, load: Load) -> bytes:
        try:
            value = self._client.get(key)
        except self._failure:
            return load()
        if value is None:
            value = load()
            try:
                self._client.set(key, value, ex=TTL_S)
            except self._failure:
                pass
        return value  # type: ignore[no-any-return]

    def invalidate(self, key: str) -> None:
        self._client.delete(key)


CACHES: dict[str, Callable[[str], Any]] = {
    "resilicache": Resilicache,
    "resilicache-strong": lambda url: Resilicache(url, strong=True),
    "redis-py": RedisPy,
}


class LoadFailed(Exception):
    pass


class Agent:
    def __init__(self, url: str, contender: str, rows: str, keys: int, readers: int, number: int) -> None:
        self._cache, self._rows, self._keys = CACHES[contender](url), Rows(rows), range(keys)
        self._own = self._keys[number::2]
        self._readers = readers
        self._reads: list[tuple[int, int, int, int]] = []
        self._writes: list[tuple[int, int, int, int, bool]] = []
        self._loads: list[tuple[int, int, int]] = []
        self._failures: Counter[str] = Counter()
        self._hushed, self._stopped = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []

    def _load(self, key: int) -> bytes:
        begin, version = time.time_ns(), self._rows[key]
        pauses = self._rows.state == PAUSING and random.random() < LONG_LOADS
        time.sleep(LONG_LOAD_S if pauses else LOAD_S)
        self._loads.append((begin, time.time_ns(), key))
        if self._rows.state == FAILING:
            raise LoadFailed
        return b"%d" % version

    def _fetch(self, key: int) -> int:
        """The version; -1: it failed."""
        try:
            return int(self._cache.fetch(f"row:{key}", lambda: self._load(key)))
        except Exception as failure:
            self._failures[words_of(failure)] += 1
            return -1

    def _read(self) -> None:
        while not self._stopped.wait(READ_PAUSE_S):
            key, begin = random.choice(self._keys), time.time_ns()
            version = self._fetch(key)
            self._reads.append((begin, time.time_ns(), key, version))

    def _write(self) -> None:
        """What fails is not repeated."""
        while not self._hushed.wait(WRITE_PAUSE_S):
            key = random.choice(self._own)
            version, begin, done = self._rows.write(key), time.time_ns(), True
            try:
                self._cache.invalidate(f"row:{key}")
            except Exception as failure:
                self._failures[words_of(failure)] += 1
                done = False
            self._writes.append((begin, time.time_ns(), key, version, done))

    def go(self) -> None:
        self._threads = [threading.Thread(target=self._read) for _ in range(self._readers)]
        self._threads.append(threading.Thread(target=self._write))
        for thread in self._threads:
            thread.start()

    def hush(self) -> None:
        self._hushed.set()

    def stop(self) -> dict[str, Any]:
        self._hushed.set()
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        return {"reads": self._reads, "writes": self._writes, "loads": self._loads, "failures": self._failures}

    def look(self) -> dict[str, Any]:
        return {"versions": [self._fetch(key) for key in self._keys]}


def words_of(failure: Exception) -> str:
    return re.sub(r"\d+", "#", f"{type(failure).__name__}: {failure}")[:200]


def main() -> None:
    url, contender, rows, *numbers = sys.argv[1:]
    agent = Agent(url, contender, rows, *map(int, numbers))
    print("ready", flush=True)
    for line in sys.stdin:
        answer = getattr(agent, line.strip())()
        if answer is not None:
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
