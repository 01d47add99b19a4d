"""Every counter is explained, and none that there isn't."""

from __future__ import annotations

import re

import pytest

from builds import ROOT

resilicache = pytest.importorskip("resilicache")


def test_each_is_in_the_page() -> None:
    with resilicache.Cache("memory://") as cache:
        names = set(cache.stats())
    explained = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/counters.md").read_text(), re.M)
    assert len(explained) == len(set(explained))
    assert set(explained) == names
