"""Clusters and sentinel sets under load: slots move, primaries fall and are replaced, nodes come and go.

No call may fail but from when a primary falls until there is another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from load.conftest import KEYS, SAME_SLOT, Load, go_on
from load.truth import Truth
from servers import Certificates, Cluster, SentinelSet, SlotMove, until

ROUNDS = 3


def on(*kinds: str) -> pytest.MarkDecorator:
    """Of which kind the servers are.  That each kind can be served, other tests have shown."""
    return pytest.mark.parametrize("kind", kinds)


@pytest.fixture
def cluster(kind: str) -> Iterator[Cluster]:
    formed = Cluster(kind)
    yield formed
    formed.stop()


@pytest.fixture
def sentinels(kind: str) -> Iterator[SentinelSet]:
    started = SentinelSet(kind)
    yield started
    started.stop()


def move_back_and_forth(cluster: Cluster, load: Load, atomic: bool) -> None:
    truth = load(cluster.url)
    go_on(truth)
    for key in KEYS[:ROUNDS]:
        slot, old = cluster.slot_of(key), cluster.primary_of(key)
        for owner in [node for node in cluster.primaries if node is not old] + [old]:
            cluster.move_slot(slot, owner, atomic=atomic)
            go_on(truth, 50)
    go_on(truth)


@on("redis7")
def test_slots_move_back_and_forth(cluster: Cluster, load: Load) -> None:
    move_back_and_forth(cluster, load, atomic=False)


@on("valkey9")
def test_slots_move_atomically(cluster: Cluster, load: Load) -> None:
    move_back_and_forth(cluster, load, atomic=True)


@on("redis7", "redis62")
def test_a_slot_stays_between_two_nodes(cluster: Cluster, load: Load) -> None:
    truth = load(cluster.url)
    go_on(truth)
    slot = cluster.slot_of(SAME_SLOT[0])
    for owner in [node for node in cluster.primaries if node is not cluster.primary_of(slot)]:
        move = SlotMove(cluster, slot, owner)
        move.begin()
        go_on(truth)
        for _ in SAME_SLOT[1:]:
            move.move_keys(1)
            go_on(truth, 200)
        move.finish()
    go_on(truth)


@on("redis7", "valkey9")
def test_a_primary_of_a_cluster_is_killed(cluster: Cluster, load: Load) -> None:
    kill_twice(cluster, load(cluster.url))


def kill_twice(cluster: Cluster, truth: Truth) -> None:
    for _ in range(2):
        go_on(truth)
        old = cluster.primary_of(KEYS[0])
        with truth.outage(f"primary on port {old.port} killed"):
            old.kill()
            cluster.await_settled()
        go_on(truth)
        old.restart()
        cluster.await_settled()
    go_on(truth)


@on("valkey9")
def test_a_primary_that_was_replaced_wakes_up(cluster: Cluster, load: Load) -> None:
    truth = load(cluster.url)
    go_on(truth)
    old = cluster.primary_of(KEYS[0])
    with truth.outage(f"primary on port {old.port} stands still, and wakes up when it is none any more", split=True):
        old.pause()
        until(lambda: cluster.replaced(old), "a replica takes over", 60)
        go_on(truth)
        old.resume()
        cluster.await_settled()
    go_on(truth)


@on("redis7")
def test_what_a_replica_has_confirmed_is_not_forgotten(cluster: Cluster, load: Load) -> None:
    """Though nothing is loaded anew after the failover.  As long as a replica is missing, nothing is confirmed."""
    truth = load(f"{cluster.url}?failover=trust&wait_replicas=1", monotonic=False)
    go_on(truth)
    old = cluster.primary_of(KEYS[0])
    with truth.outage(f"primary on port {old.port} killed"):
        old.kill()
        cluster.await_settled()
        go_on(truth)
        old.restart()
        cluster.await_settled()
    go_on(truth)


@on("valkey9")
def test_replicas_are_read(cluster: Cluster, load: Load) -> None:
    truth = load(f"{cluster.url}?replica_reads=yes")
    kill_twice(cluster, truth)


@on("valkey9")
def test_a_replica_of_a_cluster_takes_over(cluster: Cluster, load: Load) -> None:
    truth = load(cluster.url)
    go_on(truth)
    for primary in cluster.primaries:
        cluster.failover(primary)
        go_on(truth)


@on("redis7")
def test_a_node_comes_and_goes(cluster: Cluster, load: Load) -> None:
    truth = load(cluster.url)
    go_on(truth)
    node = cluster.add_node()
    slots = {cluster.slot_of(key): cluster.primary_of(key) for key in KEYS[:ROUNDS]}
    for slot in slots:
        cluster.move_slot(slot, node)
    go_on(truth)
    for slot, owner in slots.items():
        cluster.move_slot(slot, owner)
    cluster.remove_node(node)
    go_on(truth)


@on("redis7", "valkey9")
def test_a_watched_primary_is_killed(sentinels: SentinelSet, load: Load) -> None:
    truth = load(sentinels.url)
    for _ in range(2):
        go_on(truth)
        old = sentinels.primary
        with truth.outage(f"primary on port {old.port} killed"):
            old.kill()
            sentinels.await_failover(old)
        go_on(truth)
        old.restart()
        sentinels.await_settled()
    go_on(truth)


@pytest.fixture
def tls_cluster() -> Iterator[tuple[Cluster, str]]:
    """And the authority that vouches for it."""
    certificates = Certificates()
    formed = Cluster("redis7", tls=certificates, password="secret")
    yield formed, certificates.authority
    formed.stop()
    certificates.remove()


def test_a_primary_of_a_cluster_is_killed_with_tls(tls_cluster: tuple[Cluster, str], load: Load) -> None:
    cluster, authority = tls_cluster
    kill_twice(cluster, load(f"{cluster.url}?tls_ca_file={authority}"))


@on("redis7")
def test_a_sentinel_is_killed(sentinels: SentinelSet, load: Load) -> None:
    truth = load(sentinels.url)
    go_on(truth)
    sentinels.sentinels[0].kill()
    go_on(truth)
    old = sentinels.primary
    with truth.outage(f"primary on port {old.port} killed, with a sentinel less"):
        old.kill()
        sentinels.await_failover(old)
    go_on(truth)
