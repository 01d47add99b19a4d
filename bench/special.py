"""What is measured in another way than by a worker's closed loops."""

from __future__ import annotations

import itertools
import re
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kit import Kit
from places import Failed, run
from usage import Sample, Watch, info
from worker import Task, workers

PROCESSES = 8
LOAD_MS = 50.0
PIPELINE = 32
CONNECTIONS = 2
ROUND_TRIPS = 200
_fresh = itertools.count()


@contextmanager
def stampede(kit: Kit, server: Any, task: Task) -> Iterator[Callable[[], Sample]]:
    """The callers, spread over processes, want a key that nobody has, all at once; before that, one that is warm."""
    each = Task(task.url, task.contender, "stampede", task.callers // PROCESSES, task.size, 1, 0, task.seconds)
    with workers(kit, [each] * PROCESSES) as crowd:

        def all_at_once(line: str) -> list[Sample]:
            for worker in crowd:
                worker.begin(line)
            return [worker.result() for worker in crowd]

        def measure() -> Sample:
            round_trip_ms, warm = lone_round_trip_ms(server), all_at_once("warm")
            commands = commands_of(server, lambda: all_at_once(f"cold:{next(_fresh)}"))
            watch = Watch([server])
            cold = all_at_once(f"cold:{next(_fresh)}")
            return watch.told({
                "ops": task.callers,
                "seconds": last_ms(cold) / 1000,
                "user": sum(sample["user"] for sample in cold),
                "system": sum(sample["system"] for sample in cold),
                "loads": sum(sample.get("loads", 0) for sample in cold),
                "last_ms": last_ms(cold),
                "warm_ms": last_ms(warm),
                "round_trip_ms": round_trip_ms,
                "commands_a_process": commands / PROCESSES,
            })

        yield measure


def commands_of(server: Any, do: Callable[[], Any]) -> int:
    """How many commands clients send meanwhile; INFO's statistics have those within scripts as well."""
    with server.connect() as monitor, server.connect() as other:
        monitor.ask("MONITOR")
        do()
        other.ask("ECHO", "over")
        lines = iter(monitor.read, None)
        seen = itertools.takewhile(lambda line: b'"ECHO" "over"' not in line, lines)
        return sum(b" lua] " not in line for line in seen)


def last_ms(samples: list[Sample]) -> float:
    """From the first caller's begin to the last one's end."""
    first = min(sample["begin_ns"] for sample in samples)
    return float(max(sample["end_ns"] for sample in samples) - first) / 1e6


def lone_round_trip_ms(server: Any) -> float:
    times = []
    with server.connect() as connection:
        for _ in range(ROUND_TRIPS):
            begin = time.perf_counter()
            connection.ask("PING")
            times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def entry(kit: Kit, server: Any, task: Task) -> Sample:
    """What the server's memory grows by for each of many entries."""

    def used() -> int:
        return int(info(server, "memory")["used_memory"])

    with workers(kit, [task]) as (worker,):
        server.ask("FLUSHALL", "SYNC")
        before = used()
        worker.begin()
        worker.result()
        grown, count = used() - before, server.ask("DBSIZE")
    server.ask("FLUSHALL", "SYNC")
    if count < task.keys:
        raise Failed(f"{task.contender}: {count} of {task.keys} entries were stored")
    return {"ops": count, "seconds": 1.0, "others": 0.0, "bytes": grown / count}


def server_limit(kit: Kit, server: Any, task: Task) -> Sample:
    """redis-benchmark's GET of the keys that hiredis' worker has stored, with deep pipelines on few connections."""
    count = max(20000, int(300000 * task.seconds))
    keys = f"bench:hiredis:{task.size}:__rand_int__"
    arguments = ["-c", CONNECTIONS, "-P", PIPELINE, "-n", count, "-r", task.keys, "-q", "GET", keys]
    before, watch = resource.getrusage(resource.RUSAGE_CHILDREN), Watch([server])
    printed = run(*kit.commands["server"], "-p", str(server.port), *map(str, arguments))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rate = re.findall(r"([\d.]+) requests per second", printed)
    if not rate:
        raise Failed(f"redis-benchmark said {printed!r}")
    return watch.told({
        "ops": count,
        "seconds": count / float(rate[-1]),
        "user": after.ru_utime - before.ru_utime,
        "system": after.ru_stime - before.ru_stime,
    })
