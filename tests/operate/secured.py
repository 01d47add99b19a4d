"""What the tests of operation share."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import resilicache

ROOT = Path(__file__).resolve().parents[2]
PATIENT = {"connect_timeout": "10s", "op_timeout": "10s", "deadline": "20s"}


def refusal(call: Callable[[], Any]) -> resilicache.Error:
    """The error that the call ends with."""
    try:
        value = call()
    except resilicache.Error as error:
        return error
    raise AssertionError(f"it was not refused: {value!r}")


def eventually(call: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What the call returns, once it raises nothing of ours."""
    end = time.monotonic() + seconds
    while True:
        try:
            return call()
        except resilicache.Error:
            if time.monotonic() > end:
                raise
        time.sleep(0.01)
