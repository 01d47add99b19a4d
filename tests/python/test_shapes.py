"""Typed caches, and functions whose results are cached."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle

import pytest

from resilicache import AsyncCache, Cache


def test_typed_json(cache: Cache) -> None:
    users = cache.typed(json)
    assert users.fetch("u", 10, lambda: {"name": "Ж"}) == {"name": "Ж"}
    assert users.get("u") == {"name": "Ж"}
    assert json.loads(cache.get("u") or b"") == {"name": "Ж"}
    users.set("u", [1, 2], 10)
    assert users.raw_get("u") == [1, 2]
    users.raw_set("u", "raw", 10)
    assert users.get("u") == "raw"
    users.invalidate("u")
    assert users.fetch("u", 10, lambda: 7, strong=True) == 7
    assert users.delete("u") == 1
    assert users.get("u") is None
    assert users.fetch("nobody", 10, lambda: None) is None
    with users.lock_for_update("u"):
        pass


@pytest.mark.parametrize("value", [False, 0, "", [], {}])
def test_typed_values_that_are_false_are_values(cache: Cache, value: object) -> None:
    typed = cache.typed(pickle)
    assert typed.fetch("k", 10, lambda: value) == value
    assert typed.fetch("k", 10, lambda: pytest.fail("it is there")) == value


def test_typed_by_a_pair_of_functions(cache: Cache) -> None:
    for numbers in (cache.typed(str, int), cache.typed((str, int))):
        assert numbers.fetch("n", 10, lambda: 42) == 42
    assert cache.get("n") == b"42"


def test_typed_batch(cache: Cache) -> None:
    numbers = cache.typed(json)
    assert numbers.fetch_batch(["a", "b"], 10, lambda missing: {"a": 1, "b": None}) == {"a": 1, "b": None}


def test_typed_loader_exceptions_are_their_own(cache: Cache) -> None:
    with pytest.raises(ZeroDivisionError):
        cache.typed(json).fetch("k", 10, lambda: 1 // 0)


def test_cached_function(cache: Cache) -> None:
    calls = []

    @cache.cached("user:{id}:{lang}", ttl=60, strong=True)
    def user(id: int, lang: str = "en") -> bytes:
        """Reads a user."""
        calls.append(id)
        return f"{id} {lang}".encode()

    assert user(7) == user(id=7) == user(7, "en") == user(7, lang="en") == b"7 en"
    assert calls == [7]
    assert user(7, "de") == b"7 de"
    assert user.key(7) == "user:7:en"
    assert cache.get("user:7:en") == b"7 en"
    user.invalidate(7)
    assert user(7) == b"7 en"
    assert calls == [7, 7, 7]
    assert (user.__name__, user.__doc__) == ("user", "Reads a user.")
    assert user.__wrapped__(8) == b"8 en"


def test_cached_method(cache: Cache) -> None:
    class Repository:
        region = "eu"

        @cache.cached("{self.region}:{id:04d}", ttl=60)
        def user(self, id: int) -> bytes:
            return b"%d" % id

    repository = Repository()
    assert repository.user(7) == b"7"
    assert cache.get("eu:0007") == b"7"
    repository.user.invalidate(repository, 7)


def test_cached_typed_function(cache: Cache) -> None:
    @cache.typed(json).cached("square:{n}", ttl=60)
    def square(n: int) -> int:
        return n * n

    assert square(12) == square(12) == 144
    with pytest.raises(TypeError):
        square()


def test_cached_with_collected_arguments(cache: Cache) -> None:
    @cache.cached("sum:{numbers}", ttl=60)
    def total(*numbers: int, **ignored: int) -> bytes:
        return b"%d" % sum(numbers)

    assert total(1, 2) == b"3"
    assert total.key(1, 2) == "sum:(1, 2)"


def test_the_asynchronous_cache_has_what_the_other_has(cache: Cache) -> None:
    asynchronous = AsyncCache()
    for one, other in ((cache, asynchronous), (cache.typed(json), asynchronous.typed(json))):
        assert {name for name in dir(one) if name[0] != "_"} <= {name for name in dir(other) if name[0] != "_"}
    asynchronous.close()


def test_cached_coroutine_function(url: str) -> None:
    async def main() -> None:
        async with AsyncCache(url) as cache:
            calls = []

            @cache.cached("user:{id}:{lang}", ttl=60, strong=True)
            async def user(id: int, lang: str = "en") -> bytes:
                """Reads a user."""
                await asyncio.sleep(0)
                calls.append(id)
                return f"{id} {lang}".encode()

            assert await user(7) == await user(id=7) == await user(7, "en") == await user(7, lang="en") == b"7 en"
            assert calls == [7]
            assert await asyncio.gather(*(user(8) for _ in range(10))) == [b"8 en"] * 10 and calls == [7, 8]
            assert user.key(7) == "user:7:en" and await cache.get("user:7:en") == b"7 en"
            await user.invalidate(7)
            assert await user(7) == b"7 en" and calls == [7, 8, 7]
            assert inspect.iscoroutinefunction(user)
            assert (user.__name__, user.__doc__) == ("user", "Reads a user.")
            assert await user.__wrapped__(9) == b"9 en"
            with pytest.raises(TypeError):
                await user()

    asyncio.run(main())


def test_cached_by_the_asynchronous_cache_and_no_coroutine_function(url: str) -> None:
    async def main() -> None:
        async with AsyncCache(url) as cache:

            @cache.typed(json).cached("square:{n}", ttl=60)
            def square(n: int) -> int:
                return n * n

            assert await square(12) == await square(n=12) == 144

    asyncio.run(main())


def test_what_is_wrong_with_an_asynchronous_decorator_is_told() -> None:
    cache = AsyncCache()
    with pytest.raises(ValueError, match="no parameter"):
        cache.cached("user:{name}", ttl=1)(lambda id: b"")
    with pytest.raises(ValueError, match="ttl"):
        cache.cached("user:{id}", ttl=0)
    cache.close()
