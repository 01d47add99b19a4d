"""What a run comes to: the figures of a contender under a fault, from all that its processes have recorded."""

from __future__ import annotations

import bisect
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

NS = 1e9
WINDOW_S = 0.1
SLOW_MIN_S = 0.1  # what is faster is never taken for slow


@dataclass
class Record:
    """Times in seconds, of all processes."""

    reads: list[tuple[float, float, int, int]] = field(default_factory=list)  # begin, end, key, version or -1
    writes: list[tuple[float, float, int, int, bool]] = field(default_factory=list)  # ..., acknowledged
    loads: list[tuple[float, float, int]] = field(default_factory=list)

    def add(self, told: dict[str, Any]) -> None:
        """Of a process, as it prints it."""
        self.reads += [(begin / NS, end / NS, key, version) for begin, end, key, version in told["reads"]]
        self.writes += [(begin / NS, end / NS, key, version, bool(done))
                        for begin, end, key, version, done in told["writes"]]
        self.loads += [(begin / NS, end / NS, key) for begin, end, key in told["loads"]]


class Acknowledged:
    """By key, from when on which version was known to be there: ascending in both."""

    def __init__(self, record: Record) -> None:
        self._moments: dict[int, list[float]] = defaultdict(lambda: [0.0])
        self._versions: dict[int, list[int]] = defaultdict(lambda: [0])
        for _, end, key, version, done in sorted(record.writes, key=lambda write: write[1]):
            if done:
                self._moments[key].append(end)
                self._versions[key].append(max(version, self._versions[key][-1]))

    def late_s(self, moment: float, key: int, version: int) -> float:
        """For how long it had been known at that moment that there is a newer version; 0: there was none."""
        newer = bisect.bisect_right(self._versions[key], version)
        if newer == len(self._versions[key]):
            return 0.0
        return max(0.0, moment - self._moments[key][newer])


def figures(record: Record, bound_s: float, before: float, begin: float, end: float) -> dict[str, Any]:
    """The fault lasted from `begin` to `end`; from `before` on all was well.  bound_s: how old a value may be."""
    known = Acknowledged(record)
    reads = [read for read in record.reads if read[1] > begin]
    late = [(moment, known.late_s(read_begin, key, version)) for read_begin, moment, key, version in reads
            if version >= 0]
    wrong = [(moment, late_s) for moment, late_s in late if late_s > bound_s]
    failed = [(start, moment) for start, moment, _, version in reads if version < 0]
    writes = [write for write in record.writes if write[1] > begin and write[0] < end]
    loads = [load for load in record.loads if load[1] > begin and load[0] < end]
    seconds = sorted(read[1] - read[0] for read in reads if read[0] < end)
    bad = [moment for moment, _ in wrong] + [moment for _, moment in failed]
    bad += slow(record, before, begin) + crowded(record, before, begin)
    return {
        "reads": len(seconds),
        "failed": sum(start < end for start, _ in failed),
        "reads_after": len(reads) - len(seconds),
        "failed_after": sum(start >= end for start, _ in failed),
        "wrong": len(wrong),
        "wrong_late_s": max((late_s for _, late_s in wrong), default=0.0),
        "late_s": max((late_s for _, late_s in late), default=0.0),
        "writes": len(writes),
        "writes_failed": sum(not done for *_, done in writes),
        "p50_ms": share(seconds, 0.5) * 1000,
        "p99_ms": share(seconds, 0.99) * 1000,
        "max_ms": share(seconds, 1.0) * 1000,
        "loads": len(loads),
        "loads_at_once": at_once(loads),
        "loads_of_a_key": max((at_once(of_key) for of_key in by_key(loads).values()), default=0),
        "normal_s": max([0.0, *(moment - end for moment in bad)]),
        "watched_s": max((read[1] for read in reads), default=end) - end,
    }


def share(ascending: list[float], part: float) -> float:
    return ascending[min(len(ascending) - 1, int(len(ascending) * part))] if ascending else 0.0


def slow(record: Record, before: float, begin: float) -> list[float]:
    """When calls ended that took more than twice as long as any before the fault."""
    usual = max((end - start for start, end, *_ in record.reads if start >= before and end < begin), default=0.0)
    limit = max(SLOW_MIN_S, 2 * usual)
    return [end for start, end, *_ in record.reads if end > begin and end - start > limit]


def crowded(record: Record, before: float, begin: float) -> list[float]:
    """The ends of the windows with three times as many loads as any before the fault had."""
    windows: dict[int, int] = defaultdict(int)
    for _, end, _ in record.loads:
        windows[int((end - begin) // WINDOW_S)] += 1
    usual = max((count for window, count in windows.items() if (before - begin) / WINDOW_S <= window < 0), default=0)
    limit = 3 * usual + 5
    return [begin + (window + 1) * WINDOW_S for window, count in windows.items() if window >= 0 and count > limit]


def by_key(loads: list[tuple[float, float, int]]) -> dict[int, list[tuple[float, float, int]]]:
    found = defaultdict(list)
    for load in loads:
        found[load[2]].append(load)
    return found


def at_once(loads: list[tuple[float, float, int]]) -> int:
    changes = sorted([(begin, 1) for begin, _, _ in loads] + [(end, -1) for _, end, _ in loads])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
