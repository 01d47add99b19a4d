"""The decorator that caches what a function returns."""

from __future__ import annotations

import functools
import inspect
import string
from collections.abc import Callable
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


def _check_template(template: str, parameters: list[str], name: str) -> None:
    for _, field, _, _ in string.Formatter().parse(template):
        if field is None:
            continue
        parameter = field.partition(".")[0].partition("[")[0]
        if parameter not in parameters:
            known = ", ".join(parameters) or "none"
            raise ValueError(f"{template!r} names {{{field}}}, which is no parameter of {name}(); there are: {known}")


def cached(cache: Any, template: str, ttl: Seconds, strong: bool | None, deadline: Seconds | None) -> Decorator[Any]:
    """For `cache`, which has fetch and invalidate, typed or not."""
    milliseconds("ttl", ttl)
    optional_milliseconds("deadline", deadline)

    def decorate(function: Callable[..., Any], /) -> CachedFunction[Any]:
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{function.__name__} is a coroutine function: this cache is for plain functions")
        signature = inspect.signature(function)
        _check_template(template, list(signature.parameters), getattr(function, "__name__", "the function"))

        def key(*args: Any, **kwargs: Any) -> str:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return template.format(**bound.arguments)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            name = key(*args, **kwargs)
            return cache.fetch(name, ttl, lambda: function(*args, **kwargs), strong=strong, deadline=deadline)

        call.key = key  # type: ignore[attr-defined]
        call.invalidate = lambda *args, **kwargs: cache.invalidate(key(*args, **kwargs))  # type: ignore[attr-defined]
        return cast(CachedFunction[Any], call)

    return decorate
