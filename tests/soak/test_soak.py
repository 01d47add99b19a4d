"""The soak itself, in short: it ends well, and where invalidations do nothing it doesn't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from servers import binary

pytest.importorskip("resilicache")


def soak(*arguments: str) -> subprocess.CompletedProcess[str]:
    binary("redis7")
    command = [sys.executable, str(Path(__file__).parent), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    print(done.stdout, done.stderr)
    return done


def test_a_short_soak() -> None:
    done = soak("--seconds", "20")
    assert done.returncode == 0
    assert "All as it should be." in done.stdout


def test_invalidations_that_do_nothing_are_noticed() -> None:
    done = soak("--seconds", "20", "--options", "disable_cache_delete=yes")
    assert done.returncode == 1
    assert "it had to be" in done.stderr
