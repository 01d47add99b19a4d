"""The benchmark:  python bench [--quick] [--server valkey9] [--only WORKLOAD ...]

Starts its own servers, runs ours and the peers in turns, and writes docs/benchmarks.md with its plots."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import kit
import machine
import report
from places import BUILD, ROOT
from rounds import Bench
from workloads import BY_NAME, WORKLOADS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python bench", description="Measures ours and the peers, in turns.")
    parser.add_argument("--quick", action="store_true", help="two short rounds: an impression, no result")
    parser.add_argument("--server", choices=("redis7", "valkey9"), default="redis7")
    parser.add_argument("--only", nargs="+", choices=BY_NAME, metavar="WORKLOAD", default=list(BY_NAME),
                        help="some of: " + " ".join(BY_NAME))
    parser.add_argument("--contenders", nargs="+", metavar="RUNTIME/NAME", help="these alone")
    parser.add_argument("--rounds", type=int, help="how often each is measured (5, or 2)")
    parser.add_argument("--seconds", type=float, help="for how long each time (1, or 0.3)")
    parser.add_argument("--out", type=Path, help="where results go (build/bench/part; of a whole run, docs)")
    parser.add_argument("--again", action="store_true", help="put what is measured into the last whole run")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the last whole run anew")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    chosen = [workload for workload in WORKLOADS if workload.name in asked.only]
    all_of_it = len(chosen) == len(WORKLOADS) and not asked.quick and asked.contenders is None
    of_whole_run = all_of_it or asked.again or asked.report
    out = asked.out or BUILD / ("whole" if of_whole_run else "part")
    kept = out / "benchmarks.json"
    if not asked.report:
        out.mkdir(parents=True, exist_ok=True)
        before = json.loads(kept.read_text()) if asked.again else None
        for measured in measure(asked, chosen):
            kept.write_text(json.dumps(measured if before is None else joined(before, measured), indent=1))
    measured = json.loads(kept.read_text())
    if of_whole_run and asked.out is None:
        out = ROOT / "docs"
    report.write(measured, out)
    print(out / "benchmarks.md")
    failed = {name for run in measured["workloads"].values() for name in run["failed"]}
    return 1 if failed else 0


def joined(before: dict, measured: dict) -> dict:
    return {**before, "end": measured["end"], "workloads": before["workloads"] | measured["workloads"],
            "versions": before["versions"] | measured["versions"]}


def measure(asked: argparse.Namespace, chosen: list) -> Iterator[dict]:
    """All that is known, each time that a workload is done."""
    wanted = {point.contender for workload in chosen for point in workload.points}
    if asked.contenders is not None:
        wanted &= set(asked.contenders)
        for workload in chosen:
            workload.points[:] = [point for point in workload.points if point.contender in wanted]
            workload.__post_init__()
    built = kit.build({contender.split("/")[0] for contender in wanted})
    rounds, seconds, patience_s = (2, 0.3, 0.2) if asked.quick else (5, 1.0, 1.0)
    bench = Bench(built, asked.server, asked.rounds or rounds, asked.seconds or seconds, patience_s)
    runs = {}
    begin = machine.now()
    for workload in chosen:
        results = bench.run(workload)
        runs[workload.name] = {"at": machine.now(), "samples": results.samples, "missing": results.missing,
                               "failed": results.failed}
        yield {
            "begin": begin,
            "end": machine.now(),
            "command": "make bench" if len(sys.argv) == 1 else "python bench " + shlex.join(sys.argv[1:]),
            "machine": machine.describe(),
            "server": machine.server_version(asked.server),
            "rounds": bench.rounds,
            "seconds": bench.seconds,
            "versions": built.versions,
            "workloads": runs,
        }


if __name__ == "__main__":
    sys.exit(main())
