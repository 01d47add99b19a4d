"""What came of a call's keys, as callers want it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from . import _native as native
from .arguments import Key
from .errors import Error, error_of

K = TypeVar("K", str, bytes)


def read_entry(entries: list[native.Entry], key: Key) -> tuple[int, bytes | None]:
    """The one key's outcome and value."""
    outcome, status, value = entries[0]
    if outcome == native.FAILED:
        raise error_of(status, str(value), key)
    return outcome, value  # type: ignore[return-value]


def _of_each(entries: list[native.Entry], keys: Iterable[K]) -> Iterator[tuple[K, native.Entry]]:
    """A call that is refused as a whole has one entry, which is of no key."""
    names = list(keys)
    if len(entries) == 1 != len(names) and entries[0][0] == native.FAILED:
        raise error_of(entries[0][1], str(entries[0][2]))
    return zip(names, entries, strict=True)


def read_values(entries: list[native.Entry], keys: list[K]) -> dict[K, bytes | None]:
    """The values of many keys; the first failure is raised, and has those of the others."""
    results: dict[K, bytes | None] = {}
    failure: Error | None = None
    for key, (outcome, status, value) in _of_each(entries, keys):
        if outcome != native.FAILED:
            results[key] = value  # type: ignore[assignment]
        elif failure is None:
            failure = error_of(status, str(value), key)
    if failure is not None:
        failure.results = results
        raise failure
    return results


def count_done(entries: list[native.Entry], keys: Iterable[Key]) -> int:
    """For how many keys it was done; the others were not there."""
    for key, (outcome, status, value) in _of_each(entries, keys):
        if outcome == native.FAILED:
            raise error_of(status, str(value), key)
    return sum(outcome == native.DONE for outcome, _, _ in entries)


def read_fence(text: bytes | None) -> int:
    """Of a lock that was granted."""
    return int(text or b"0")


def read_lines(text: str) -> dict[str, str | int]:
    """Of "name value" lines; whole numbers become int, but an owner stays text."""
    lines = (line.partition(" ") for line in text.splitlines())
    return {
        name: int(value) if re.fullmatch(r"-?\d+", value) and name != "owner" else value for name, _, value in lines
    }


def read_text(text: bytes | None) -> dict[str, str | int] | None:
    """The lines that tell of an entry; None where there is none."""
    return None if text is None else read_lines(text.decode("utf-8", "backslashreplace"))
