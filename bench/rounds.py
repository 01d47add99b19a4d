"""Runs workloads: all contenders of a point in turn, round after round, so that what the machine does besides falls on
all of them."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import nginx
import special
from kit import Kit
from places import Failed
from usage import Sample, Watch
from worker import Task, workers
from workloads import Point, Workload

from servers import Cluster, Server  # isort: skip  # of tests/, which places.py lets be found

PREPARING_CALLERS = 32
STORED_BY = {"nginx": "c/resilicache", "lua5.4": "c/resilicache", "luajit": "c/resilicache", "server": "c/hiredis",
             "nginx/lua-resty-redis": "c/hiredis"}
"""Runtimes and contenders that can't store, and whose entries they read."""
DISTURBED = 0.2
"""Where other programs had more of the processors than that, a sample is taken again, as long as there is patience."""
AGAIN_MAX = 2

Measure = Callable[[], Sample]


@dataclass
class Results:
    """Of a workload: the samples by contender and x, a list with one for each round."""

    samples: dict[str, dict[int, list[Sample]]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Could not be had."""
    failed: dict[str, str] = field(default_factory=dict)
    """Broke down, and was left out from then on."""

    def add(self, point: Point, sample: Sample) -> None:
        self.samples.setdefault(point.contender, {}).setdefault(point.x, []).append(sample)


@dataclass
class Bench:
    kit: Kit
    kind: str
    rounds: int
    seconds: float
    patience_s: float
    """How much time may go into samples of a point that are taken again."""

    def run(self, workload: Workload) -> Results:
        results = Results()
        for contender in workload.contenders:
            if not self.kit.has(contender):
                results.missing[contender] = self.kit.why_missing(contender)
        here = [point for point in workload.points if point.contender not in results.missing]
        here.sort(key=lambda point: (point.nodes, point.x))
        for nodes, on_same in itertools.groupby(here, key=lambda point: point.nodes):
            place = Server(self.kind) if nodes == 0 else Cluster(self.kind, nodes, 0)
            try:
                stage = Stage(self, workload, place, [place] if nodes == 0 else place.nodes)
                for x, points in itertools.groupby(on_same, key=lambda point: point.x):
                    self._run_in_turns(stage, x, list(points), results)
            finally:
                place.stop()
        return results

    def _run_in_turns(self, stage: Stage, x: int, points: list[Point], results: Results) -> None:
        """All are ready before the first is measured, and idle while others are; each round another one begins."""
        with ExitStack() as stack:
            measures: dict[Point, Measure] = {}

            def attempt(point: Point, what: Callable[[], None]) -> None:
                try:
                    what()
                except (Failed, OSError) as failure:
                    results.failed[point.contender] = str(failure).splitlines()[0]
                    measures.pop(point, None)
                    self._say(f"{point.contender} at {x}: {failure}")

            def open_it(point: Point) -> None:
                measures[point] = stage.open(point, stack)

            for point in points:
                if point.contender not in results.failed:
                    attempt(point, lambda point=point: open_it(point))  # type: ignore[misc]
            self._left_s = self.patience_s * len(points)
            for turn in range(stage.rounds):
                order = list(measures)
                first = turn % max(1, len(order))
                for point in order[first:] + order[:first]:
                    attempt(point, lambda point=point: results.add(point, self._patiently(measures[point])))
            disturbed = [s["others"] for point in points for s in results.samples.get(point.contender, {}).get(x, [])]
            most = f", other programs had up to {max(disturbed):.0%} of the processors" if disturbed else ""
            self._say(f"{stage.workload.name} {stage.workload.axis} {x}: {len(measures)} contenders{most}")

    def _patiently(self, measure: Measure) -> Sample:
        """Of some samples the least disturbed one."""
        best = measure()
        for _ in range(AGAIN_MAX):
            if best["others"] <= DISTURBED or self._left_s <= 0:
                break
            again = measure()
            self._left_s -= again["seconds"]
            best = min(best, again, key=lambda sample: sample["others"])
        return best

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class Stage:
    """The servers of a workload while it runs, and what lies in them."""

    def __init__(self, bench: Bench, workload: Workload, place: Any, servers: list[Any]) -> None:
        self._kit, self._seconds, self._servers, self.workload = bench.kit, bench.seconds, servers, workload
        self.rounds = 1 if workload.does == "entry" else bench.rounds
        self._url = "memory://" if workload.name == "memory" else place.url
        self._prepared: set[tuple[str, int, int]] = set()

    def _task(self, point: Point, does: str, callers: int) -> Task:
        return Task(self._url, point.contender, does, callers, point.size, point.keys, point.batch, self._seconds)

    def open(self, point: Point, stack: ExitStack) -> Measure:
        """What measures the point, once for each call; what it takes ends with the stack."""
        self._prepare(point)
        kit, does, server = self._kit, self.workload.does, self._servers[0]
        task = self._task(point, "prepare" if does == "entry" else does, point.callers)
        if does == "entry":
            return lambda: special.entry(kit, server, task)
        if does == "stampede":
            return stack.enter_context(special.stampede(kit, server, task))
        if does == "nginx":
            return stack.enter_context(nginx.requests(kit, server, task))
        if point.contender.startswith("server/"):
            return lambda: special.server_limit(kit, server, task)
        (worker,) = stack.enter_context(workers(kit, [task]))

        def measure() -> Sample:
            watch = Watch([] if self._url == "memory://" else self._servers)
            worker.begin()
            return watch.told(worker.result())

        return measure

    def _prepare(self, point: Point) -> None:
        """Its keys, once."""
        storing = STORED_BY.get(point.contender) or STORED_BY.get(point.contender.split("/")[0], point.contender)
        what = (storing, point.size, point.keys)
        if what in self._prepared or self._url == "memory://" or self.workload.does not in ("hit", "batch", "nginx"):
            return
        with workers(self._kit, [self._task(replace(point, contender=storing), "prepare", PREPARING_CALLERS)]) as crew:
            crew[0].begin()
            crew[0].result()
        self._prepared.add(what)
