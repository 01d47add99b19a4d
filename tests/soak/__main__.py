"""Mixed load under faults, for as long as you like:  python tests/soak --seconds 3600

Threads and tasks of this process and programs in Go and Lua fetch and write on one server, which is killed, stopped,
flushed, and lies behind bad connections.  All along a judge holds every answer against what was committed and
acknowledged, every call against its deadline; at the end, loads against what can have caused them, memory and
descriptors against what they were.  Prints what came of each fault; exits 1 if anything was wrong."""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import resilicache  # noqa: E402

from faults.proxy import Proxy  # noqa: E402
from load.programs import Programs, start_program  # noqa: E402
from load.truth import Outage, Truth  # noqa: E402
from load.workers import Crew  # noqa: E402
from servers import KINDS, Missing, Server, until  # noqa: E402
from soak.breaking import Faults  # noqa: E402
from soak.watch import Watch  # noqa: E402

DELAY_S = 1.0
KEYS = [f"row:{number}" for number in range(50)]
OPTIONS = f"delay={DELAY_S}s&lock_expire=1s"
CALLS_BETWEEN = 500
RECOVERY_S = 60.0  # to succeed again, on a machine that has other things to do
CACHES = 2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/soak", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="repeats the choice of faults")
    parser.add_argument("--options", default="", help="of all caches, as in a URL: strong_consistency=yes&...")
    return parser.parse_args()


def start_crew(crew: Crew, url: str, directory: Path) -> dict[str, int]:
    """All that make the load; the names and ids of their processes."""
    programs = Programs(directory)
    pids = {"python": os.getpid()}
    for _ in range(CACHES):
        crew.start_threads(crew.keep(resilicache.Cache(url)), 3)
    crew.start_tasks(url, 4)
    for language in programs.here():
        pids[language] = start_program(crew, *programs.command(language), url).pid
    return pids


def go_on(truth: Truth, calls: int) -> None:
    enough = truth.succeeded + calls
    until(lambda: truth.succeeded >= enough or truth.findings, "calls succeed again", RECOVERY_S)


def run(asked: argparse.Namespace, server: Server, proxy: Proxy, truth: Truth) -> None:
    """Each fault once, in order; then by chance."""
    faults = Faults(server, proxy, asked.seed)
    names = list(faults.all())
    end = time.monotonic() + asked.seconds
    go_on(truth, CALLS_BETWEEN)
    while time.monotonic() < end and not truth.findings:
        faults.strike(names.pop(0) if names else faults.draw(), truth)
        go_on(truth, CALLS_BETWEEN)


def too_many_loads(truth: Truth) -> list[str]:
    """A key is loaded when it was invalidated, locked or unlocked, when its server came back, or when a call failed."""
    writes = sum(truth.done[what] for what in ("invalidate", "lock", "unlock"))
    causes = 2 * writes + 2 * truth.done["failed"] + len(KEYS) * (1 + 2 * len(truth.outages))
    print(f"loads: {truth.reads}, for {writes} writes and {len(truth.outages)} faults on {len(KEYS)} keys")
    return [f"{truth.reads} loads, more than {causes}"] if truth.reads > causes else []


def print_faults(outages: list[Outage]) -> None:
    by_name = defaultdict(list)
    for outage in outages:
        by_name[outage.what].append(outage)
    print(f"{'fault':28} {'times':>5} {'failed calls':>12}   all served again, seconds after its end: median, at most")
    for name, ones in sorted(by_name.items()):
        failed = sum(one.failed for one in ones)
        again = [max(0.0, one.last - one.end) if one.failed else 0.0 for one in ones]
        print(f"{name:28} {len(ones):5} {failed:12}   {statistics.median(again):6.2f} {max(again):6.2f}")


def soak(asked: argparse.Namespace, server: Server) -> list[str]:
    truth = Truth(DELAY_S + 0.5)
    crew = Crew(truth, KEYS, asked.seed)
    with Proxy(server.port) as proxy, tempfile.TemporaryDirectory() as directory:
        url = f"{proxy.url}?{OPTIONS}{'&' if asked.options else ''}{asked.options}"
        watch = Watch(start_crew(crew, url, Path(directory)))
        try:
            run(asked, server, proxy, truth)
        finally:
            grown = watch.stop()
            crew.stop()
    findings = [*truth.judge(), *grown, *too_many_loads(truth)]
    print(f"calls: {', '.join(f'{count} {what}' for what, count in sorted(truth.done.items()))}")
    print_faults(truth.outages)
    for name, samples in watch.samples.items():
        print(f"{name}, by quarters: {samples}")
    return findings


def main() -> None:
    asked = arguments()
    print(f"{asked.seconds:.0f} s on {asked.kind}, --seed {asked.seed}", flush=True)
    try:
        server = Server(asked.kind)
    except Missing as missing:
        raise SystemExit(str(missing)) from None
    try:
        findings = soak(asked, server)
    finally:
        server.stop()
    if findings:
        raise SystemExit("\n".join(["WRONG:", *findings]))
    print("All as it should be.")


main()
