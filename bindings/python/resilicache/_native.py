"""All that the package knows of C, whichever the binding is.

An *operation* is a call under way, with an event at hand: `kind` tells which.  A *load* is the duty to produce values.
Both give back what they hold when nothing refers to them any more: an exception between two lines loses nothing.
"""

from __future__ import annotations

import struct
from array import array
from typing import Any

from ._binding import c
from .errors import ClosedError, Error, error_of

lib = c.lib

FETCH, GET, SET = lib.CALL_FETCH, lib.CALL_GET, lib.CALL_SET
INVALIDATE, DELETE = lib.CALL_INVALIDATE, lib.CALL_DELETE
LOCK, RENEW, UNLOCK, INSPECT = lib.CALL_LOCK, lib.CALL_RENEW, lib.CALL_UNLOCK, lib.CALL_INSPECT
UPDATE = lib.CALL_UPDATE

STRONG, EVENTUAL, INLINE = lib.RCACHE_STRONG, lib.RCACHE_EVENTUAL, lib.RCACHE_INLINE
RAW, WAIT, INTENT = lib.RCACHE_RAW, lib.RCACHE_WAIT, lib.RCACHE_INTENT

FAILED, HIT, LOADED = lib.RCACHE_FAILED, lib.RCACHE_HIT, lib.RCACHE_LOADED
STALE, ABSENT, DONE = lib.RCACHE_STALE, lib.RCACHE_ABSENT, lib.RCACHE_DONE

EVENT_DONE = lib.RCACHE_EVENT_DONE
CLOSED, LOST, TYPE = lib.RCACHE_E_CLOSED, lib.RCACHE_E_LOST, lib.RCACHE_E_TYPE

Handle = Any
Queue = Any
Operation = Any
Load = Any
Entry = tuple[int, int, bytes | None | str]
"""Outcome, status, and the value; None where there is none, and in words why where it failed."""

Event = tuple[int, list[Entry] | None, Load | None]
"""The tag of a call; what came of it, or None where it goes on; and what is to be loaded for it."""

_VALUE = struct.Struct("PNii")  # rcache_value
_EVENT = struct.Struct("QPPPNiiqII")  # rcache_event
_SIZE_MAX = 2**31 - 1
"""More than any value may have."""
_text, _copied, _step_one = c.text, c.copied, c.step_one
_STEP_ABSENT, _STEP_CLOSED = lib.STEP_ABSENT, lib.STEP_CLOSED
_idle: list[tuple[Any, Any]] = []
"""Steps that hold nothing, with what reads their copy: making one costs more than a cached read.  At most as many as
there were calls at once; lists lock themselves."""


def _c_string(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("no NUL character can be in a URL, an option, a password or the name of a feature")
    return text.encode()


def version() -> str:
    number = lib.rcache_version()
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"


def has(feature: str) -> bool:
    return bool(lib.rcache_has(_c_string(feature)))


def status_name(status: int) -> str:
    name: str = _text(lib.rcache_status_name(status))
    return name


def status_retriable(status: int) -> bool:
    return bool(lib.rcache_status_retriable(status))


def describe_options() -> list[tuple[str, str, str, str, str]]:
    """Name, type, default, range and help of every option."""
    rows: list[tuple[str, str, str, str, str]] = []
    while (row := c.describe_option(len(rows))) is not None:
        rows.append(row)
    return rows


def _failed(failure: Any) -> Error:
    return error_of(*c.read_error(failure))


def open(url: str, options: dict[str, str]) -> Handle:
    failure, chosen = c.new_error(), c.new_options()
    if chosen is None:
        raise MemoryError("no memory for options")
    for name, value in options.items():
        if lib.rcache_options_set(chosen, _c_string(name), _c_string(value), failure) != 0:
            raise _failed(failure)
    handle = c.open(_c_string(url), chosen, failure)
    if handle is None:
        raise _failed(failure)
    return handle


def close(handle: Handle, forked: bool) -> None:
    """Ends what runs on it; calls that come later find it closed.  forked: the handle is the parent process's."""
    (lib.handle_close_forked if forked else lib.handle_close)(handle)


def credentials(handle: Handle, user: str | None, password: str | None) -> None:
    failure = c.new_error()
    words = (None if word is None else _c_string(word) for word in (user, password))
    if c.credentials(handle, *words, failure) != 0:
        raise _failed(failure)


def set_option(handle: Handle, name: str, value: str) -> None:
    failure = c.new_error()
    if c.set_option(handle, _c_string(name), _c_string(value), failure) != 0:
        raise _failed(failure)


def session_token(handle: Handle) -> str:
    failure = c.new_error()
    token: bytes | None = c.session_token(handle, failure)
    if token is None:
        raise _failed(failure)
    return token.decode()


def session_join(handle: Handle, token: str) -> None:
    failure = c.new_error()
    if c.session_join(handle, _c_string(token), failure) != 0:
        raise _failed(failure)


def stats(handle: Handle) -> str:
    text: bytes | None = c.stats(handle)
    if text is None:
        raise MemoryError("no memory for the text")
    return text.decode()


def _take_idle() -> tuple[Any, Any]:
    try:
        return _idle.pop()
    except IndexError:
        made: tuple[Any, Any] = c.new_step()
        return made


def begin_one(
    handle: Handle, call: int, key: bytes, text: bytes, time_ms: int, flags: int, deadline_ms: int, version: int = 0
) -> bytes | None | Operation:
    """The value (b"" where the call has none), None for absent, or an operation.

    text: the value, the owner, or of a fetch the session."""
    idle = _take_idle()
    step, copy = idle
    size = _step_one(step, handle, call, key, text, time_ms, flags, deadline_ms, version)
    if size >= 0:
        value: bytes = _copied(copy, size)
        _idle.append(idle)
        return value
    return _begun(idle, size)


def begin_many(
    handle: Handle,
    call: int,
    keys: list[bytes],
    time_ms: int,
    flags: int,
    deadline_ms: int,
    version: int = 0,
    text: bytes = b"",
) -> Operation:
    idle = _take_idle()
    size = c.step_many(idle[0], handle, call, b"".join(keys), _sizes(keys), text, time_ms, flags, deadline_ms, version)
    return _begun(idle, size)


def _sizes(keys: list[bytes]) -> array[int]:
    return array("I", map(len, keys))


def _closed() -> ClosedError:
    return ClosedError("the cache was closed", status=lib.RCACHE_E_CLOSED)


def _begun(idle: tuple[Any, Any], size: int) -> None | Operation:
    if size == _STEP_ABSENT:
        _idle.append(idle)
        return None
    if size == _STEP_CLOSED:
        _idle.append(idle)
        raise _closed()
    return idle[0]


def kind(operation: Operation) -> int:
    event: int = c.step_kind(operation)
    return event


def wait(operation: Operation) -> int:
    """The kind of the next event; 0 when a signal came before it."""
    event: int = lib.step_wait(operation, -1)
    return event


def drop(operation: Operation) -> None:
    """Gives up what the operation holds.  Harmless when done twice."""
    lib.step_clear(operation)


def take_load(operation: Operation) -> Load | None:
    """The load of the event at hand, finished at the latest when nothing refers to it."""
    return c.step_take_load(operation)


def take_entries(operation: Operation) -> list[Entry]:
    """What came of each key, once the operation is done."""
    entries = _entries(c.step_take_results(operation))
    drop(operation)
    return entries


def _entries(results: Any) -> list[Entry]:
    entries: list[Entry] = []
    for index, (address, size, outcome, status) in enumerate(_VALUE.iter_unpack(c.results_values(results))):
        value: bytes | None | str = None
        if outcome == FAILED:
            value = _text(c.results_message(results, index))
        elif outcome != ABSENT:
            value = c.peek(address, size) if size else b""
        entries.append((outcome, status, value))
    return entries


def load_positions(load: Load) -> list[int]:
    """Which of the operation's keys are to be loaded."""
    positions: list[int] = c.load_positions(load)
    return positions


def load_reads_primary(load: Load) -> bool:
    return bool(lib.rcache_load_primary(load))


def load_fence(load: Load) -> int:
    """Of the lock that an update's load is under."""
    fence: int = lib.rcache_load_fence(load)
    return fence


def load_wanted(load: Load) -> bool:
    return bool(lib.rcache_load_wanted(load))


def load_answer(load: Load, answers: list[bytes | None], forgotten: set[int], versions: dict[int, int]) -> None:
    """One answer for each position; None says absent, and an index in `forgotten` that there is no answer."""
    for index, version in versions.items():
        lib.rcache_load_version(load, index, version)
    sizes = array("i", [lib.ANSWER_ABSENT if answer is None else min(len(answer), _SIZE_MAX) for answer in answers])
    for index in forgotten:
        sizes[index] = lib.ANSWER_NONE
    values = b"".join(answer for answer in answers if answer is not None)
    status = c.load_answer(load, values, sizes)
    if status != 0:
        raise error_of(status, f"the loader's value of {max(sizes)} bytes is too much")


def load_fail(load: Load, message: str, permanent: bool = False) -> None:
    lib.load_fail(load, message.replace("\0", " ").encode("utf-8", "replace"), permanent)


def load_finish(load: Load) -> None:
    """Harmless when done twice."""
    c.load_finish(load)


def queue_open(handle: Handle) -> Queue:
    """A queue for one thread, with room for what is drained from it, and for what goes there."""
    failure = c.new_error()
    queue = c.queue_open(handle, failure)
    if queue is None:
        raise _failed(failure)
    return queue, c.new_drained(), c.new_gathered()


def queue_fd(queue: Queue) -> int:
    """Readable while there are events."""
    descriptor: int = lib.rcache_queue_fd(queue[0])
    return descriptor


def queue_gather(
    queue: Queue,
    tag: int,
    handle: Handle,
    call: int,
    keys: list[bytes],
    text: bytes,
    time_ms: int,
    flags: int,
    deadline_ms: int,
    version: int,
) -> Any:
    """Begins with the next queue_submit, or before.  What queue_cancel takes, until the tag's last event is drained."""
    joined, sizes = b"".join(keys), _sizes(keys)
    terms = time_ms, flags, deadline_ms, version
    op = c.queue_gather(queue[0], queue[2], tag, handle, call, joined, sizes, text, *terms)
    if op is None:
        raise _closed()
    return op


def queue_submit(queue: Queue) -> None:
    """What was gathered goes out together."""
    lib.queue_submit(queue[0], queue[2])


def queue_cancel(op: Any) -> None:
    """The last event comes all the same."""
    lib.rcache_op_cancel(op)


def queue_drain(queue: Queue) -> list[Event]:
    """Some of the events at hand."""
    drained = queue[1]
    events = c.drained_events(drained, lib.queue_drain(queue[0], drained))
    taken: list[Event] = []
    start = 0
    for index, (tag, result, load, _, size, outcome, status, _, kind, _) in enumerate(_EVENT.iter_unpack(events)):
        entries: list[Entry] | None = None
        if result:
            entries = _entries(c.drained_take_results(drained, index))
        elif kind == EVENT_DONE:
            value = None if outcome == ABSENT else c.drained_copied(drained, start, size)
            entries = [(outcome, status, value)]
            start += size
        taken.append((tag, entries, c.drained_take_load(drained, index) if load else None))
    return taken


def queue_free(queue: Queue) -> None:
    """Ends its calls without a word.  Harmless when done twice."""
    c.queue_free(queue[0])
    lib.drained_clear(queue[1])
    lib.gathered_clear(queue[2])
