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


def test_a_token_counts_for_the_fetches_that_it_is_given_to(shared_url: str) -> None:
    with Cache(shared_url, **OPTIONS) as writer, Cache(shared_url, delay=60) as reader:
        typed = reader.typed(lambda value: value, lambda value: value)
        fetches = [
            lambda token: reader.fetch("k", 10, lambda: b"v2", session=token),
            lambda token: reader.fetch_batch(["k"], 10, lambda keys: {"k": b"v2"}, session=token)["k"],
            lambda token: typed.fetch("k", 10, lambda: b"v2", session=token),
            lambda token: typed.fetch_batch(["k"], 10, lambda keys: {"k": b"v2"}, session=token)["k"],
        ]
        for fetch in fetches:
            writer.set("k", b"v1", 10)
            before = writer.session_token()
            writer.invalidate("k")
            writer.lock("k", "writer", lease=60)  # so that nobody loads what is new
            assert fetch(None) == b"v1"
            with pytest.raises(resilicache.TimeoutError):
                reader.fetch("k", 10, lambda: b"v2", session=writer.session_token(), deadline=0.05)
            writer.unlock("k", "writer")
            assert fetch(writer.session_token()) == b"v2"
            assert before != writer.session_token()


def test_awaited_a_token_counts_for_the_fetches_that_it_is_given_to(shared_url: str) -> None:
    async def main() -> None:
        async with AsyncCache(shared_url, **OPTIONS) as writer, AsyncCache(shared_url, delay=60) as reader:
            typed = reader.typed(lambda value: value, lambda value: value)
            fetches = [
                lambda token: reader.fetch("k", 10, lambda: b"v2", session=token),
                lambda token: reader.fetch_batch(["k"], 10, lambda keys: {"k": b"v2"}, session=token),
                lambda token: typed.fetch("k", 10, lambda: b"v2", session=token),
                lambda token: typed.fetch_batch(["k"], 10, lambda keys: {"k": b"v2"}, session=token),
            ]
            for fetch in fetches:
                await writer.set("k", b"v1", 10)
                await writer.invalidate("k")
                await writer.lock("k", "writer", lease=60)
                assert await fetch(None) in (b"v1", {"k": b"v1"})
                await writer.unlock("k", "writer")
                assert await fetch(writer.session_token()) in (b"v2", {"k": b"v2"})

    asyncio.run(main())


@pytest.mark.parametrize("token", ["", "nonsense", "s1-0000000000000000\0", "s1-" + "0" * 5000])
def test_a_fetch_takes_no_other_text_for_a_token(url: str, token: str) -> None:
    with Cache(url) as cache:
        for call in (
            lambda: cache.fetch("k", 10, lambda: b"v", session=token),
            lambda: cache.fetch_batch(["k", "l"], 10, lambda keys: dict.fromkeys(keys, b"v"), session=token),
        ):
            with pytest.raises(resilicache.InvalidError, match="session"):
                call()
        with pytest.raises(TypeError, match="session"):
            cache.fetch("k", 10, lambda: b"v", session=b"s1-")  # type: ignore[arg-type]


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
