"""Closed loops on threads, over the contenders of blocking.py."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from blocking import CONTENDERS, Contender
from worker import Miss, Task, processor_time, sample

CHUNK = 8
"""Of so many calls one is timed and looked at."""


class Loops:
    def __init__(self, task: Task, contender: Contender) -> None:
        self._task, self._contender = task, contender
        self._failed: BaseException | None = None

    def run(self, seconds: float) -> dict[str, Any]:
        task = self._task
        counts, latencies_ns = [0] * task.callers, [[] for _ in range(task.callers)]
        barrier = threading.Barrier(task.callers + 1)
        stop = threading.Event()

        def work(number: int) -> None:
            call, arguments, right, worth = self._calls(number)
            barrier.wait()
            try:
                counts[number] = worth * loop(call, arguments, right, stop, latencies_ns[number])
            except BaseException as failure:
                self._failed = failure

        threads = [threading.Thread(target=work, args=(number,)) for number in range(task.callers)]
        for thread in threads:
            thread.start()
        barrier.wait()
        before, begin = processor_time(), time.perf_counter()
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - begin
        if self._failed is not None:
            raise self._failed
        return sample(sum(counts), elapsed, before, list(itertools.chain(*latencies_ns)))

    def _calls(self, number: int) -> tuple[Callable[[Any], Any], list[Any], Callable[[Any], bool], int]:
        """What to call with each of which, whether the answer is right, and how many keys it has."""
        task, contender = self._task, self._contender
        if task.workload == "batch":
            return contender.batch(), task.batches(number), lambda values: len(values) == task.batch, task.batch
        return contender.hit(), task.share(number), lambda value: contender.size_of(value) == task.size, 1


def loop(
    call: Callable[[Any], Any],
    arguments: list[Any],
    right: Callable[[Any], bool],
    stop: threading.Event,
    latencies_ns: list[int],
) -> int:
    count, clock = 0, time.perf_counter_ns
    endless = itertools.cycle(arguments)
    for argument in endless:
        if stop.is_set():
            return count
        begin = clock()
        answer = call(argument)
        latencies_ns.append(clock() - begin)
        if not right(answer):
            raise Miss(argument)
        for other in itertools.islice(endless, CHUNK - 1):
            call(other)
        count += CHUNK
    return count


def serve(task: Task, name: str, lines: Any, say: Callable[[Any], None]) -> None:
    contender = CONTENDERS[name](task)
    loops = Loops(task, contender)

    def prepare() -> dict[str, Any]:
        before, begin = processor_time(), time.perf_counter()
        store, value = contender.store(), task.value
        for key in task.names:
            store(key, value)
        return sample(task.keys, time.perf_counter() - begin, before, [])

    if task.workload != "prepare":
        if task.url == "memory://":  # what another process has prepared is not there
            prepare()
        loops.run(task.seconds * 0.2)
    say("ready")
    for _ in lines:
        say(prepare() if task.workload == "prepare" else loops.run(task.seconds))
