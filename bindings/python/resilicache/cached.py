"""The decorators that cache what a function returns."""

from __future__ import annotations

import functools
import inspect
import string
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, cast

from .arguments import Seconds, milliseconds, optional_milliseconds

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class CachedFunction(Protocol[T_co]):
    """A function whose results are cached."""

    __wrapped__: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> T_co | None: ...

    def key(self, *args: Any, **kwargs: Any) -> str:
        """The key that these arguments make."""

    def invalidate(self, *args: Any, **kwargs: Any) -> None:
        """The result for these arguments is to be computed anew."""


class Decorator(Protocol[T]):
    def __call__(self, function: Callable[..., T | None], /) -> CachedFunction[T]: ...


class AsyncCachedFunction(Protocol[T_co]):
    """As `CachedFunction`, awaited."""

    __wrapped__: Callable[..., Any]

    async def __call__(self, *args: Any, **kwargs: Any) -> T_co | None: ...

    def key(self, *args: Any, **kwargs: Any) -> str:
        """As `CachedFunction.key`; nothing to await."""

    async def invalidate(self, *args: Any, **kwargs: Any) -> None:
        """As `CachedFunction.invalidate`."""


class AsyncDecorator(Protocol[T]):
    def __call__(self, function: Callable[..., Awaitable[T | None] | T | None], /) -> AsyncCachedFunction[T]: ...


def _check_template(template: str, parameters: list[str], name: str) -> None:
    for _, field, _, _ in string.Formatter().parse(template):
        if field is None:
            continue
        parameter = field.partition(".")[0].partition("[")[0]
        if parameter not in parameters:
            known = ", ".join(parameters) or "none"
            raise ValueError(f"{template!r} names {{{field}}}, which is no parameter of {name}(); there are: {known}")


def _key_maker(template: str, function: Callable[..., Any]) -> Callable[..., str]:
    signature = inspect.signature(function)
    _check_template(template, list(signature.parameters), getattr(function, "__name__", "the function"))

    def key(*args: Any, **kwargs: Any) -> str:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return template.format(**bound.arguments)

    return key


def _finished(call: Any, function: Callable[..., Any], cache: Any, key: Callable[..., str]) -> Any:
    functools.update_wrapper(call, function)
    call.key = key
    call.invalidate = lambda *args, **kwargs: cache.invalidate(key(*args, **kwargs))
    return call


def cached(cache: Any, template: str, ttl: Seconds, strong: bool | None, deadline: Seconds | None) -> Decorator[Any]:
    """For `cache`, which has fetch and invalidate, typed or not."""
    milliseconds("ttl", ttl)
    optional_milliseconds("deadline", deadline)

    def decorate(function: Callable[..., Any], /) -> CachedFunction[Any]:
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{function.__name__} is a coroutine function: AsyncCache is for these")
        key = _key_maker(template, function)

        def call(*args: Any, **kwargs: Any) -> Any:
            loader = functools.partial(function, *args, **kwargs)
            return cache.fetch(key(*args, **kwargs), ttl, loader, strong=strong, deadline=deadline)

        return cast(CachedFunction[Any], _finished(call, function, cache, key))

    return decorate


def async_cached(
    cache: Any, template: str, ttl: Seconds, strong: bool | None, deadline: Seconds | None
) -> AsyncDecorator[Any]:
    """As `cached`, where fetch and invalidate are awaited."""
    milliseconds("ttl", ttl)
    optional_milliseconds("deadline", deadline)

    def decorate(function: Callable[..., Any], /) -> AsyncCachedFunction[Any]:
        key = _key_maker(template, function)

        async def call(*args: Any, **kwargs: Any) -> Any:
            loader = functools.partial(function, *args, **kwargs)
            return await cache.fetch(key(*args, **kwargs), ttl, loader, strong=strong, deadline=deadline)

        return cast(AsyncCachedFunction[Any], _finished(call, function, cache, key))

    return decorate
