"""resilicache: cache consistency for programs that keep their truth in a database and their speed in Redis.

>>> cache = resilicache.Cache("memory://")              # or "redis://localhost:6379"
>>> cache.fetch("user:1", ttl=10, loader=lambda: b"tester")
b'tester'
>>> cache.invalidate("user:1")                          # the row has changed
>>> cache.close()
"""

from . import _native
from ._binding import binding
from .aio import AsyncCache, AsyncTypedCache, AsyncUpdateLock
from .cache import Cache
from .cached import AsyncCachedFunction, CachedFunction
from .errors import (
    AuthError,
    CanceledError,
    ClosedError,
    Error,
    ForkedError,
    InvalidError,
    LimitError,
    LoaderError,
    LostError,
    MisuseError,
    OutdatedError,
    OutOfMemoryError,
    ProtocolError,
    QueuedError,
    ServerError,
    TimeoutError,
    TypeMismatchError,
    UnavailableError,
    UnsupportedError,
)
from .load import Versioned, reads_primary
from .lock import UpdateLock
from .options import Option, options
from .typed import TypedCache
from .update import Update

__version__ = _native.version()


def has(feature: str) -> bool:
    """Whether this build has it: "redis", "memory", "resp3" and so on.

    >>> resilicache.has("memory")
    True
    """
    return _native.has(feature)


__all__ = [
    "AsyncCache",
    "AsyncCachedFunction",
    "AsyncTypedCache",
    "AsyncUpdateLock",
    "AuthError",
    "Cache",
    "CachedFunction",
    "CanceledError",
    "ClosedError",
    "Error",
    "ForkedError",
    "InvalidError",
    "LimitError",
    "LoaderError",
    "LostError",
    "MisuseError",
    "Option",
    "OutOfMemoryError",
    "OutdatedError",
    "ProtocolError",
    "QueuedError",
    "ServerError",
    "TimeoutError",
    "TypeMismatchError",
    "TypedCache",
    "UnavailableError",
    "UnsupportedError",
    "Update",
    "UpdateLock",
    "Versioned",
    "reads_primary",
    "binding",
    "has",
    "options",
]
