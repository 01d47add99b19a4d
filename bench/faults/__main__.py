"""The same faults for ours and for others:  python bench/faults [--only FAULT ...] [--contenders RUNTIME/NAME ...]

Each contender has a server of its own, a toy database, and two processes with readers and a writer each; then something
breaks.  Writes docs/faults.md, or, of a part, build/bench/faults/part/faults.md."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine  # noqa: E402
from places import BUILD, ROOT, Failed  # noqa: E402
from worker import Worker, workers  # noqa: E402

from servers import Server  # noqa: E402  # isort: skip
from faults.proxy import Proxy  # noqa: E402  # isort: skip

import agent  # noqa: E402
import crew  # noqa: E402
import judge  # noqa: E402
import table  # noqa: E402
from crew import AFTER_S, AT_ONCE, BEFORE_S, KEYS, PROCESSES, READERS, SETTLE_S, WARM_UP_S  # noqa: E402
from kinds import BY_NAME, FAULTS, Fault, Place  # noqa: E402


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python bench/faults", description="The same faults for ours and for others.")
    parser.add_argument("--only", nargs="+", choices=BY_NAME, metavar="FAULT", default=list(BY_NAME),
                        help="some of: " + " ".join(BY_NAME))
    parser.add_argument("--contenders", nargs="+", choices=crew.BY_ID, metavar="RUNTIME/NAME", default=list(crew.BY_ID),
                        help="some of: " + " ".join(crew.BY_ID))
    parser.add_argument("--server", choices=("redis7", "valkey9"), default="redis7")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long a fault lasts (3)")
    parser.add_argument("--again", action="store_true", help="put what is measured into the last whole run")
    parser.add_argument("--out", type=Path, help="where results go (build/bench/faults; of a whole run, docs)")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    faults = [fault for fault in FAULTS if fault.name in asked.only]
    caches = [cache for cache in crew.CACHES if cache.id in asked.contenders]
    whole = asked.again or (len(faults) == len(FAULTS) and len(caches) == len(crew.CACHES))
    kept = asked.out or BUILD / "faults" / ("whole" if whole else "part")
    kept.mkdir(parents=True, exist_ok=True)
    built = crew.build(caches)
    measured: dict[str, Any] = {
        "begin": machine.now(),
        "machine": machine.describe(),
        "server": machine.server_version(asked.server),
        "seconds": asked.seconds,
        "versions": built.versions,
        "faults": {},
    }
    if asked.again:
        measured = json.loads((kept / "faults.json").read_text())
    for fault in faults:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(lambda cache, fault=fault: run(built, fault, cache, asked.server, asked.seconds), caches)
            rows = {cache.id: row for cache, row in zip(caches, found, strict=True)}
        measured["faults"][fault.name] = measured["faults"].get(fault.name, {}) | rows
        (kept / "faults.json").write_text(json.dumps(measured, indent=1))
        print(fault.name, file=sys.stderr, flush=True)
    page = (ROOT / "docs" if whole and asked.out is None else kept) / "faults.md"
    page.write_text(table.page(measured))
    print(page)
    return 0


def run(built: Any, fault: Fault, cache: crew.Cache, kind: str, seconds: float) -> dict[str, Any]:
    with ExitStack() as stack:
        server = Server(kind, *fault.arguments)
        stack.callback(server.stop)
        proxy = stack.enter_context(Proxy(server.port)) if fault.by_proxy else None
        database = stack.enter_context(tempfile.NamedTemporaryFile(prefix="rows-"))
        database.write(bytes(8 * (1 + KEYS)))
        database.flush()
        path = Path(database.name)
        place = Place(server, proxy, agent.Rows(str(path)))
        url = server.url if proxy is None else proxy.url
        posts = [crew.Post(cache.id, url, path, KEYS, READERS, number, seconds) for number in range(PROCESSES)]
        at_work = stack.enter_context(workers(built, posts))
        for worker in at_work:
            worker.begin("go")
        time.sleep(WARM_UP_S + BEFORE_S)
        begin = time.time()
        with fault.begin(place):
            time.sleep(seconds)
            for worker in at_work:
                worker.begin("hush")
        end = time.time()
        time.sleep(AFTER_S)
        record, failures = judge.Record(), Counter[str]()
        for told in ask(at_work, "stop"):
            record.add(told)
            failures.update(told["failures"])
        found = judge.figures(record, cache.bound_s, begin - BEFORE_S, begin, end)
        wrong_at_the_end = look(at_work, place.rows)
        if not server.is_alive:
            raise Failed(f"{fault.name} {cache.id}: somebody else has ended its server\n{server.log[-1000:]}")
        return {**found, "failures": failures, "wrong_at_the_end": wrong_at_the_end}


def ask(at_work: list[Worker], what: str) -> list[dict[str, Any]]:
    for worker in at_work:
        worker.begin(what)
    return [worker.result() for worker in at_work]


def look(at_work: list[Worker], rows: agent.Rows) -> int:
    """How many keys somebody still gets an old value of, when that may not be any more."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        seen = [told["versions"] for told in ask(at_work, "look")]
        wrong = sum(any(versions[key] != rows[key] for versions in seen) for key in range(KEYS))
        if wrong == 0 or time.monotonic() > deadline:
            return wrong
        time.sleep(0.1)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(f"bench/faults: {failure}")
