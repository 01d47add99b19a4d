"""What we want to reach, line by line, and how each is read from what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Sample = dict[str, Any]
Quantity = Callable[[Sample], float]


class Measured:
    """The samples of a run: by workload, contender and x, one a round."""

    def __init__(self, workloads: dict[str, Any]) -> None:
        self._workloads = workloads

    def samples(self, workload: str, contender: str, x: int) -> list[Sample]:
        by_x = self._workloads.get(workload, {}).get("samples", {}).get(contender, {})
        return list(by_x.get(str(x), []))

    def why_not(self, workload: str, *contenders: str) -> str:
        if workload not in self._workloads:
            return "this run left it out"
        run = self._workloads[workload]
        reasons = [run[kind][name] for kind in ("missing", "failed") for name in contenders if name in run[kind]]
        return reasons[0] if reasons else "this run left it out"


def rate(sample: Sample) -> float:
    return float(sample["ops"] / sample["seconds"])


def client_us(sample: Sample) -> float:
    return float((sample["user"] + sample["system"]) / sample["ops"] * 1e6)


def server_us(sample: Sample) -> float:
    return float(sample.get("server_s", 0) / sample["ops"] * 1e6)


def cost_us(sample: Sample) -> float:
    """Processor time of both sides."""
    return client_us(sample) + server_us(sample)


def field(name: str) -> Quantity:
    return lambda sample: float(sample[name])


@dataclass(frozen=True)
class Target:
    what: str
    against: str
    least: bool
    limit: float
    workload: str
    contenders: tuple[str, ...]
    values: Callable[[Measured], list[float]]  # one for each round
    unit: str = "×"
    by_cost: Callable[[Measured], list[float]] | None = None  # of a ratio of rates: what it would be without others

    def met(self, value: float) -> bool:
        return value >= self.limit if self.least else value <= self.limit


def ratio(
    what: str, against: str, limit: float, at: tuple[str, int], ours: str, theirs: str,
    quantity: Quantity = rate, least: bool = True,
) -> Target:
    workload, x = at

    def quotients(measured: Measured, first: str, second: str, of: Quantity) -> list[float]:
        pairs = zip(measured.samples(workload, first, x), measured.samples(workload, second, x), strict=False)
        return [of(one) / of(other) for one, other in pairs if of(other) > 0]

    def values(measured: Measured) -> list[float]:
        return quotients(measured, ours, theirs, quantity)

    def by_cost(measured: Measured) -> list[float]:
        return quotients(measured, theirs, ours, cost_us)

    rates = quantity is rate
    return Target(what, against, least, limit, workload, (ours, theirs), values, by_cost=by_cost if rates else None)


def plain(
    what: str, limit: float, at: tuple[str, int], ours: str, quantity: Quantity, unit: str, least: bool = False
) -> Target:
    workload, x = at
    return Target(what, "", least, limit, workload, (ours,),
                  lambda measured: [quantity(sample) for sample in measured.samples(workload, ours, x)], unit)


def above(what: str, against: str, limit: float, at: tuple[str, int], ours: str, theirs: str) -> Target:
    """Of processor time, what is spent more than theirs."""
    workload, x = at

    def values(measured: Measured) -> list[float]:
        pairs = zip(measured.samples(workload, ours, x), measured.samples(workload, theirs, x), strict=False)
        return [client_us(own) - client_us(other) for own, other in pairs]

    return Target(what, against, False, limit, workload, (ours, theirs), values, "µs")


def over_load(sample: Sample) -> float:
    """By how much the last caller of a stampede was later than its load and three round trips."""
    return float(sample["last_ms"] - 50 - 3 * sample["round_trip_ms"])


def millions_a_core(sample: Sample) -> float:
    """In a second of processor time."""
    return 1 / client_us(sample)


GO, C, PY, AIO, NGINX = ("go/resilicache", "c/resilicache", "blocking/resilicache", "asyncio/resilicache",
                         "nginx/resilicache")
ASIDE, ROCKS, RUEIDIS = "go/rueidisaside", "go/rockscache", "go/rueidis"
REDIS_PY, GLIDE_SYNC = "blocking/redis-py", "blocking/valkey-glide-sync"

TARGETS = [
    *(
        target
        for callers in (64, 256)
        for target in (
            ratio(f"Go hits, {callers} goroutines", "rockscache", 5, ("go-hits", callers), GO, ROCKS),
            ratio(f"Go hits, {callers} goroutines", "rueidis GET", 1.2, ("go-hits", callers), GO, RUEIDIS),
            ratio(f"Go, client's processor time a hit, {callers} goroutines", "rueidis GET", 1, ("go-hits", callers),
                  GO, RUEIDIS, client_us, least=False),
        )
    ),
    ratio("Go hits, 1 goroutine", "go-redis GET", 1, ("go-hits", 1), GO, "go/go-redis"),
    ratio("C hits, 1 thread", "blocking hiredis GET", 0.95, ("c-hits", 1), C, "c/hiredis"),
    ratio("C hits, 64 threads", "blocking hiredis GET", 2, ("c-hits", 64), C, "c/hiredis"),
    ratio("Server's processor time a hit, C, 64 threads", "GET, 32 deep, redis-benchmark", 1.1, ("c-hits", 64), C,
          "server/redis-benchmark", server_us, least=False),
    ratio("Server's processor time a hit, Go, 64 goroutines", "rueidis GET, which pipelines", 1.1, ("go-hits", 64), GO,
          RUEIDIS, server_us, least=False),
    ratio("Python hits, 1 thread", "redis-py GET", 1.5, ("python-hits", 1), PY, REDIS_PY),
    ratio("Python hits, 32 threads", "redis-py GET", 5, ("python-hits", 32), PY, REDIS_PY),
    ratio("Python hits, 1 thread", "valkey-glide-sync GET", 2, ("python-hits", 1), PY, GLIDE_SYNC),
    ratio("Python hits, 32 threads", "valkey-glide-sync GET", 2.5, ("python-hits", 32), PY, GLIDE_SYNC),
    ratio("asyncio hits, 256 tasks", "redis-py GET", 8, ("asyncio-hits", 256), AIO, "asyncio/redis-py"),
    ratio("asyncio hits, 256 tasks", "valkey-glide GET", 3, ("asyncio-hits", 256), AIO, "asyncio/valkey-glide"),
    ratio("asyncio hits, 256 tasks", "cashews", 15, ("asyncio-hits", 256), AIO, "asyncio/cashews"),
    ratio("OpenResty hits, 64 connections", "lua-resty-redis HMGET", 2.2, ("nginx-hits", 64), NGINX,
          "nginx/lua-resty-redis-hmget"),
    above("OpenResty, nginx's processor time a hit", "more than `ngx.say`", 4, ("nginx-hits", 64), NGINX, "nginx/say"),
    ratio("LuaJIT hits, one thread", "C", 0.95, ("lua-hits", 1), "luajit/resilicache", C),
    ratio("Lua 5.4 hits, one thread", "C", 0.95, ("lua-hits", 1), "lua5.4/resilicache", C),
    *(
        target
        for callers, at in ((1, ("batch", 100)), (16, ("batch-16", 16)))
        for target in (
            ratio(f"Go batches of 100, {callers} callers: keys/s", "rueidis, pipelined GETs", 1, at, GO, RUEIDIS),
            ratio(f"Go batches of 100, {callers} callers: keys/s", "rockscache", 4, at, GO, ROCKS),
        )
    ),
    ratio("Python batches of 100: keys/s", "redis-py, pipelined GETs", 1, ("batch", 100), PY, REDIS_PY),
    plain("Stampede: loads", 1, ("stampede", 256), GO, field("loads"), ""),
    plain("Stampede: last caller after load and 3 round trips", 0, ("stampede", 256), GO, over_load, "ms"),
    plain("Stampede: commands a process", 4, ("stampede", 256), GO, field("commands_a_process"), ""),
    ratio("Invalidate and strong fetch, 64 callers", "rueidisaside", 1.5, ("renew", 64), GO, ASIDE),
    ratio("Invalidate and strong fetch, 64 callers", "rockscache", 2, ("renew", 64), GO, ROCKS),
    ratio("Server's memory for an entry of 100 B", "rockscache", 0.7, ("entry", 100), GO, ROCKS, field("bytes"),
          least=False),
    *(
        plain(f"memory:// hits a second of processor time, {what}", limit, ("memory", callers), ours, millions_a_core,
              "M", least=True)
        for ours, limit, unit in ((C, 5, "thread"), (GO, 1, "goroutine"))
        for callers, what in ((1, f"{'Go' if ours == GO else 'C'}, 1 {unit}"),
                              (2, f"{'Go' if ours == GO else 'C'}, 2 {unit}s"))
    ),
    ratio("memory:// hits, Python, 1 thread", "bare cffi call", 1 / 1.5, ("memory", 1), PY, "blocking/cffi"),
    ratio("memory:// hits, Python, 2 threads", "bare cffi call", 1 / 1.5, ("memory", 2), PY, "blocking/cffi"),
]


def median(values: list[float]) -> float:
    return statistics.median(values)
