"""An address that leads to another server once that one is the primary, as a service's name does after a failover,
while connections to the old one stand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.proxy import Proxy
from servers import Replicated, until

resilicache = pytest.importorskip("resilicache")


@pytest.fixture
def pair() -> Iterator[Replicated]:
    started = Replicated("redis7")
    yield started
    started.stop()


def swap(pair: Replicated, proxy: Proxy) -> None:
    """The old primary follows the new one, and says so to who writes."""
    old, new = pair.nodes
    new.ask("REPLICAOF", "NO", "ONE")
    old.ask("REPLICAOF", "127.0.0.1", str(new.port))
    until(lambda: b"master_link_status:up" in old.ask("INFO", "replication"), "the old primary follows the new one")
    proxy.lead_to(new.port)


def test_who_is_told_that_it_is_a_replica_asks_for_the_address_again(pair: Replicated) -> None:
    with Proxy(pair.primary.port) as proxy, resilicache.Cache(proxy.url, op_timeout="5s") as cache:
        cache.set("user:1", b"before", ttl=100)
        swap(pair, proxy)
        cache.set("user:1", b"after", ttl=100)
        assert cache.fetch("user:1", 100, lambda: b"loaded", strong=True) == b"after"
        assert cache.invalidate("user:1") is None
        assert cache.fetch("user:1", 100, lambda: b"loaded", strong=True) == b"loaded"
        assert cache.stats()["invalidations_queued"] == 0


def test_where_it_leads_to_a_replica_calls_fail_and_say_so(pair: Replicated) -> None:
    with resilicache.Cache(pair.replicas[0].url, op_timeout="5s", deadline="5s") as cache:
        with pytest.raises(resilicache.UnavailableError, match="READONLY"):
            cache.set("user:1", b"value", ttl=100)
