"""The benchmark, for some milliseconds a sample: that it runs, not what it finds."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from builds import ROOT
from servers import binary

CONTENDERS = ["c/resilicache", "c/hiredis"]


@pytest.fixture(scope="module", name="out")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary("redis7")
    out = tmp_path_factory.mktemp("bench")
    words = ["--only", "c-hits", "--rounds", "2", "--seconds", "0.02", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, ROOT / "bench", *words, "--contenders", *CONTENDERS],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_each_contender_has_a_sample_of_each_round(out: Path) -> None:
    samples = json.loads((out / "benchmarks.json").read_text())["workloads"]["c-hits"]["samples"]
    assert sorted(samples) == sorted(CONTENDERS)
    for contender, by_callers in samples.items():
        shares = contender.endswith("/resilicache")  # of those who ask at once, one asks the server
        assert list(by_callers) == ["1", "4", "16", "64", "256", "1024"]
        for rounds in by_callers.values():
            assert len(rounds) == 2
            for sample in rounds:
                assert sample["ops"] > 0 and sample["seconds"] > 0
                assert sample["commands"] >= (1 if shares else sample["ops"]), "each hit asks the server"


def test_the_document_has_a_table_of_targets_and_rows(out: Path) -> None:
    text = (out / "benchmarks.md").read_text()
    number = r"\d+\.\d\d × \(.*\)"
    row = rf"\| C hits, 64 threads \| blocking hiredis GET \| ≥ 2 × \| {number} \| {number} \| (yes|\*\*no\*\*) \|"
    assert re.search(row, text)
    assert "| 1 | " in text and "**resilicache, C** | " in text
    assert "nan" not in text


def test_the_plot_has_a_line_for_each_contender(out: Path) -> None:
    (picture,) = (out / "benchmarks").glob("*.svg")
    lines = ET.parse(picture).getroot().iter("{http://www.w3.org/2000/svg}polyline")
    assert len(list(lines)) == 2 * len(CONTENDERS), "in both panels"


def test_every_peer_pays_its_rent() -> None:
    contenders = runpy.run_path(str(ROOT / "bench/contenders.py"))["ALL"]
    dependencies = (ROOT / "CONTRIBUTING.md").read_text()
    ours = {"resilicache", "cffi", "nginx"}  # or in the table for another reason
    peers = {contender.title.split()[0].strip(",") for contender in contenders if contender.version_of not in ours}
    assert [peer for peer in sorted(peers) if peer not in dependencies] == []
