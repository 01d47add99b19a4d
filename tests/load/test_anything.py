"""Whatever may happen to a cluster, in an order that a seed decides: RCACHE_TEST_SEED repeats it, RCACHE_TEST_SECONDS
says how long it goes on."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from load.conftest import KEYS, Load, go_on
from load.truth import Truth
from servers import Cluster, SlotMove

SECONDS = float(os.environ.get("RCACHE_TEST_SECONDS", "10"))
CALLS_BETWEEN = 100


@pytest.fixture(params=["redis7", "valkey9"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    formed = Cluster(request.param)
    yield formed
    formed.stop()


class Events:
    def __init__(self, cluster: Cluster, truth: Truth, seed: int) -> None:
        self.cluster, self.truth, self.chance = cluster, truth, random.Random(seed)

    def _slot_and_owner(self) -> SlotMove:
        slot = self.cluster.slot_of(self.chance.choice(KEYS))
        others = [node for node in self.cluster.primaries if node is not self.cluster.primary_of(slot)]
        return SlotMove(self.cluster, slot, self.chance.choice(others))

    def slot_moves(self) -> None:
        move = self._slot_and_owner()
        atomic = self.cluster.kind == "valkey9" and self.chance.random() < 0.5
        self.cluster.move_slot(move.slot, move.to, atomic)

    def slot_stays_between(self) -> None:
        move = self._slot_and_owner()
        move.begin()
        while move.move_keys(1):
            go_on(self.truth, 20)
        go_on(self.truth, CALLS_BETWEEN)
        move.finish()

    def replica_takes_over(self) -> None:
        self.cluster.failover(self.chance.choice(self.cluster.primaries))

    def primary_is_killed(self) -> None:
        old = self.chance.choice([node for node in self.cluster.primaries if self.cluster.replicas_of(node)])
        with self.truth.outage(f"primary on port {old.port} killed"):
            old.kill()
            self.cluster.await_settled()
        go_on(self.truth, CALLS_BETWEEN)
        old.restart()
        self.cluster.await_settled()

    def replica_is_killed(self) -> None:
        replica = self.chance.choice(self.cluster.replicas)
        replica.kill()
        go_on(self.truth, CALLS_BETWEEN)
        replica.restart()
        self.cluster.await_settled()

    def connections_are_closed(self) -> None:
        self.chance.choice(self.cluster.alive).ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def scripts_are_forgotten(self) -> None:
        for node in self.cluster.primaries:
            node.ask("SCRIPT", "FLUSH")

    def keys_are_lost(self) -> None:
        self.chance.choice(self.cluster.primaries).ask("FLUSHALL")

    def one(self) -> str:
        event = self.chance.choice([name for name in vars(Events) if name != "one" and not name.startswith("_")])
        begin = self.truth.clock()
        getattr(self, event)()
        return f"{event}, from {begin} to {self.truth.clock()}"


def test_anything_happens(cluster: Cluster, load: Load) -> None:
    seed = int(os.environ.get("RCACHE_TEST_SEED", random.randrange(1 << 32)))
    truth = load(cluster.url)
    events = Events(cluster, truth, seed)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        print(f"RCACHE_TEST_SEED={seed}: {events.one()}")
        go_on(truth, CALLS_BETWEEN)
