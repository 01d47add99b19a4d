"""Which process this is: 0, and one more after each fork on the way here.  Handles remember theirs."""

from __future__ import annotations

import os
import threading

generation = 0
reopening = threading.Lock()
"""Held by the one thread of a child process that opens a cache anew."""


def _forked() -> None:
    """Runs in the child, while it has only one thread."""
    global generation, reopening
    generation += 1
    reopening = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
