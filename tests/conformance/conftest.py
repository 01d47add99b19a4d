"""The matrix: every runtime on every store, some at once, and the table that is printed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from runtimes import CASES, RUNTIMES, STORES, Missing, Played, Program

import servers
from builds import install
from servers import Cluster, SentinelSet, Server

AT_ONCE = 6
"""They spend their time waiting."""
DEPLOYMENTS = {
    "cluster": lambda: Cluster("redis7", replicas=0),
    "sentinel": lambda: SentinelSet("redis7", replicas=0, sentinels=1),
}
PLAYED = pytest.StashKey[dict[tuple[str, str], Played]]()
MARKS = {"ok": "ok", "FAILED": "FAILED", "n/a": "-"}


class Matrix:
    """Plays what the chosen tests want as soon as one of them asks."""

    def __init__(self, wanted: list[tuple[str, str]], out: Path, played: dict[tuple[str, str], Played]) -> None:
        self._out, self._played = out, played
        self._prefix = install(out / "prefix")
        self._programs: dict[str, Program] = {}
        self._servers: dict[str, Server | Cluster | SentinelSet] = {}
        self.lacks: dict[str, str] = {}
        """From runtimes and kinds of servers that are not here to what would help."""
        self._pool = ThreadPoolExecutor(AT_ONCE)
        for runtime, store in wanted:
            self._prepare(runtime, STORES[store].partition("?")[0])
        self._runs = {pair: self._begin(*pair) for pair in wanted if not self.lack_of(*pair)}

    def _prepare(self, runtime: str, kind: str) -> None:
        try:
            if runtime not in self._programs and runtime not in self.lacks:
                (self._out / runtime).mkdir()
                self._programs[runtime] = RUNTIMES[runtime](self._prefix, self._out / runtime)
        except Missing as missing:
            self.lacks[runtime] = str(missing)
        try:
            if kind != "memory" and kind not in self._servers and kind not in self.lacks:
                self._servers[kind] = DEPLOYMENTS.get(kind, lambda: Server(kind))()
        except servers.Missing as missing:
            self.lacks[kind] = str(missing)

    def lack_of(self, runtime: str, store: str) -> str | None:
        return self.lacks.get(runtime) or self.lacks.get(STORES[store].partition("?")[0])

    def _begin(self, runtime: str, store: str) -> Future[Played]:
        kind, mark, query = STORES[store].partition("?")
        url = "memory://" if kind == "memory" else self._servers[kind].url + mark + query
        return self._pool.submit(self._programs[runtime].play, url, *CASES)

    def result(self, runtime: str, store: str) -> Played:
        played = self._played[runtime, store] = self._runs[runtime, store].result()
        return played

    def program(self, runtime: str) -> Program:
        self._prepare(runtime, "memory")
        if runtime in self.lacks:
            pytest.skip(self.lacks[runtime])
        return self._programs[runtime]

    def settled(self, kind: str) -> list[Server]:
        """The servers, once nobody plays on them any more."""
        for run in self._runs.values():
            run.exception()
        self._prepare("c", kind)
        if kind in self.lacks:
            pytest.skip(self.lacks[kind])
        server = self._servers[kind]
        return [server] if isinstance(server, Server) else server.nodes

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        for server in self._servers.values():
            server.stop()


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    calls = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = [(call["runtime"], call["store"]) for call in calls if {"runtime", "store"} <= call.keys()]
    played = request.config.stash.setdefault(PLAYED, {})
    matrix = Matrix(wanted, tmp_path_factory.mktemp("conformance"), played)
    yield matrix
    matrix.stop()


def _mark(verdicts: set[str]) -> str:
    """Of one case in one runtime on all stores: what is not applicable on one may be played on another."""
    worst = next(verdict for verdict in ("FAILED", "ok", "n/a", "") if verdict in verdicts)
    return MARKS.get(worst, "not told")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    played = config.stash.get(PLAYED, {})
    if not played:
        return
    runtimes = list(dict.fromkeys(runtime for runtime, _ in played))
    told: dict[tuple[str, str], dict[str, set[str]]] = {}
    for (runtime, _), run in played.items():
        for verdict in run.verdicts:
            row = told.setdefault((verdict.chapter, verdict.case), {name: set() for name in runtimes})
            row[runtime].add(verdict.verdict)
    order = [line.removeprefix("case ").strip() for path in CASES for line in path.read_text().splitlines()]
    rows = sorted(told.items(), key=lambda row: order.index(row[0][1]) if row[0][1] in order else -1)
    width = max(len(case) for _, case in told) + 2
    columns = {name: max(len(name), 6) + 2 for name in runtimes}
    terminalreporter.section("conformance: cases by runtime, over all stores (-: not applicable)")
    chapter_before = ""
    for (chapter, case), row in rows:
        if chapter != chapter_before:
            heads = "".join(name.ljust(columns[name]) for name in runtimes)
            terminalreporter.line(f"{chapter.upper().ljust(width)}{heads}")
            chapter_before = chapter
        marks = "".join(_mark(row[name] or {""}).ljust(columns[name]) for name in runtimes)
        terminalreporter.line(f"{case.ljust(width)}{marks}".rstrip())
