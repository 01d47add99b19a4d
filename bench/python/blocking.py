"""Clients for threads, each as its users would call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from worker import Miss, Task

TTL = 3600


class Contender:
    """Its functions are asked for by each caller, on its thread."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def store(self) -> Callable[[str, bytes], Any]:
        raise NotImplementedError

    def hit(self) -> Callable[[str], Any]:
        raise NotImplementedError

    def batch(self) -> Callable[[list[str]], Any]:
        raise NotImplementedError

    size_of: Callable[[Any], int] = staticmethod(len)


class Resilicache(Contender):
    def __init__(self, task: Task) -> None:
        import resilicache

        super().__init__(task)
        self._cache = resilicache.Cache(task.url)

    def store(self) -> Callable[[str, bytes], Any]:
        return lambda key, value: self._cache.set(key, value, TTL)

    def hit(self) -> Callable[[str], Any]:
        fetch = self._cache.fetch
        return lambda key: fetch(key, TTL, missed)

    def batch(self) -> Callable[[list[str]], Any]:
        fetch_batch = self._cache.fetch_batch
        return lambda keys: fetch_batch(keys, TTL, missed)


def missed(*keys: Any) -> Any:
    raise Miss(keys)


class BareCffi(Contender):
    """What the binding calls of C for a fetch, and nothing else of it: the limit for a binding by cffi."""

    def __init__(self, task: Task) -> None:
        import resilicache._cffi as bare

        super().__init__(task)
        self._bare = bare
        self._handle = bare.open(task.url.encode(), bare.new_options(), bare.new_error())

    def store(self) -> Callable[[str, bytes], Any]:
        bare, handle = self._bare, self._handle
        step, _ = bare.new_step()
        set_ = bare.lib.CALL_SET
        return lambda key, value: bare.step_one(step, handle, set_, key.encode(), value, TTL * 1000, 0, 0, 0)

    def hit(self) -> Callable[[str], Any]:
        step, _ = self._bare.new_step()
        step_one, handle, fetch = self._bare.lib.step_one, self._handle, self._bare.lib.CALL_FETCH

        def call(key: str) -> int:
            name = key.encode()
            size: int = step_one(step, handle, fetch, name, len(name), b"", 0, TTL * 1000, 0, 0, 0)
            return size

        return call

    size_of = staticmethod(int)


class RedisPy(Contender):
    def __init__(self, task: Task) -> None:
        import redis

        super().__init__(task)
        self._client = redis.Redis.from_url(task.url)

    def store(self) -> Callable[[str, bytes], Any]:
        return lambda key, value: self._client.set(key, value, ex=TTL)

    def hit(self) -> Callable[[str], Any]:
        return self._client.get

    def batch(self) -> Callable[[list[str]], Any]:
        def call(keys: list[str]) -> Any:
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                pipeline.get(key)
            return pipeline.execute()

        return call


class GlideSync(Contender):
    def __init__(self, task: Task) -> None:
        from glide_sync import GlideClient, GlideClientConfiguration, NodeAddress

        super().__init__(task)
        addresses = [NodeAddress(*task.address)]
        self._client = GlideClient.create(GlideClientConfiguration(addresses, request_timeout=10000))

    def store(self) -> Callable[[str, bytes], Any]:
        return self._client.set

    def hit(self) -> Callable[[str], Any]:
        return self._client.get

    def batch(self) -> Callable[[list[str]], Any]:
        from glide_sync import Batch

        def call(keys: list[str]) -> Any:
            batch = Batch(is_atomic=False)
            for key in keys:
                batch.get(key)
            return self._client.exec(batch, raise_on_error=True)

        return call


class Dogpile(Contender):
    def __init__(self, task: Task) -> None:
        from dogpile.cache import make_region

        super().__init__(task)
        self._region = make_region().configure(
            "dogpile.cache.redis", expiration_time=TTL, arguments={"url": task.url, "distributed_lock": True}
        )

    def store(self) -> Callable[[str, bytes], Any]:
        return self._region.set

    def hit(self) -> Callable[[str], Any]:
        get_or_create = self._region.get_or_create
        return lambda key: get_or_create(key, missed)

    def batch(self) -> Callable[[list[str]], Any]:
        return lambda keys: self._region.get_or_create_multi(keys, missed)


CONTENDERS: dict[str, Callable[[Task], Contender]] = {
    "resilicache": Resilicache,
    "cffi": BareCffi,
    "redis-py": RedisPy,
    "valkey-glide-sync": GlideSync,
    "dogpile.cache": Dogpile,
}
