"""What servers did and what it cost them, between two looks; and what other programs took of the machine meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

OWN = {"info", "config|resetstat", "config"}
"""Commands of the looks themselves."""

Sample = dict[str, Any]


class Watch:
    def __init__(self, servers: list[Any]) -> None:
        self._servers = servers
        for server in servers:
            server.ask("CONFIG", "RESETSTAT")
        self._cpu_s = self._servers_cpu_s()
        self._begin, self._busy_s = time.perf_counter(), busy_s()

    def _servers_cpu_s(self) -> float:
        return sum(
            float(fields["used_cpu_sys"]) + float(fields["used_cpu_user"])
            for fields in (info(server, "cpu") for server in self._servers)
        )

    def told(self, sample: Sample) -> Sample:
        """The sample, and beside it the servers' processor time and commands, and the share of the others."""
        seconds, busy = time.perf_counter() - self._begin, busy_s() - self._busy_s
        server_s = self._servers_cpu_s() - self._cpu_s
        calls, microseconds = 0, 0
        for server in self._servers:
            for name, text in info(server, "commandstats").items():
                values = dict(pair.split("=") for pair in text.split(","))
                if name.removeprefix("cmdstat_") not in OWN:
                    calls += int(values["calls"])
                    microseconds += int(values["usec"])
        others_s = busy - server_s - sample["user"] - sample["system"] - sample.pop("helper_s", 0)
        others = max(0.0, others_s / seconds / (os.cpu_count() or 1))
        served = {"server_s": server_s, "commands": calls, "commands_s": microseconds / 1e6}
        return sample | {"others": others} | (served if self._servers else {})


def busy_s() -> float:
    """Of all processors, by all programs, since the machine's start."""
    user, nice, system, _, _, irq, softirq, steal, *_ = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    ticks = sum(map(int, (user, nice, system, irq, softirq, steal)))
    return ticks / os.sysconf("SC_CLK_TCK")


def info(server: Any, section: str) -> dict[str, str]:
    lines = server.ask("INFO", section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
