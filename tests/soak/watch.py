"""Memory and descriptors of processes, from when they are warm until the end."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

EVERY_S = 0.5
MEGABYTE = 1 << 20
GROWTH = 1.1  # what may come of fragmentation
GROWTH_MIN = 24 * MEGABYTE
DESCRIPTORS_MORE = 16  # connections that are down at one time, and up at another


@dataclass
class Samples:
    """The most in each quarter of the run: memory in use goes up and down."""

    memory: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def most(self, values: list[int], quarter: int) -> int:
        size = max(1, len(values) // 4)
        return max(values[quarter * size : (quarter + 1) * size] or [0])

    def findings(self, name: str) -> list[str]:
        then, now = self.most(self.memory, 1), self.most(self.memory, 3)
        found = []
        if now > max(then * GROWTH, then + GROWTH_MIN):
            found.append(f"{name} grew from {then // MEGABYTE} to {now // MEGABYTE} MB")
        then, now = self.most(self.descriptors, 1), self.most(self.descriptors, 3)
        if now > then + DESCRIPTORS_MORE:
            found.append(f"{name} went from {then} to {now} descriptors")
        return found

    def __str__(self) -> str:
        memory = " ".join(str(self.most(self.memory, quarter) // MEGABYTE) for quarter in range(4))
        descriptors = " ".join(str(self.most(self.descriptors, quarter)) for quarter in range(4))
        return f"{memory} MB, {descriptors} descriptors"


class Watch:
    """From its making until stop(); `processes` by their names."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._processes = processes
        self.samples = {name: Samples() for name in processes}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            for name, pid in self._processes.items():
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                self.samples[name].memory.append(pages * os.sysconf("SC_PAGE_SIZE"))
                self.samples[name].descriptors.append(len(os.listdir(f"/proc/{pid}/fd")))

    def stop(self) -> list[str]:
        self._stopping.set()
        self._thread.join()
        return [finding for name, samples in self.samples.items() for finding in samples.findings(name)]


