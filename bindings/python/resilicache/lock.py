"""The lock that a writer holds while it changes the database."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from . import _native as native
from .arguments import Key, Seconds
from .errors import Error
from .load import logger

if TYPE_CHECKING:
    from .cache import Cache


def lock_flags(intent: bool) -> int:
    return native.INTENT if intent else 0  # type: ignore[no-any-return]


class Holder:
    """Who wants a lock, on what, and how."""

    def __init__(
        self,
        cache: Any,
        key: Key,
        owner: Key | None,
        *,
        lease: Seconds | None,
        deadline: Seconds | None,
        wait: bool,
        intent: bool,
    ) -> None:
        self.key = key
        self.owner: Key = secrets.token_hex(16) if owner is None else owner
        """Who holds the lock; unlocking and renewing from elsewhere need it."""
        self.fence = 0
        """More than that of any lock of this key before, once it is locked."""
        self._cache, self._lease, self._deadline = cache, lease, deadline
        self._wait, self._intent = wait, intent

    def _unlock_failed(self, exception: BaseException | None) -> None:
        """In the handler of the failure: what the block raised goes before it."""
        if exception is None:
            raise
        logger.warning("%r could not be unlocked after an exception", self.key, exc_info=True)


class UpdateLock(Holder):
    """A context manager, made by `Cache.lock_for_update`."""

    _cache: Cache

    def renew(self, lease: Seconds | None = None) -> None:
        """The lock lives for `lease` from now: None, for as long as at first.  LostError: it had ended.

        >>> with cache.lock_for_update("user:1", lease=5) as lock:
        ...     lock.renew()
        """
        self._cache.renew(self.key, self.owner, lease=self._lease if lease is None else lease, deadline=self._deadline)

    def __enter__(self) -> UpdateLock:
        self.fence = self._cache.lock(
            self.key, self.owner, lease=self._lease, deadline=self._deadline, wait=self._wait, intent=self._intent
        )
        return self

    def __exit__(self, kind: object, exception: BaseException | None, trace: object) -> None:
        try:
            self._cache.unlock(self.key, self.owner, deadline=self._deadline)
        except Error:
            self._unlock_failed(exception)
