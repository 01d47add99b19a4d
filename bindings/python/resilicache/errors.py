"""What goes wrong, as exceptions: one class per status of the C library, all of them an `Error`."""

from __future__ import annotations

import builtins
from typing import Any


class Error(Exception):
    """Something that the cache could not do.

    >>> try:
    ...     resilicache.Cache("memory://", lock_expire="soon")
    ... except resilicache.Error as error:
    ...     print(error.status_name, error.retriable)
    RCACHE_E_INVALID False
    """

    status: int
    """The number that the C library has for it; 0 where it did not come from there."""
    key: str | bytes | None
    """The key that it is about, as the caller gave it."""
    results: dict[Any, Any] | None
    """fetch_batch: the values of the keys that did not fail."""

    def __init__(self, message: str, *, status: int = 0, key: str | bytes | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.key = key
        self.results = None

    @property
    def status_name(self) -> str:
        """The status as C spells it."""
        from . import _native as native

        return native.status_name(self.status)

    @property
    def retriable(self) -> bool:
        """Whether the same call may succeed later: a timeout, a server away."""
        from . import _native as native

        return native.status_retriable(self.status)

    def __reduce__(self) -> Any:
        return _rebuilt, (type(self), str(self), self.__dict__)


def _rebuilt(kind: type[Error], message: str, state: dict[str, Any]) -> Error:
    error = kind(message)
    error.__dict__.update(state)
    return error


class InvalidError(Error, ValueError):
    """An argument or option that can't be; the message names it and what would be right."""


class OutOfMemoryError(Error, MemoryError):
    """Memory could not be had; nothing was done."""


class MisuseError(Error, RuntimeError):
    """A call out of order."""


class ForkedError(Error, RuntimeError):
    """The call was begun in the parent process."""


class ClosedError(Error, RuntimeError):
    """The cache was closed."""


class TimeoutError(Error, builtins.TimeoutError):
    """The call's deadline passed."""


class CanceledError(Error):
    """The call was cancelled."""


class UnavailableError(Error, ConnectionError):
    """No server answers."""


class QueuedError(UnavailableError):
    """No server took the invalidation; it is kept, and tried again until one does."""


class AuthError(Error, PermissionError):
    """The server refuses user or password."""


class ServerError(Error):
    """An error of the server, in its words."""


class ProtocolError(Error):
    """A reply that makes no sense."""


class LoaderError(Error):
    """Somebody else's loader failed, or one's own left a key out, and nothing stale could be served."""


class LostError(Error):
    """The lease or lock is someone else's now."""


class LimitError(Error, ValueError):
    """A bound of ours: a key or value too large, too many keys."""


class UnsupportedError(Error, NotImplementedError):
    """Not supported by this server or this build."""


class TypeMismatchError(Error):
    """The key holds something that is no cache entry."""


class OutdatedError(Error):
    """A newer version is known."""


_CLASSES: dict[int, type[Error]] = {
    -1: InvalidError,
    -2: OutOfMemoryError,
    -3: MisuseError,
    -4: ForkedError,
    -5: ClosedError,
    -6: TimeoutError,
    -7: CanceledError,
    -8: UnavailableError,
    -9: AuthError,
    -10: ServerError,
    -11: ProtocolError,
    -12: LoaderError,
    -13: LostError,
    -14: LimitError,
    -15: UnsupportedError,
    -16: TypeMismatchError,
    -17: QueuedError,
    -18: OutdatedError,
}


def error_of(status: int, message: str, key: str | bytes | None = None) -> Error:
    """The exception for a status of the C library."""
    return _CLASSES.get(status, Error)(message, status=status, key=key)
