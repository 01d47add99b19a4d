"""A cache for values of the caller's own, by way of a codec such as json or pickle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .arguments import Key, Seconds, value_bytes
from .cached import Decorator, cached
from .load import Versioned
from .lock import UpdateLock

if TYPE_CHECKING:
    from .cache import Cache

T = TypeVar("T")
K = TypeVar("K", str, bytes)


class DumpsLoads(Protocol):
    """What json, pickle, marshal and many others are."""

    @property
    def dumps(self) -> Callable[..., Any]: ...
    @property
    def loads(self) -> Callable[..., Any]: ...


Codec = DumpsLoads | tuple[Callable[[T], Any], Callable[[bytes], T]]


class Coder(Generic[T]):
    """Between values and bytes.  None is no value here, either: it says that there is none."""

    def __init__(self, codec: Codec[T]) -> None:
        self._dumps: Callable[[T], Any]
        self._loads: Callable[[bytes], T]
        if isinstance(codec, tuple):
            self._dumps, self._loads = codec
        elif callable(getattr(codec, "dumps", None)) and callable(getattr(codec, "loads", None)):
            self._dumps, self._loads = codec.dumps, codec.loads
        else:
            raise TypeError(f"a codec has dumps and loads, or is a pair of functions, not {type(codec).__name__}")

    def _loaded(self, value: Any) -> bytes | Versioned | None:
        """What a loader returned."""
        if isinstance(value, Versioned):
            return value._replace(value=self._encoded(value.value))
        return self._encoded(value)

    def _encoded(self, value: T | None) -> bytes | None:
        if value is None:
            return None
        text = self._dumps(value)
        return text.encode() if isinstance(text, str) else value_bytes(text)

    def _encoded_to_store(self, value: T) -> bytes:
        encoded = self._encoded(value)
        if encoded is None:
            raise TypeError("None can't be stored: delete the key, or let a loader say that there is none")
        return encoded

    def _decoded(self, value: bytes | None) -> T | None:
        return None if value is None else self._loads(value)


class TypedCache(Coder[T]):
    """Made by `Cache.typed`."""

    def __init__(self, cache: Cache, codec: Codec[T]) -> None:
        super().__init__(codec)
        self.cache = cache
        """The cache below, for all that has nothing to do with values."""

    def fetch(
        self,
        key: Key,
        ttl: Seconds,
        loader: Callable[[], T | Versioned | None],
        *,
        strong: bool | None = None,
        deadline: Seconds | None = None,
        session: str | None = None,
    ) -> T | None:
        """As `Cache.fetch`.

        >>> cache.typed(json).fetch("user:1", ttl=10, loader=lambda: {"name": "tester"})
        {'name': 'tester'}
        """
        return self._decoded(
            self.cache.fetch(
                key, ttl, lambda: self._loaded(loader()), strong=strong, deadline=deadline, session=session
            )
        )

    def fetch_batch(
        self,
        keys: Iterable[K],
        ttl: Seconds,
        loader: Callable[[list[K]], Mapping[K, T | Versioned | None]],
        *,
        strong: bool | None = None,
        deadline: Seconds | None = None,
        session: str | None = None,
    ) -> dict[K, T | None]:
        """As `Cache.fetch_batch`.

        >>> cache.typed(json).fetch_batch(["n:1", "n:2"], ttl=10, loader=lambda keys: {key: len(key) for key in keys})
        {'n:1': 3, 'n:2': 3}
        """

        def load(missing: list[K]) -> dict[K, bytes | Versioned | None]:
            return {key: self._loaded(value) for key, value in loader(missing).items()}

        values = self.cache.fetch_batch(keys, ttl, load, strong=strong, deadline=deadline, session=session)
        return {key: self._decoded(value) for key, value in values.items()}

    def get(self, key: Key, *, deadline: Seconds | None = None) -> T | None:
        """
        >>> cache.typed(json).get("nobody") is None
        True
        """
        return self._decoded(self.cache.get(key, deadline=deadline))

    def set(
        self, key: Key, value: T, ttl: Seconds, *, version: int | None = None, deadline: Seconds | None = None
    ) -> None:
        """
        >>> numbers = cache.typed(json)
        >>> numbers.set("answer", 42, ttl=10)
        >>> numbers.get("answer")
        42
        """
        self.cache.set(key, self._encoded_to_store(value), ttl, version=version, deadline=deadline)

    def raw_get(self, key: Key, *, deadline: Seconds | None = None) -> T | None:
        """As `Cache.raw_get`."""
        return self._decoded(self.cache.raw_get(key, deadline=deadline))

    def raw_set(self, key: Key, value: T, ttl: Seconds, *, deadline: Seconds | None = None) -> None:
        """As `Cache.raw_set`."""
        self.cache.raw_set(key, self._encoded_to_store(value), ttl, deadline=deadline)

    def invalidate(self, *keys: Key, version: int | None = None, deadline: Seconds | None = None) -> None:
        """As `Cache.invalidate`."""
        self.cache.invalidate(*keys, version=version, deadline=deadline)

    def delete(self, *keys: Key, deadline: Seconds | None = None) -> int:
        """As `Cache.delete`."""
        return self.cache.delete(*keys, deadline=deadline)

    def lock_for_update(
        self,
        key: Key,
        owner: Key | None = None,
        *,
        lease: Seconds | None = None,
        deadline: Seconds | None = None,
        wait: bool = True,
        intent: bool = False,
    ) -> UpdateLock:
        """As `Cache.lock_for_update`."""
        return self.cache.lock_for_update(key, owner, lease=lease, deadline=deadline, wait=wait, intent=intent)

    def cached(
        self, template: str, ttl: Seconds, *, strong: bool | None = None, deadline: Seconds | None = None
    ) -> Decorator[T]:
        """As `Cache.cached`.

        >>> @cache.typed(json).cached("square:{n}", ttl=60)
        ... def square(n: int) -> int:
        ...     return n * n
        >>> square(12)
        144
        """
        return cached(self, template, ttl, strong, deadline)

    def __repr__(self) -> str:
        return f"<resilicache.TypedCache over {self.cache!r}>"
