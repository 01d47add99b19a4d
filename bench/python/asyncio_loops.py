"""Closed loops of tasks, over the contenders of asynchronous.py."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any

from asynchronous import CONTENDERS, Contender
from worker import Miss, Task, processor_time, sample


class Loops:
    def __init__(self, task: Task, contender: Contender) -> None:
        self._task, self._contender = task, contender
        self._shares = [task.share(number) for number in range(task.callers)]

    async def run(self, seconds: float) -> dict[str, Any]:
        latencies_ns: list[int] = []
        before, begin = processor_time(), time.perf_counter()
        end = begin + seconds
        counts = await asyncio.gather(*(self._loop(n, end, latencies_ns) for n in range(self._task.callers)))
        return sample(sum(counts), time.perf_counter() - begin, before, latencies_ns)

    async def _loop(self, number: int, end: float, latencies_ns: list[int]) -> int:
        hit, size, count = self._contender.hit(), self._task.size, 0
        clock, clock_ns = time.perf_counter, time.perf_counter_ns
        for key in itertools.cycle(self._shares[number]):
            if clock() > end:
                break
            begin = clock_ns()
            value = await hit(key)
            latencies_ns.append(clock_ns() - begin)
            if len(value) != size:
                raise Miss(key)
            count += 1
        return count

    async def prepare(self) -> dict[str, Any]:
        before, begin = processor_time(), time.perf_counter()
        store, value = self._contender.store(), self._task.value
        for key in self._task.names:
            await store(key, value)
        return sample(self._task.keys, time.perf_counter() - begin, before, [])


async def serve_here(task: Task, name: str, lines: Any, say: Callable[[Any], None]) -> None:
    contender = CONTENDERS[name](task)
    await contender.open()
    loops = Loops(task, contender)
    if task.workload != "prepare":
        await loops.run(task.seconds * 0.2)
    say("ready")
    while await asyncio.to_thread(lines.readline):
        say(await loops.prepare() if task.workload == "prepare" else await loops.run(task.seconds))


def serve(task: Task, name: str, lines: Any, say: Callable[[Any], None]) -> None:
    asyncio.run(serve_here(task, name, lines, say))
