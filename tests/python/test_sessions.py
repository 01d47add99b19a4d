"""Sessions: a cache sees what it has written, and what a token tells of."""

from __future__ import annotations

import asyncio

import pytest

import resilicache
from resilicache import AsyncCache, Cache

OPTIONS = {"session_consistency": True, "delay": 60}


def test_who_has_invalidated_reads_what_was_written(url: str) -> None:
    with Cache(url, **OPTIONS) as cache:
        assert cache.fetch("k", 10, lambda: b"v1") == b"v1"
        cache.invalidate("k")
        assert cache.fetch("k", 10, lambda: b"v2") == b"v2"


def test_a_token_takes_it_along(shared_url: str) -> None:
    with Cache(shared_url, **OPTIONS) as writer, Cache(shared_url, **OPTIONS) as reader:
        writer.fetch("k", 10, lambda: b"v1")
        writer.invalidate("k")
        reader.join_session(writer.session_token())
        assert reader.fetch("k", 10, lambda: b"v2") == b"v2"


def test_awaited_it_is_the_same(shared_url: str) -> None:
    async def main() -> None:
        async with AsyncCache(shared_url, **OPTIONS) as writer, AsyncCache(shared_url, **OPTIONS) as reader:
            await writer.fetch("k", 10, lambda: b"v1")
            await writer.invalidate("k")
            assert await writer.fetch("k", 10, lambda: b"v2") == b"v2"
            await writer.invalidate("k")
            reader.join_session(writer.session_token())
            assert await reader.fetch("k", 10, lambda: b"v3") == b"v3"

    asyncio.run(main())


def test_what_is_no_token_is_told(url: str) -> None:
    with Cache(url) as cache, pytest.raises(resilicache.MisuseError):
        cache.session_token()
    with Cache(url, **OPTIONS) as cache:
        with pytest.raises(resilicache.InvalidError):
            cache.join_session("s0-")
        with pytest.raises(TypeError):
            cache.join_session(b"s1-")  # type: ignore[arg-type]
    with pytest.raises(resilicache.InvalidError, match="replica_reads"):
        Cache("redis+cluster://localhost", session_consistency=True, replica_reads=True)
