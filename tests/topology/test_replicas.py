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
    # Each node learns that by itself, and a cache may ask any.
    for node in running.nodes:
        told = lambda node=node: all(len(entry) > 3 for entry in node.ask("CLUSTER", "SLOTS"))  # noqa: E731
        until(told, "replicas are told of")
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


@pytest.mark.parametrize("replica_reads", [True, False])
def test_all_agree_on_what_is_fresh_after_a_replica_has_become_the_primary(
    cluster: Cluster, replica_reads: bool
) -> None:
    """Also those whose connections are from before: a cluster doesn't close them."""
    loads = 0

    def load() -> bytes:
        nonlocal loads
        loads += 1
        return b"loaded"

    def fetch_all(cache: resilicache.Cache) -> int:
        before = loads
        for key in KEYS:
            cache.fetch(key, ttl=100, strong=True, loader=load)
        return loads - before

    with resilicache.Cache(cluster.url, replica_reads=replica_reads, op_timeout="5s") as old:
        read_all(old, strong=False)
        fetch_all(old)
        for primary in cluster.primaries:
            cluster.failover(primary)
        with resilicache.Cache(cluster.url, op_timeout="5s") as new:
            for cache in (old, new):
                fetch_all(cache)
            assert [fetch_all(cache) for cache in (old, new, old, new)] == [0, 0, 0, 0]


def test_a_replica_that_has_become_the_primary_is_noticed_by_the_next_look_at_the_map(cluster: Cluster) -> None:
    """Who reads nothing but replicas has nothing else that tells of it: until then he takes for fresh what is there."""
    key, row = KEYS[0], b"old"
    options = {"op_timeout": "5s", "topology_refresh": "1s", "delay": "500ms"}
    with resilicache.Cache(cluster.url, replica_reads=True, **options) as cache:

        def fetch() -> bytes | None:
            return cache.fetch(key, ttl=100, loader=lambda: row)

        cache.delete(key)
        assert cache.fetch(key, ttl=100, strong=True, loader=lambda: row) == b"old"
        old = cluster.primary_of(key)
        (new,) = cluster.replicas_of(old)
        until(lambda: fetch() == b"old", "the replica has it")
        entry = old.ask("DUMP", key)
        row = b"new"
        old.kill()
        until(lambda: cluster.replaced(old), "the replica takes over", 60)
        new.ask("RESTORE", key, 100_000, entry, "REPLACE")  # as if an invalidation had not arrived there
        until(lambda: fetch() == b"new", "the new value comes")
        old.restart()
        cluster.await_settled()


def test_a_replica_that_is_away_holds_nobody_up(cluster: Cluster) -> None:
    with resilicache.Cache(cluster.url, replica_reads=True, op_timeout="5s") as cache:
        for key in KEYS:
            cache.set(key, b"stored", ttl=100)
        for replica in cluster.replicas:
            replica.kill()
        assert read_all(cache, strong=False) == {b"stored"}
