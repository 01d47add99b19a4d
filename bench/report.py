"""docs/benchmarks.md and its plots, from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plot
from contenders import BY_ID, OURS
from targets import TARGETS, Measured, Sample, Target, client_us, cost_us, median, rate, server_us
from workloads import WORKLOADS, Workload

HEAD = """# Benchmarks

resilicache beside clients and caches that people use for the same work. Written by [the benchmark](../bench/README.md):
don't edit it, run it.

| | |
| --- | --- |
| Measured by | `{command}`, from {begin} to {end} |
| Machine | {machine}; client and server both on it |
| Server | {server} |
| Rounds | {rounds}, in each of them all contenders one after the other, {seconds:g} s each, after a warm-up |
| Versions | {programs} |

**How to read it.** A figure is the median of the rounds, with the lowest and the highest behind it; a ratio is the
median of the rounds' ratios. Hits are of 10,000 warm keys with values of 100 bytes unless it says otherwise. What each
contender does is in [the last table](#contenders).

Contenders take turns, so that what else the machine does falls on all of them. In the median of all samples other
programs had {others} of its processors, in the worst {others_most}. A sample during which they had more than a fifth
was taken again for up to two times, as long as the run's patience lasted, and the least disturbed one kept. So ratios
say more than absolutes, and processor time for an operation more than operations a second.

"""


def write(measured: dict[str, Any], out: Path) -> None:
    data = Measured(measured["workloads"])
    plots = out / "benchmarks"
    plots.mkdir(parents=True, exist_ok=True)
    text = HEAD.format(**measured, **disturbance(measured["workloads"]), programs=programs(measured["versions"]))
    text += targets_table(data, measured["workloads"])
    for workload in WORKLOADS:
        if workload.name in measured["workloads"]:
            text += section(workload, data, measured["workloads"][workload.name], plots)
    text += contenders_table(measured)
    (out / "benchmarks.md").write_text(text)


def disturbance(workloads: dict[str, Any]) -> dict[str, str]:
    """How much of the processors other programs had."""
    shares = [sample["others"] for run in workloads.values() for by_x in run["samples"].values()
              for samples in by_x.values() for sample in samples]
    return {"others": f"{median(shares or [0]):.0%}", "others_most": f"{max(shares or [0]):.0%}"}


def programs(names: dict[str, str]) -> str:
    """Of what no contender is: the languages, and nginx."""
    return ", ".join(f"{name} {names[name]}" for name in ("resilicache", "Go", "Python", "nginx") if name in names)


def spread(values: list[float], form: str, unit: str = "") -> str:
    if not values:
        return ""
    middle = form.format(median(values))
    if len(values) == 1:
        return middle + unit
    return f"{middle}{unit} ({form.format(min(values))}–{form.format(max(values))})"


# ---- targets


def targets_table(data: Measured, run: dict[str, Any]) -> str:
    lines = [
        "## Targets\n",
        "By cost: what a ratio of rates would be where each had all processors to itself and used them up. It is the",
        "ratio of the processor time, of client and server together, that they take for the same. What keeps those",
        "that are not met from it is in [performance.md](performance.md).\n",
        "| what | against | target | measured | by cost | met |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    lines += [target_line(target, data) for target in TARGETS if target.workload in run]
    return "\n".join(lines) + "\n\n"


def target_line(target: Target, data: Measured) -> str:
    sign = "≥" if target.least else "≤"
    unit = f" {target.unit}" if target.unit else ""
    wanted = f"{sign} {target.limit:.3g}{unit}"
    values = target.values(data)
    if not values:
        why = data.why_not(target.workload, *target.contenders)
        return f"| {target.what} | {target.against} | {wanted} | not measured: {why} | | – |"
    cost = spread(target.by_cost(data), "{:.2f}", unit) if target.by_cost is not None else ""
    met = "yes" if target.met(median(values)) else "**no**"
    return f"| {target.what} | {target.against} | {wanted} | {spread(values, '{:.2f}', unit)} | {cost} | {met} |"


# ---- workloads


def section(workload: Workload, data: Measured, run: dict[str, Any], plots: Path) -> str:
    text = f"## {workload.title}\n\n{run['at']}.\n\n"
    if workload.note:
        text += f"{workload.note}\n\n"
    if workload.plot:
        name = f"{workload.name}.svg"
        (plots / name).write_text(drawing(workload, data))
        text += f"![{workload.title}: rate and processor time by {workload.axis}](benchmarks/{name})\n\n"
    tables = {"stampede": stampede_table, "entry": entry_table}
    text += tables.get(workload.does, rate_table)(workload, data)
    for kind, words in (("missing", "could not be had here"), ("failed", "broke down")):
        for contender, why in run[kind].items():
            text += f"- {BY_ID[contender].title} {words}: {why}\n"
    return text.rstrip("\n") + "\n\n"


def xs_of(workload: Workload) -> list[int]:
    return sorted({point.x for point in workload.points})


def rows(workload: Workload, data: Measured) -> list[tuple[int, str, list[Sample]]]:
    """Of each x the fastest first; x is told once."""
    found = []
    for x in xs_of(workload):
        here = [(contender, data.samples(workload.name, contender, x)) for contender in workload.contenders]
        there = [(contender, samples) for contender, samples in here if samples]
        found += [(x, *row) for row in sorted(there, key=lambda row: -median([rate(s) for s in row[1]]))]
    return found


def name_of(contender: str) -> str:
    title = BY_ID[contender].title
    return f"**{title}**" if contender.endswith("/" + OURS) else title


def time_us(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def per_second(values: list[float]) -> str:
    if median(values) >= 10000:
        return spread([value / 1000 for value in values], "{:.1f}", " k")
    return spread(values, "{:.0f}")


def rate_table(workload: Workload, data: Measured) -> str:
    one = workload.unit.removesuffix("s")
    lines = [f"| {workload.axis} | | {workload.unit}/s | client µs a {one} | server µs a {one} | p50 µs | p99 µs |",
             "| ---: | --- | ---: | ---: | ---: | ---: | ---: |"]
    before = None
    for x, contender, samples in rows(workload, data):
        tail = [time_us(median([s[name] for s in samples])) if name in samples[0] else ""
                for name in ("p50_us", "p99_us")]
        served = f"{median([server_us(s) for s in samples]):.2f}" if samples[0].get("commands") else ""
        lines.append(f"| {plot.short(x, True) if x != before else ''} | {name_of(contender)} | "
                     f"{per_second([rate(s) for s in samples])} | {median([client_us(s) for s in samples]):.2f} | "
                     f"{served} | {' | '.join(tail)} |")
        before = x
    return "\n".join(lines) + "\n\n"


def stampede_table(workload: Workload, data: Measured) -> str:
    lines = ["| | loads | last caller served after ms | the same callers on a warm key, ms | a lone round trip, ms | "
             "commands a process |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for _, contender, samples in rows(workload, data):
        cells = [spread([s[name] for s in samples], form) for name, form in
                 (("loads", "{:.0f}"), ("last_ms", "{:.1f}"), ("warm_ms", "{:.1f}"), ("round_trip_ms", "{:.3f}"),
                  ("commands_a_process", "{:.1f}"))]
        lines.append(f"| {name_of(contender)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n\n"


def entry_table(workload: Workload, data: Measured) -> str:
    xs = xs_of(workload)
    lines = ["| | " + " | ".join(f"{x} B" for x in xs) + " |", "| --- |" + " ---: |" * len(xs)]
    for contender in workload.contenders:
        cells = [spread([s["bytes"] for s in data.samples(workload.name, contender, x)], "{:.0f}") for x in xs]
        lines.append(f"| {name_of(contender)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n\n"


def drawing(workload: Workload, data: Measured) -> str:
    """Those that are measured along the whole axis."""
    whole = [c for c in workload.contenders if all(data.samples(workload.name, c, x) for x in xs_of(workload))]

    def series(quantity: Any) -> plot.Series:
        return {BY_ID[contender].title: [(x, median([quantity(s) for s in data.samples(workload.name, contender, x)]))
                                         for x in xs_of(workload)] for contender in whole}

    one = workload.unit.removesuffix("s")
    return plot.chart([
        plot.Panel(f"{workload.unit} a second", workload.axis, series(rate)),
        plot.Panel(f"processor time a {one}, client and server, µs", workload.axis, series(cost_us)),
    ])


# ---- contenders


def contenders_table(measured: dict[str, Any]) -> str:
    used = {name for run in measured["workloads"].values() for kind in ("samples", "missing", "failed")
            for name in run[kind]}
    lines = ["## Contenders\n", "| | version | as used here |", "| --- | --- | --- |"]
    for contender in BY_ID.values():
        if contender.id in used:
            version = measured["versions"].get(contender.version_of, "").removeprefix("v")
            version = "its repository's" if version == "0.0.0" else version
            lines.append(f"| {name_of(contender.id)} | {version} | {contender.used} |")
    return "\n".join(lines) + "\n"
