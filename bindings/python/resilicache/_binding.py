"""Chooses the binding: `c`, a module with the functions of `_cffi`.  RESILICACHE_BINDING names it.

Each binding has the C library within, so that two in one process are two libraries: hence one, for good.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

CHOICES = ("cffi", "swig")
VARIABLE = "RESILICACHE_BINDING"


def _chosen() -> str:
    name = os.environ.get(VARIABLE, CHOICES[0])
    if name not in CHOICES:
        raise ImportError(f"{VARIABLE}={name!r} is no binding: unset it, or set it to one of {', '.join(CHOICES)}")
    return name


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(f"._{name}", __package__)
    except ImportError as error:
        others = " or ".join(repr(other) for other in CHOICES if other != name)
        raise ImportError(
            f"the binding {name!r} can't be loaded: {error}.  Install the package again, or set {VARIABLE} to {others}"
        ) from error


binding = _chosen()
c = _imported(binding)
