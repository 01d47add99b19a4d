"""A Sentinel's news of a new master reach a cache before anything has failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import resilicache

from servers import SentinelSet
from servers.client import until


@pytest.fixture
def sentinels() -> Iterator[SentinelSet]:
    running = SentinelSet("redis7")
    yield running
    running.stop()


def subscribers(sentinels: SentinelSet) -> int:
    """Clients that listen for new masters; Sentinels listen to one another in another way."""
    return sum(
        line.count(b"sub=1") and line.count(b"resp=3")
        for sentinel in sentinels.sentinels
        for line in sentinel.ask("CLIENT", "LIST").splitlines()
    )


def test_a_cache_listens_and_follows(sentinels: SentinelSet) -> None:
    with resilicache.Cache(sentinels.url, topology_refresh="1h", op_timeout="10s", deadline="20s") as cache:
        cache.set("user:1", b"before", ttl=100)
        until(lambda: subscribers(sentinels) == 1, "the cache listens to one Sentinel")
        old = sentinels.primary
        sentinels.failover()
        until(lambda: sentinels.primary.port != old.port, "there is a new master")
        cache.set("user:1", b"after", ttl=100)
        assert sentinels.primary.ask("GETRANGE", "user:1", 0, 4) == b"after"
