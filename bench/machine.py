"""What it ran on, and when."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

from places import run

from servers import binary  # isort: skip  # of tests/, which places.py lets be found


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def describe() -> str:
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    gigabytes = round(int(memory.split()[1]) / (1 << 20))
    name = names[0] if names else platform.machine()
    return f"{os.cpu_count()} cores ({name}), {gigabytes} GiB, Linux {platform.release().split('-')[0]}"


def server_version(kind: str) -> str:
    words = run(binary(kind), "--version").split()
    version = next(word.removeprefix("v=") for word in words if word.startswith("v="))
    return f"{'Valkey' if 'valkey' in kind else 'Redis'} {version}"
