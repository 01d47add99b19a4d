"""The benchmark's worker in Python:  worker.py URL CONTENDER WORKLOAD CALLERS SIZE KEYS BATCH SECONDS

It says "ready" when its connections stand, measures once for each line that it is told, and prints a line of JSON.
The contender is blocking/NAME, with a thread for each caller, or asyncio/NAME, with a task for each."""

from __future__ import annotations

import functools
import importlib
import json
import resource
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    url: str
    contender: str
    workload: str
    callers: int
    size: int
    keys: int
    batch: int
    seconds: float

    @functools.cached_property
    def names(self) -> list[str]:
        return [f"bench:{self.contender}:{self.size}:{number:012}" for number in range(self.keys)]

    @property
    def value(self) -> bytes:
        letters, state = bytearray(), 1
        for _ in range(self.size):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            letters.append(ord("a") + (state >> 24) % 26)
        return bytes(letters)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.partition("://")[2].split(":")
        return host, int(port)

    def share(self, number: int) -> list[str]:
        """The names in an order of that caller's."""
        names = self.names
        begin = number * 7919 % len(names)
        return names[begin:] + names[:begin]

    def batches(self, number: int) -> list[list[str]]:
        names = self.share(number)
        twice = names + names
        return [twice[begin : begin + self.batch] for begin in range(0, len(names), max(1, len(names) // 100))]


class Miss(Exception):
    """There has to be a hit."""


def processor_time() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime


def sample(ops: int, seconds: float, before: tuple[float, float], latencies_ns: list[int]) -> dict[str, Any]:
    user, system = processor_time()
    latencies_ns.sort()
    result = {"ops": ops, "seconds": seconds, "user": user - before[0], "system": system - before[1]}
    if latencies_ns:
        for name, share in (("p50_us", 0.5), ("p99_us", 0.99)):
            result[name] = latencies_ns[int(len(latencies_ns) * share)] / 1000
    return result


def main() -> None:
    url, contender, workload, *numbers, seconds = sys.argv[1:]
    task = Task(url, contender, workload, *map(int, numbers), float(seconds))
    driver, name = contender.split("/")
    importlib.import_module(f"{driver}_loops").serve(task, name, sys.stdin, say)


def say(what: str | dict[str, Any]) -> None:
    print(what if isinstance(what, str) else json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
