"""Requests to an nginx with Lua: one worker process, a location for each contender, wrk as the client."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit import Kit
from places import BENCH, Failed, run
from usage import Sample, Watch
from worker import Task

from servers import free_port, until  # isort: skip  # of tests/, which places.py lets be found

MODULES = Path("/usr/lib/nginx/modules")
START_SECONDS = 30.0
WARM_SECONDS = 0.3


@contextmanager
def nginx(kit: Kit, redis_port: int, task: Task) -> Iterator[tuple[int, int]]:
    """Its port, and the process id of its worker."""
    directory, port = Path(tempfile.mkdtemp(prefix="resilicache-bench-")), free_port()
    replaced = {
        "user": "user root;" if os.geteuid() == 0 else "",
        "modules": MODULES,
        "port": port,
        "lua_path": f"{BENCH / 'lua'}/?.lua;{kit.lua_path}",
        "lua_cpath": f"{kit.environment['LD_LIBRARY_PATH']}/?.so",
        "redis_port": redis_port,
        "size": task.size,
        "keys": task.keys,
    }
    text = (BENCH / "lua/nginx.conf").read_text()
    for name, value in replaced.items():
        text = text.replace(f"@{name}@", str(value))
    (directory / "nginx.conf").write_text(text)
    process = subprocess.Popen(
        ["nginx", "-p", str(directory), "-c", "nginx.conf", "-e", "error.log"], stdin=subprocess.DEVNULL
    )
    try:
        until(lambda: process.poll() is not None or children(process.pid), "nginx has a worker", START_SECONDS)
        if process.poll() is not None:
            raise Failed(f"nginx has ended\n{(directory / 'error.log').read_text()[-1500:]}")
        (worker,) = children(process.pid)
        yield port, worker
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_s(pid: int) -> tuple[float, float]:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / ticks, int(fields[12]) / ticks


@contextmanager
def requests(kit: Kit, server: Any, task: Task) -> Iterator[Callable[[], Sample]]:
    store_hashes(server, task)
    with nginx(kit, server.port, task) as (port, worker):
        address = f"http://127.0.0.1:{port}/{task.contender.split('/')[1]}"
        answer = urllib.request.urlopen(address, timeout=10).read()
        if answer != b"x\n":
            raise Failed(f"{task.contender} answers {answer!r}")
        load(address, task.callers, WARM_SECONDS)
        yield lambda: measured(server, task, address, worker)


def store_hashes(server: Any, task: Task) -> None:
    """What HMGET reads; no worker stores it."""
    with server.connect() as connection:
        for begin in range(0, task.keys, 500):
            numbers = range(begin, min(begin + 500, task.keys))
            for number in numbers:
                connection.send("HSET", f"bench:hash:{task.size}:{number:012}", "value", "x" * task.size)
            for _ in numbers:
                connection.read()


def measured(server: Any, task: Task, address: str, worker: int) -> Sample:
    watch, before, begin = Watch([server]), processor_s(worker), time.perf_counter()
    printed, wrk_s = load(address, task.callers, task.seconds)
    seconds, after = time.perf_counter() - begin, processor_s(worker)
    count = int(re.findall(r"(\d+) requests in", printed)[0])
    if "Non-2xx" in printed or count == 0:
        raise Failed(f"{task.contender}: {printed}")
    found = {share: microseconds(*pair) for share, *pair in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", printed)}
    return watch.told({
        "ops": count,
        "seconds": seconds,
        "user": after[0] - before[0],
        "system": after[1] - before[1],
        "helper_s": wrk_s,
        "p50_us": found["50"],
        "p99_us": found["99"],
    })


def load(address: str, connections: int, seconds: float) -> tuple[str, float]:
    """What wrk prints, and the processor time that it took."""
    whole, before = max(1, round(seconds)), resource.getrusage(resource.RUSAGE_CHILDREN)  # wrk knows whole seconds
    printed = run("wrk", "-t1", f"-c{connections}", f"-d{whole}s", "--latency", address)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return printed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def microseconds(number: str, unit: str) -> float:
    return float(number) * {"us": 1, "ms": 1000, "s": 1000000}[unit]
