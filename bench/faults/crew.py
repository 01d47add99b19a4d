"""Who is compared under faults, and the programs that are their processes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import kit
from contenders import OURS, Contender
from places import BUILD, Failed

DELAY_S = 1.0
SLACK_S = 0.2  # of the clocks by which `delay` is counted
KEYS = 24
READERS = 6  # of each process
PROCESSES = 2
AT_ONCE = 2  # contenders: as many as a small machine has processors for, since all of them mostly wait
WARM_UP_S, BEFORE_S, AFTER_S = 0.7, 1.0, 4.0
SETTLE_S = 3.0  # three times as long as an old value may be served
ROCKSCACHE = "github.com/dtm-labs/rockscache"


@dataclass(frozen=True)
class Cache(Contender):
    bound_s: float = 0.0
    """How long after an acknowledged invalidation a fetch may still return what was before, by its own documents."""

    @property
    def is_ours(self) -> bool:
        return "/resilicache" in self.id


EVENTUAL = "`delay` is 1 s"
STRONG = "none"
CACHES = [
    Cache("blocking/resilicache", "resilicache, Python", EVENTUAL, OURS, DELAY_S + SLACK_S),
    Cache("go/resilicache", "resilicache, Go", EVENTUAL, OURS, DELAY_S + SLACK_S),
    Cache("go/rockscache", "rockscache", "`Delay` is 1 s", ROCKSCACHE, DELAY_S + SLACK_S),
    Cache("blocking/redis-py", "redis-py, cache-aside", STRONG, "redis"),
    Cache("blocking/resilicache-strong", "resilicache, Python, strong", STRONG, OURS),
    Cache("go/resilicache-strong", "resilicache, Go, strong", STRONG, OURS),
    Cache("go/rockscache-strong", "rockscache, strong", STRONG, ROCKSCACHE),
]
BY_ID = {cache.id: cache for cache in CACHES}


@dataclass(frozen=True)
class Post:
    """What a process is told by its command line."""

    contender: str
    url: str
    rows: Path
    keys: int
    readers: int
    number: int
    seconds: float

    @property
    def arguments(self) -> list[str]:
        name = self.contender.split("/")[1]
        return [self.url, name, str(self.rows), *map(str, (self.keys, self.readers, self.number))]


def build(caches: list[Cache]) -> kit.Kit:
    """What these take, and no more: ours in Python lies in build/venv already, which runs this."""
    built = kit.Kit()
    runtimes = {cache.runtime for cache in caches}
    python = sys.executable
    try:
        if "go" in runtimes:
            kit.build_core(built)
            module, program = kit.go_module(built), BUILD / "go/faults"
            built.commands["go"] = module.build("./faults", program)
            built.versions |= module.versions(program)
        if any(cache.runtime == "blocking" and not cache.is_ours for cache in caches):
            kit.build_python(built)
            python = built.commands["blocking"][0]
    except OSError as failure:
        raise Failed(str(failure)) from failure
    built.commands["blocking"] = [python, str(Path(__file__).with_name("agent.py"))]
    return built
