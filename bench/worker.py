"""A worker: a program that says "ready", then measures once for each line and prints JSON."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kit import Kit
from places import Failed

READY_SECONDS = 120.0
MEASURE_SECONDS = 120.0
END_SECONDS = 20.0
PATIENT = "?op_timeout=10s&connect_timeout=10s"
"""For ours: the machine may be busy with other things, and peers wait for longer than ours does by itself."""


@dataclass(frozen=True)
class Task:
    """What all workers take as their arguments."""

    url: str
    contender: str  # RUNTIME/NAME
    workload: str
    callers: int
    size: int
    keys: int
    batch: int
    seconds: float

    @property
    def arguments(self) -> list[str]:
        runtime, name = self.contender.split("/")
        named = self.contender if runtime in ("blocking", "asyncio") else name
        numbers = (self.callers, self.size, self.keys, self.batch, self.seconds)
        patient = PATIENT if name == "resilicache" and "://1" in self.url else ""
        return [self.url + patient, named, self.workload, *map(str, numbers)]


class Worker:
    def __init__(self, kit: Kit, task: Task) -> None:
        self.task = task
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [*kit.commands[task.contender.split("/")[0]], *task.arguments],
            env={**os.environ, **kit.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._unread = b""

    def await_ready(self) -> None:
        line = self._read_line(READY_SECONDS)
        if line != "ready":
            raise self._failed(f"said {line!r} instead of ready")

    def begin(self, line: str = "go") -> None:
        assert self._process.stdin is not None
        self._began = time.perf_counter()
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """What it says about its measurement; a worker without a clock leaves the seconds to us."""
        line = self._read_line(MEASURE_SECONDS + self.task.seconds)
        sample: dict[str, Any] = {"seconds": time.perf_counter() - self._began}
        sample |= json.loads(line)
        if sample.get("failed"):
            raise self._failed(sample["failed"])
        return sample

    def _read_line(self, seconds: float) -> str:
        assert self._process.stdout is not None
        poll, end = select.poll(), time.monotonic() + seconds
        poll.register(self._process.stdout, select.POLLIN)
        while b"\n" not in self._unread:
            left = end - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise self._failed(f"said nothing for {seconds:.0f} s")
            read = os.read(self._process.stdout.fileno(), 65536)
            if not read:
                raise self._failed("has ended")
            self._unread += read
        line, self._unread = self._unread.split(b"\n", 1)
        return line.decode()

    def _failed(self, why: str) -> Failed:
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace")[-1500:]
        return Failed(f"{self.task.contender} {' '.join(self.task.arguments)}: {why}\n{words}")

    def close(self) -> None:
        """It ends when nothing more is to come; one that doesn't is killed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(END_SECONDS)
        except (subprocess.TimeoutExpired, OSError):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()


@contextmanager
def workers(kit: Kit, tasks: list[Task]) -> Iterator[list[Worker]]:
    """All of them ready."""
    started: list[Worker] = []
    try:
        for task in tasks:
            started.append(Worker(kit, task))
        for worker in started:
            worker.await_ready()
        yield started
    finally:
        for worker in started:
            worker.close()
