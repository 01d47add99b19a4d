"""docs/faults.md, from what was measured."""

from __future__ import annotations

from typing import Any

import agent
from crew import AFTER_S, AT_ONCE, BY_ID, DELAY_S, KEYS, READERS, SETTLE_S, SLACK_S
from kinds import BY_NAME

HEAD = """# What faults do: ours and others

The same faults for resilicache, for [rockscache](https://github.com/dtm-labs/rockscache), and for a plain cache-aside
by redis-py: `GET`; where that finds nothing the database, and `SET`; after a write `DEL`; where the cache fails, the
database alone. rockscache leaves it to its users to go past a cache that fails (`DisableCacheRead`); here nobody does.
Written by `python bench/faults`: don't edit it, run it.

| | |
| --- | --- |
| Measured | {begin}, one run for each row; each fault for {seconds:g} s |
| Machine | {machine}; client and server both on it |
| Server | {server}, one for each row; {at_once} rows at a time |
| Versions | {programs} |

**The scene.** A toy database of {keys} rows, each a version number; reading one takes {load_ms:.0f} ms. Two processes
of a contender, each with {readers} readers, who pause {read_pause_ms:.0f} ms after each fetch, and a writer: every
{write_pause_ms:.0f} ms it changes a row and invalidates its key. **What fails it does not repeat**: a program that
does may do better than it is shown here. When the fault ends, the writing ends, too, so that nothing mends by
accident what the fault has left. All wait {timeout_ms:.0f} ms for an answer and for a connection; `delay` and leases
are {delay:g} s, times to live {ttl} s; all else is as it comes.

**How to read it.**

- *Wrong*: fetches that returned a value although it had been invalidated, with success, before they began, and longer
  ago than the contender's documents allow: {delay:g} s (and {slack:g} s for the clocks) for eventual fetches of
  resilicache and rockscache, nothing for strong ones and for cache-aside. Behind it, how long ago it had been at
  worst. From the fault's begin on, until {after:g} s after its end. Old values whose invalidation has failed are not
  among them: the writer knows.
- *Failed*: fetches, and invalidations, that ended with an error, of those during the fault. A strong fetch that can't
  be sure has to fail. Ours keep an invalidation that no server takes, and carry it out later, but the call fails all
  the same. Who waits long for each call makes fewer of them: numbers of fetches, and shares of them, say less than
  what a fetch came to.
- *p50*, *p99* and *longest*: of the fetches during the fault, also of those that failed.
- *Loads*: reads of the database during the fault; *at once*: how many of them, of all keys and of one key. The two
  processes have one lease for a key as long as there is a server, and without one each loads for itself.
- *Well after*: when, after the fault's end, the last fetch failed, was wrong, or took more than twice as long as any
  before the fault (and more than 100 ms), or 100 ms had more than three times as many loads as any before it.
- *Wrong at the end*: keys of which a reader still gets an old value when nobody has written for {quiet:g} s, whether
  their last invalidation had failed or not. They stay so until their time to live ends or somebody writes again.

**What it can't show.** Each row is one run: of rare races it may see none, and figures that differ by little don't
differ. The longest calls are partly the machine's. It compares behaviour, not speed: that is
[benchmarks.md](benchmarks.md). What is promised, and tested far longer, is in [guarantees.md](guarantees.md).

**To repeat it**: `make faults`, about six minutes; or, in `build/venv`, `python bench/faults --only stopped slow
--contenders go/rockscache go/resilicache` for a part of it, and `--server valkey9` for another server. All figures,
and what the errors said, are in `build/bench/faults/whole/faults.json`.

## All faults together

Sums over the tables below.

"""
COLUMNS = ["fetches", "wrong", "failed", "failed invalidations", "p50 ms", "p99 ms", "longest ms", "loads", "at once",
           "of one key", "well after s", "wrong at the end"]
PROGRAMS = {"resilicache": "resilicache", "rockscache": "github.com/dtm-labs/rockscache",
            "go-redis": "github.com/redis/go-redis/v9", "redis-py": "redis", "Go": "Go", "Python": "Python"}

Row = dict[str, Any]


def page(measured: dict[str, Any]) -> str:
    versions, faults = measured["versions"], measured["faults"]
    text = HEAD.format(
        **{name: measured[name] for name in ("begin", "seconds", "machine", "server")},
        programs=", ".join(f"{name} {versions[of].removeprefix('v')}" for name, of in PROGRAMS.items()
                           if of in versions),
        keys=KEYS, readers=READERS, at_once=AT_ONCE, after=AFTER_S, delay=DELAY_S, slack=SLACK_S, ttl=agent.TTL_S,
        load_ms=agent.LOAD_S * 1000,
        read_pause_ms=agent.READ_PAUSE_S * 1000, write_pause_ms=agent.WRITE_PAUSE_S * 1000,
        timeout_ms=agent.TIMEOUT_S * 1000, quiet=AFTER_S + SETTLE_S,
    )
    return text + "\n".join([together(faults), *(section(name, rows) for name, rows in faults.items())])


def grid(columns: list[str], rows: list[list[str]]) -> str:
    """The first column has none of the names."""
    lines = [["", *columns], ["---", *["---:"] * len(columns)], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines).replace("|  |", "| |")


def title(contender: str) -> str:
    cache = BY_ID[contender]
    return f"**{cache.title}**" if cache.is_ours else cache.title


def together(faults: dict[str, dict[str, Row]]) -> str:
    rows = []
    for contender in next(iter(faults.values())):
        own = [found[contender] for found in faults.values()]
        total = {name: sum(row[name] for row in own) for name in
                 ("wrong", "failed", "reads", "writes_failed", "writes", "wrong_at_the_end")}
        rows.append([title(contender), str(total["reads"]), str(total["wrong"]), part(total["failed"], total["reads"]),
                     part(total["writes_failed"], total["writes"]), milliseconds(max(row["max_ms"] for row in own)),
                     f"{total['wrong_at_the_end']} of {KEYS * len(own)}"])
    return grid(["fetches", "wrong", "failed", "failed invalidations", "longest ms", "keys wrong at the end"], rows)


def section(name: str, rows: dict[str, Row]) -> str:
    fault = BY_NAME[name]
    return f"## {fault.title}\n\n{fault.what}\n\n" + grid(COLUMNS, [line(*row) for row in rows.items()])


def line(contender: str, row: Row) -> list[str]:
    wrong = f"{row['wrong']} ({row['wrong_late_s']:.1f} s)" if row["wrong"] else "0"
    well = f"not in {row['watched_s']:.1f}" if row["normal_s"] > row["watched_s"] - 0.2 else f"{row['normal_s']:.1f}"
    return [title(contender), str(row["reads"]), wrong, part(row["failed"], row["reads"]),
            part(row["writes_failed"], row["writes"]),
            *(milliseconds(row[name]) for name in ("p50_ms", "p99_ms", "max_ms")),
            *(str(row[name]) for name in ("loads", "loads_at_once", "loads_of_a_key")),
            well, f"{row['wrong_at_the_end']} of {KEYS}"]


def milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def part(some: int, of: int) -> str:
    if some == 0:
        return "0"
    share = 100 * some / of
    return f"{some} ({share:.0f} %)" if share >= 1 else f"{some} ({share:.1f} %)"
