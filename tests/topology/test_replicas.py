"""Reading from a cluster's replicas, where that is wanted and harmless."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import resilicache

from servers import Cluster, Server
from servers.client import until

KEYS = [f"user:{number}" for number in range(60)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    running = Cluster("redis7")
    # A replica is told of once it has told the others how far it has come.
    until(lambda: all(len(entry) > 3 for entry in running.nodes[0].ask("CLUSTER", "SLOTS")), "replicas are told of")
    yield running
    running.stop()


def looks(nodes: list[Server]) -> int:
    """How often they were read from."""
    counts = [re.search(rb"cmdstat_get:calls=(\d+)", node.ask("INFO", "commandstats")) for node in nodes]
    return sum(int(count[1]) for count in counts if count)


def read_all(cache: resilicache.Cache, strong: bool) -> set[bytes | None]:
    return {cache.fetch(key, ttl=100, strong=strong, loader=lambda: b"loaded") for key in KEYS}


def test_eventual_fetches_go_to_replicas_and_strong_ones_never(cluster: Cluster) -> None:
    with resilicache.Cache(cluster.url, replica_reads=True, op_timeout="5s") as cache:
        for key in KEYS:
            cache.set(key, b"stored", ttl=100)
        for replica in cluster.replicas:
            until(lambda replica=replica: replica.ask("DBSIZE") > 0, "replicas have the keys")
        until(lambda: read_all(cache, strong=False) == {b"stored"}, "all is replicated")
        primaries, replicas = looks(cluster.primaries), looks(cluster.replicas)
        assert read_all(cache, strong=False) == {b"stored"}
        assert (looks(cluster.primaries) - primaries, looks(cluster.replicas) - replicas) == (0, len(KEYS))
        assert read_all(cache, strong=True) == {b"stored"}
        assert (looks(cluster.primaries) - primaries, looks(cluster.replicas) - replicas) == (len(KEYS), len(KEYS))


def test_a_replica_that_is_away_holds_nobody_up(cluster: Cluster) -> None:
    with resilicache.Cache(cluster.url, replica_reads=True, op_timeout="5s") as cache:
        for key in KEYS:
            cache.set(key, b"stored", ttl=100)
        for replica in cluster.replicas:
            replica.kill()
        assert read_all(cache, strong=False) == {b"stored"}
