"""Clients for asyncio, each as its users would call it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from worker import Miss, Task

TTL = 3600


class Contender:
    def __init__(self, task: Task) -> None:
        self.task = task

    async def open(self) -> None:
        pass

    def store(self) -> Callable[[str, bytes], Awaitable[Any]]:
        raise NotImplementedError

    def hit(self) -> Callable[[str], Awaitable[Any]]:
        raise NotImplementedError


async def missed() -> Any:
    raise Miss("there has to be a hit")


class Resilicache(Contender):
    async def open(self) -> None:
        import resilicache

        self._cache = resilicache.AsyncCache(self.task.url)

    def store(self) -> Callable[[str, bytes], Awaitable[Any]]:
        return lambda key, value: self._cache.set(key, value, TTL)

    def hit(self) -> Callable[[str], Awaitable[Any]]:
        fetch = self._cache.fetch
        return lambda key: fetch(key, TTL, missed)


class RedisPy(Contender):
    async def open(self) -> None:
        import redis.asyncio

        self._client = redis.asyncio.Redis.from_url(self.task.url, max_connections=self.task.callers)

    def store(self) -> Callable[[str, bytes], Awaitable[Any]]:
        return lambda key, value: self._client.set(key, value, ex=TTL)

    def hit(self) -> Callable[[str], Awaitable[Any]]:
        return self._client.get


class Glide(Contender):
    async def open(self) -> None:
        from glide import GlideClient, GlideClientConfiguration, NodeAddress

        addresses = [NodeAddress(*self.task.address)]
        self._client = await GlideClient.create(GlideClientConfiguration(addresses, request_timeout=10000))

    def store(self) -> Callable[[str, bytes], Awaitable[Any]]:
        return self._client.set

    def hit(self) -> Callable[[str], Awaitable[Any]]:
        return self._client.get


class Cashews(Contender):
    async def open(self) -> None:
        from cashews import cache

        cache.setup(self.task.url)
        self._cache = cache

        @cache(ttl=TTL, key="{key}", prefix="")
        async def cached(key: str) -> bytes:
            return await missed()

        self._cached = cached

    def store(self) -> Callable[[str, bytes], Awaitable[Any]]:
        return lambda key, value: self._cache.set(key, value, expire=TTL)

    def hit(self) -> Callable[[str], Awaitable[Any]]:
        return self._cached


class Aiocache(Contender):
    async def open(self) -> None:
        from aiocache import Cache, cached
        from aiocache.serializers import PickleSerializer

        host, port = self.task.address
        place = {"endpoint": host, "port": port, "serializer": PickleSerializer(), "pool_max_size": self.task.callers}
        self._cache = Cache(Cache.REDIS, **place)

        @cached(ttl=TTL, cache=Cache.REDIS, key_builder=lambda function, key: key, **place)
        async def value_of(key: str) -> bytes:
            return await missed()

        self._cached = value_of

    def store(self) -> Callable[[str, bytes], Awaitable[Any]]:
        return lambda key, value: self._cache.set(key, value, ttl=TTL)

    def hit(self) -> Callable[[str], Awaitable[Any]]:
        return self._cached


CONTENDERS: dict[str, Callable[[Task], Contender]] = {
    "resilicache": Resilicache,
    "redis-py": RedisPy,
    "valkey-glide": Glide,
    "cashews": Cashews,
    "aiocache": Aiocache,
}
