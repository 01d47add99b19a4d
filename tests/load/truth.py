"""The database that is being cached, and the judge of what caches say of it.

A row is a version.  Writers commit a new one, invalidate, and say when that was acknowledged; readers say when a fetch
begins and what it returned.  Then a strong fetch may return nothing older than what was acknowledged, or returned by
another strong fetch, before it began; an eventual one nothing older than what was acknowledged `bound_s` before; and
neither what nobody has committed.  No call takes longer than its deadline, and none fails but while no server can
answer, which whoever breaks something tells by outage()."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

FINDINGS_MAX = 5  # of each kind of call
ACKNOWLEDGED_MAX = 1000  # of each row
DEADLINE_S = 5.0  # of every call
UNASKED_MAX_S = 30.0
SLACK_S = 5.0  # beyond the deadline, of a machine that has other things to do


@dataclass
class Row:
    committed: int = 0
    acknowledged: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)])  # ascending in both
    returned: int = 0  # by strong fetches that have ended

    def acknowledge(self, moment: float, version: int) -> None:
        self.acknowledged.append((moment, max(version, self.acknowledged[-1][1])))
        if len(self.acknowledged) > ACKNOWLEDGED_MAX:  # nobody looks back that far
            del self.acknowledged[: ACKNOWLEDGED_MAX // 2]

    def acknowledged_at(self, moment: float) -> int:
        return self.acknowledged[max(1, bisect.bisect_right(self.acknowledged, (moment, 1 << 62))) - 1][1]


@dataclass(frozen=True)
class Call:
    number: int
    what: str
    key: str
    begin: float
    floor: int


@dataclass
class Outage:
    """From when to when calls may fail, and what came of it."""

    what: str
    begin: float
    split: bool  # two servers answer as the primary: strong calls are no better than eventual ones
    end: float = float("inf")
    over: float = float("inf")  # from when on no call may fail
    failed: int = 0
    first: float = 0.0  # of the failures
    last: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)

    def fail(self, moment: float, why: str) -> None:
        self.failed += 1
        self.first, self.last = self.first or moment, moment
        self.reasons[re.sub(r"'[^']*'", "'...'", why)] += 1

    def __str__(self) -> str:
        lasted = f"{self.what}: {self.end - self.begin:.2f} s"
        if self.failed == 0:
            return f"{lasted}, no call failed"
        first, last = self.first - self.begin, self.last - self.end
        reasons = "".join(f"\n    {count} {why}" for why, count in self.reasons.most_common(5))
        when = f"from {first:.2f} s after its begin to {abs(last):.2f} s {'after' if last > 0 else 'before'} its end"
        return f"{lasted}; {self.failed} calls failed, {when}{reasons}"


class Truth:
    """monotonic: False where a failover may take back what was returned though nobody has acknowledged it."""

    def __init__(self, bound_s: float, monotonic: bool = True) -> None:
        self._bound_s, self._monotonic = bound_s, monotonic
        self._begin = time.monotonic()
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._numbers = itertools.count(1)
        self._open: dict[int, Call] = {}
        self._findings: dict[str, list[str]] = {}
        self.done: Counter[str] = Counter()
        self.outages: list[Outage] = []
        self.reads = 0

    @property
    def succeeded(self) -> int:
        with self._lock:
            return self.done.total() - self.done["failed"]

    def _row(self, key: str) -> Row:
        return self._rows.setdefault(key, Row())

    def clock(self, moment: float | None = None) -> str:
        """For people: since the load began."""
        return f"{(time.monotonic() if moment is None else moment) - self._begin:.2f} s"

    @property
    def findings(self) -> list[str]:
        return [finding for findings in self._findings.values() for finding in findings]

    def _find(self, call: Call, problem: str) -> None:
        findings = self._findings.setdefault(call.what, [])
        if len(findings) < FINDINGS_MAX:
            findings.append(f"{self.clock(call.begin)}: {call.what} {call.key} {problem}")

    # ---- the database

    def read(self, key: str) -> int:
        with self._lock:
            self.reads += 1
            return self._row(key).committed

    def commit(self, key: str) -> int:
        with self._lock:
            row = self._row(key)
            row.committed += 1
            return row.committed

    def acknowledge(self, key: str, version: int) -> None:
        """The invalidation that followed the commit has succeeded."""
        with self._lock:
            self._row(key).acknowledge(time.monotonic(), version)

    # ---- calls

    def begin(self, what: str, key: str) -> int:
        """what: strong, eventual, or anything else that returns no value."""
        with self._lock:
            row, now = self._row(key), time.monotonic()
            split = any(outage.split and outage.over > now for outage in self.outages)
            strong = max(row.acknowledged_at(now), row.returned if self._monotonic else 0)
            floor = strong if what == "strong" and not split else row.acknowledged_at(self._due(now))
            call = Call(next(self._numbers), what, key, now, floor)
            self._open[call.number] = call
            return call.number

    def _due(self, now: float) -> float:
        """What was acknowledged until then, eventual fetches have to know.  A primary that is replaced may forget what
        its replica was not told, and the time of such values runs from the end of that."""
        begin = now - self._bound_s
        return min([begin, *(outage.begin - self._bound_s for outage in self.outages if outage.over > begin)])

    def _close(self, number: int) -> Call:
        call = self._open.pop(number)
        seconds = time.monotonic() - call.begin
        if seconds > DEADLINE_S + SLACK_S:
            self._find(call, f"took {seconds:.1f} s, and its deadline was {DEADLINE_S} s")
        return call

    def end(self, number: int, value: str | None = None) -> None:
        """value: as value_of() made it."""
        with self._lock:
            call = self._close(number)
            self.done[call.what] += 1
            if value is None:
                return
            row, (key, version) = self._row(call.key), parts_of(value)
            if key != call.key:
                self._find(call, f"returned the value of {key}")
            elif not call.floor <= version <= row.committed:
                self._find(call, f"returned version {version}; it had to be {call.floor} to {row.committed}")
            if call.what == "strong" and not any(one.split and one.over > call.begin for one in self.outages):
                row.returned = max(row.returned, version)

    def fail(self, number: int, why: str) -> None:
        with self._lock:
            call = self._close(number)
            self.done["failed"] += 1
            now = time.monotonic()
            excuse = next((one for one in self.outages[::-1] if call.begin <= one.over + unasked_s(why)), None)
            if excuse is None:
                self._find(call, f"failed, and nothing was broken: {why}")
            else:
                excuse.fail(now, why)

    # ---- breaking things

    @contextlib.contextmanager
    def outage(self, what: str, recovery_s: float = 3.0, split: bool = False) -> Iterator[None]:
        """Calls may fail while this lasts, and for so long after it."""
        outage = Outage(what, time.monotonic(), split)
        self.outages.append(outage)
        try:
            yield
        finally:
            outage.end = time.monotonic()
            outage.over = outage.end + recovery_s

    def judge(self) -> list[str]:
        """When all have stopped: what was wrong, in words."""
        with self._lock:
            for call in self._open.values():
                self._find(call, "has not returned")
            return self.findings

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items()))
        return "\n".join([f"calls: {counts}", *map(str, self.outages)])


def unasked_s(why: str) -> float:
    """For how long a server may be left alone that was broken each time it was asked: each time twice as long as the
    last, which is no longer than it has been down by then, up to 30 s.  What is queued follows within a second."""
    if "an invalidation of it has not reached the server yet" in why:
        return UNASKED_MAX_S + 1.0
    down = re.search(r"is down, for (\d+) s by now", why)
    return min(int(down[1]) + 1.0, UNASKED_MAX_S) if down else 0.0


def value_of(key: str, version: int) -> str:
    return f"{key} {version} " + "." * (version % 200)


def parts_of(value: str) -> tuple[str, int]:
    key, version, _ = value.split(" ", 2)
    return key, int(version)
