"""Faults side by side: that the judge finds what is wrong, and that a fault runs and is told of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from builds import ROOT
from servers import binary

sys.path.append(str(ROOT / "bench/faults"))

from judge import Record, figures  # noqa: E402

BEFORE, BEGIN, END = 9.0, 10.0, 13.0


def judged(bound_s: float = 0.0, **record: Any) -> dict[str, Any]:
    return figures(Record(**record), bound_s, BEFORE, BEGIN, END)


def test_what_was_invalidated_before_a_fetch_began_is_wrong_past_the_bound() -> None:
    record = {
        "writes": [(10.9, 11.0, 1, 5, True), (11.4, 11.5, 1, 6, True)],
        "reads": [(10.95, 11.2, 1, 4), (11.1, 11.2, 1, 4), (11.6, 11.7, 1, 5), (11.6, 11.7, 1, 6), (11.6, 11.7, 2, 0)],
    }
    strict = judged(**record)
    assert strict["wrong"] == 2, "neither the fetch from before the acknowledgement, nor the new value, nor another key"
    assert strict["wrong_late_s"] == pytest.approx(0.1)
    assert judged(0.2, **record)["wrong"] == 0
    assert judged(0.2, writes=record["writes"], reads=[(11.3, 11.4, 1, 4)])["wrong"] == 1


def test_an_invalidation_that_failed_makes_no_value_wrong() -> None:
    found = judged(writes=[(10.9, 11.0, 1, 5, False)], reads=[(11.1, 11.2, 1, 4)])
    assert found["wrong"] == 0 and found["writes_failed"] == 1


def test_loads_at_once_are_counted_for_all_keys_and_for_one() -> None:
    found = judged(loads=[(10.1, 10.4, 1), (10.2, 10.3, 2), (10.3, 10.5, 1), (10.5, 10.6, 1), (9.0, 9.9, 1)])
    assert (found["loads"], found["loads_at_once"], found["loads_of_a_key"]) == (4, 2, 2)


@pytest.mark.parametrize(
    ("record", "normal_s"),
    [
        ({"reads": [(14.0, 14.5, 1, -1)]}, 1.5),
        ({"reads": [(9.5, 9.6, 1, 0), (14.0, 14.3, 1, 0)]}, 1.3),
        ({"reads": [(9.5, 9.6, 1, 0), (14.0, 14.15, 1, 0)]}, 0.0),
        ({"loads": [(14.02, 14.03, 1)] * 6}, 1.1),
        ({"loads": [(9.52, 9.53, 1)] + [(14.02, 14.03, 1)] * 6}, 0.0),
    ],
)
def test_what_fails_is_slow_or_crowded_after_the_fault_is_not_well(record: dict[str, Any], normal_s: float) -> None:
    assert judged(**record)["normal_s"] == pytest.approx(normal_s)


def test_a_fault_of_a_second(tmp_path: Path) -> None:
    pytest.importorskip("resilicache")
    binary("redis7")
    contenders = ["blocking/resilicache", "blocking/resilicache-strong"]
    done = subprocess.run(
        [sys.executable, ROOT / "bench/faults", "--only", "killed", "--seconds", "1", "--out", tmp_path, "--contenders",
         *contenders],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "faults.json").read_text())["faults"]["killed"]
    assert list(rows) == contenders
    for row in rows.values():
        assert row["reads"] > 0 and row["writes"] > 0
        assert row["wrong"] == row["wrong_at_the_end"] == 0
        assert row["writes_failed"] > 0, "the server was away"
    eventual, strong = rows.values()
    assert eventual["loads"] > 0, "past the cache"
    assert strong["failed"] > 0, "nor was there anything that a strong fetch could be sure of"
    text = (tmp_path / "faults.md").read_text()
    assert text.count("| **resilicache, Python") == 4, "together, and of the fault"
