"""Chooses the binding: a module with the functions of `_cffi`.  RESILICACHE_BINDING names it."""

from __future__ import annotations

import os

_chosen = os.environ.get("RESILICACHE_BINDING", "cffi")
if _chosen != "cffi":
    raise ImportError(f"RESILICACHE_BINDING={_chosen!r} is no binding of this build: unset it, or set it to 'cffi'")

from . import _cffi as native  # noqa: E402

__all__ = ["native"]
