"""Checks what callers pass, and turns it into what C wants: bytes, milliseconds, text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from . import _native as native

K = TypeVar("K", str, bytes)

Key = str | bytes
Value = bytes | bytearray | memoryview
Seconds = int | float | timedelta
"""A time: seconds, or a timedelta."""
OptionValue = str | bool | int | float | timedelta

_SECONDS_MAX = 1e13


def key_bytes(key: Key) -> bytes:
    """
    >>> key_bytes("caf\\u00e9")
    b'caf\\xc3\\xa9'
    """
    if isinstance(key, str):
        return key.encode()
    if isinstance(key, bytes):
        return key
    raise TypeError(f"a key is str or bytes, not {type(key).__name__}")


def value_bytes(value: Value) -> bytes:
    """
    >>> value_bytes(bytearray(b"tester"))
    b'tester'
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    hint = "encode it" if isinstance(value, str) else "or use a typed cache: cache.typed(json)"
    raise TypeError(f"a value is bytes, bytearray or memoryview, not {type(value).__name__}: {hint}")


def milliseconds(name: str, time: Seconds) -> int:
    """
    >>> milliseconds("ttl", 1.5)
    1500
    """
    if isinstance(time, timedelta):
        seconds: float = time.total_seconds()
    elif isinstance(time, (int, float)) and not isinstance(time, bool):
        seconds = time
    else:
        raise TypeError(f"{name} is a number of seconds or a timedelta, not {type(time).__name__}")
    if not 0 < seconds < _SECONDS_MAX:
        raise ValueError(f"{name} is a time above zero, and not endless: {seconds!r} seconds is not")
    return max(1, math.floor(seconds * 1000 + 0.5))


def optional_milliseconds(name: str, time: Seconds | None) -> int:
    """0, which C takes for the default, where there is none."""
    return 0 if time is None else milliseconds(name, time)


def option_text(name: str, value: OptionValue) -> str:
    """As the C library and URLs have it.

    >>> option_text("lock_expire", timedelta(seconds=3)), option_text("strong_consistency", True)
    ('3000ms', 'yes')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".")
    if isinstance(value, timedelta):
        return f"{value.total_seconds() * 1000:.3f}".rstrip("0").rstrip(".") + "ms"
    raise TypeError(f"option {name} is str, bool, int, float or timedelta, not {type(value).__name__}")


def check_loader(loader: object) -> None:
    if not callable(loader):
        raise TypeError(f"a loader is a function, not {type(loader).__name__}")


def consistency(strong: bool | None) -> int:
    if strong is None:
        return 0
    if isinstance(strong, bool):
        return int(native.STRONG if strong else native.EVENTUAL)
    raise TypeError(f"strong is True, False or None, not {type(strong).__name__}")


def session_text(session: str | None) -> bytes:
    """As C has it, whose it is to refuse what is no token.

    >>> session_text(None), session_text("s1-00")
    (b'', b's1-00\\x00')
    """
    if session is None:
        return b""
    if not isinstance(session, str):
        raise TypeError(f"session is a token, a str, not {type(session).__name__}")
    return session.encode() + b"\0"


def listed(keys: Iterable[K]) -> Iterable[K]:
    if isinstance(keys, (str, bytes)):
        raise TypeError(f"keys is a list or another iterable of keys, not one {type(keys).__name__}")
    return keys


VERSION_MAX = 2**63 - 1


def check_version(version: int | None) -> int:
    """
    >>> check_version(None), check_version(7)
    (0, 7)
    """
    if version is None:
        return 0
    if not isinstance(version, int) or isinstance(version, bool):
        raise TypeError(f"a version is an int, not {type(version).__name__}")
    if not 0 < version <= VERSION_MAX:
        raise ValueError(f"the version is {version}: it has to be from 1 to 2**63 - 1")
    return version
