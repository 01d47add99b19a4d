"""What is measured: a table.  A workload has points; a point is a contender with its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Point:
    contender: str
    x: int  # the workload's axis
    callers: int = 1
    size: int = 100
    keys: int = 10000
    batch: int = 0
    nodes: int = 0  # 0: one server, no cluster


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    axis: str  # the field of a point that x is
    does: str  # the worker's word for it, or how the driver runs it
    points: list[Point]
    unit: str = "hits"
    note: str = ""
    plot: bool = False
    contenders: list[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "contenders", list(dict.fromkeys(point.contender for point in self.points)))


def points(axis: str, xs: list[int], contenders: str, **numbers: int) -> list[Point]:
    made = [Point(contender, x, **numbers) for x in xs for contender in contenders.split()]
    return [replace(point, **{axis: point.x}) for point in made]


def of_bytes(axis_points: list[Point]) -> list[Point]:
    """Not more keys than 64 MiB hold."""
    return [replace(point, keys=max(4, min(point.keys, (64 << 20) // point.size))) for point in axis_points]


def go(names: str) -> str:
    return " ".join(f"go/{name}" for name in names.split())


PLOTTED = [1, 4, 16, 64, 256, 1024]
NODES = [1, 2, 3, 6]
SIZES = [20, 100, 1024, 4096, 65536, 1 << 20, 16 << 20]
GO_MORE = "rueidisaside-remote rueidisaside go-redis-hmget go-redis-cache jetcache-go jetcache-go-local"
BATCHING = "go/resilicache go/rueidis go/rockscache go/go-redis go/go-redis-hmget"

WORKLOADS = [
    Workload("go-hits", "Go: hits", "callers", "hit",
             points("callers", PLOTTED, go("resilicache rockscache rueidis go-redis"))
             + points("callers", [1, 64, 256], go(GO_MORE)), plot=True),
    Workload("c-hits", "C: hits", "callers", "hit",
             points("callers", PLOTTED, "c/resilicache c/hiredis")
             + points("callers", [64], "server/redis-benchmark"), plot=True),
    Workload("lua-hits", "Plain Lua: hits, one thread", "callers", "hit",
             points("callers", [1], "luajit/resilicache lua5.4/resilicache c/resilicache")),
    Workload("python-hits", "Python, threads: hits", "callers", "hit",
             points("callers", [1, 32], "blocking/resilicache blocking/redis-py blocking/valkey-glide-sync "
                                        "blocking/dogpile.cache")),
    Workload("asyncio-hits", "Python, asyncio: hits", "callers", "hit",
             points("callers", [1, 256], "asyncio/resilicache asyncio/redis-py asyncio/valkey-glide asyncio/cashews "
                                         "asyncio/aiocache")),
    Workload("nginx-hits", "OpenResty: requests, one worker", "callers", "nginx",
             points("callers", [64], "nginx/say nginx/mlcache nginx/resilicache nginx/lua-resty-redis "
                                     "nginx/lua-resty-redis-hmget"),
             unit="requests", note="The client's processor time is nginx's."),
    Workload("batch", "Batches: keys, one caller", "batch", "batch",
             points("batch", [1, 10, 100, 1000, 10000], "c/resilicache " + BATCHING)
             + points("batch", [100], "blocking/resilicache blocking/redis-py blocking/valkey-glide-sync "
                                      "blocking/dogpile.cache"), unit="keys", plot=True),
    Workload("batch-16", "Batches of 100: keys, 16 callers", "callers", "batch",
             points("callers", [16], BATCHING, batch=100), unit="keys"),
    Workload("sizes", "Hits of values of some size, 4 callers", "size", "hit",
             of_bytes(points("size", SIZES, "c/resilicache c/hiredis go/resilicache go/rueidis", callers=4)),
             plot=True),
    Workload("cluster", "Hits in a cluster, 64 callers", "nodes", "hit",
             points("nodes", NODES, "go/resilicache go/rueidis go/go-redis", callers=64), plot=True),
    Workload("renew", "Invalidate, then a strong fetch with its load", "callers", "renew",
             points("callers", [1, 64], go("resilicache rockscache rueidisaside go-redis-cache jetcache-go")),
             unit="cycles", note="Each caller has a key of its own. Peers without a strong mode delete and fetch."),
    Workload("memory", "memory://: hits", "callers", "hit",
             points("callers", [1, 2], "c/resilicache go/resilicache blocking/resilicache blocking/cffi", keys=1000),
             note="No server, and 1,000 keys."),
    Workload("stampede", "Stampede: 256 callers, 8 processes, one cold key, 50 ms to load", "callers", "stampede",
             points("callers", [256], go("resilicache rockscache rueidisaside go-redis-cache jetcache-go"))),
    Workload("entry", "Memory of an entry in the server", "size", "entry",
             points("size", [20, 100, 4096], go("resilicache rockscache rueidis"), callers=64, keys=50000)),
]
BY_NAME = {workload.name: workload for workload in WORKLOADS}
