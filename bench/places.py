"""Where things are, and running what has to succeed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
BUILD = ROOT / "build/bench"
PREFIX = BUILD / "prefix"
SOURCES = BUILD / "sources"
"""Peers that the registries don't have may be laid here by hand; README.md has their names."""

sys.path.insert(0, str(ROOT / "tests"))  # its servers


class Failed(Exception):
    """A command did not succeed; the message ends with what it printed last."""


def run(*command: str | Path, cwd: Path = ROOT, seconds: float = 900, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-2000:]
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{said}")
    return done.stdout
