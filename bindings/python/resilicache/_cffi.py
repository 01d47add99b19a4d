"""The adapter over cffi: all that the package knows of C.  Another binding is another module with these names.

An *operation* is a call under way, with an event at hand: `kind` tells which.  A *load* is the duty to produce values.
Both give back what they hold when nothing refers to them any more: an exception between two lines loses nothing.
"""

from __future__ import annotations

import struct
from array import array
from typing import Any

from . import _native_cffi
from .errors import ClosedError, error_of

ffi, lib = _native_cffi.ffi, _native_cffi.lib

FETCH, GET, SET = lib.CALL_FETCH, lib.CALL_GET, lib.CALL_SET
INVALIDATE, DELETE = lib.CALL_INVALIDATE, lib.CALL_DELETE
LOCK, RENEW, UNLOCK, INSPECT = lib.CALL_LOCK, lib.CALL_RENEW, lib.CALL_UNLOCK, lib.CALL_INSPECT

STRONG, EVENTUAL, INLINE = lib.RCACHE_STRONG, lib.RCACHE_EVENTUAL, lib.RCACHE_INLINE
RAW, WAIT = lib.RCACHE_RAW, lib.RCACHE_WAIT

FAILED, HIT, LOADED = lib.RCACHE_FAILED, lib.RCACHE_HIT, lib.RCACHE_LOADED
STALE, ABSENT, DONE = lib.RCACHE_STALE, lib.RCACHE_ABSENT, lib.RCACHE_DONE

EVENT_DONE = lib.RCACHE_EVENT_DONE
CLOSED = lib.RCACHE_E_CLOSED

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
_CHARS = ffi.typeof("char *")
_STATS_SIZE = 16384
_unpack, _step_one = ffi.unpack, lib.step_one
_STEP_ABSENT, _STEP_CLOSED = lib.STEP_ABSENT, lib.STEP_CLOSED
_idle: list[tuple[Any, Any]] = []
"""Steps that hold nothing, with a view of their copy: making one costs more than a cached read.  At most as many as
there were calls at once; lists lock themselves."""


def _text(chars: Any) -> str:
    text: bytes = ffi.string(chars)
    return text.decode("utf-8", "replace")


def _c_string(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("no NUL character can be in a URL, an option or the name of a feature")
    return text.encode()


def version() -> str:
    number = lib.rcache_version()
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"


def has(feature: str) -> bool:
    return bool(lib.rcache_has(_c_string(feature)))


def status_name(status: int) -> str:
    return _text(lib.rcache_status_name(status))


def status_retriable(status: int) -> bool:
    return bool(lib.rcache_status_retriable(status))


def describe_options() -> list[tuple[str, str, str, str, str]]:
    """Name, type, default, range and help of every option."""
    info = ffi.new("rcache_option_info *")
    info.struct_size = ffi.sizeof("rcache_option_info")
    rows: list[tuple[str, str, str, str, str]] = []
    while lib.rcache_options_describe(len(rows), info) == 0:
        rows.append((_text(info.name), _text(info.type), _text(info.fallback), _text(info.range), _text(info.help)))
    return rows


def open(url: str, options: dict[str, str]) -> Handle:
    failure = ffi.new("rcache_error *")
    chosen = lib.rcache_options_new()
    if not chosen:
        raise MemoryError("no memory for options")
    chosen = ffi.gc(chosen, lib.rcache_options_free)
    for name, value in options.items():
        if lib.rcache_options_set(chosen, _c_string(name), _c_string(value), failure) != 0:
            raise error_of(failure.status, _text(failure.message))
    handle = lib.handle_open(_c_string(url), chosen, failure)
    if not handle:
        raise error_of(failure.status, _text(failure.message))
    return ffi.gc(handle, lib.handle_free)


def close(handle: Handle, forked: bool) -> None:
    """Ends what runs on it; calls that come later find it closed.  forked: the handle is the parent process's."""
    (lib.handle_close_forked if forked else lib.handle_close)(handle)


def stats(handle: Handle) -> str:
    text = ffi.new("char[]", _STATS_SIZE)
    lib.handle_stats(handle, text, _STATS_SIZE)
    return _text(text)


def _take_idle() -> tuple[Any, Any]:
    try:
        return _idle.pop()
    except IndexError:
        step = ffi.gc(ffi.new("step *"), lib.step_clear)
        return step, step.copy


def begin_one(
    handle: Handle, call: int, key: bytes, text: bytes, time_ms: int, flags: int, deadline_ms: int
) -> bytes | None | Operation:
    """The value (b"" where the call has none), None for absent, or an operation.  text: the value or the owner."""
    idle = _take_idle()
    step, copy = idle
    size = _step_one(step, handle, call, key, len(key), text, len(text), time_ms, flags, deadline_ms)
    if size >= 0:
        value = _unpack(copy, size)
        _idle.append(idle)
        return value
    return _begun(idle, size)


def begin_many(handle: Handle, call: int, keys: list[bytes], time_ms: int, flags: int, deadline_ms: int) -> Operation:
    idle = _take_idle()
    size = lib.step_many(idle[0], handle, call, b"".join(keys), _sizes(keys), len(keys), time_ms, flags, deadline_ms)
    return _begun(idle, size)


def _sizes(keys: list[bytes]) -> Any:
    return ffi.from_buffer("uint32_t[]", array("I", map(len, keys)))


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
    event: int = operation.event.kind
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
    return _take_load(operation.event)


def _take_load(event: Any) -> Load | None:
    load = event.load
    if not load:
        return None
    load = ffi.gc(load, lib.rcache_load_finish)
    event.load = ffi.NULL
    return load


def take_entries(operation: Operation) -> list[Entry]:
    """What came of each key, once the operation is done."""
    entries = _entries(operation.event.result)
    drop(operation)
    return entries


def _entries(result: Any) -> list[Entry]:
    count = lib.rcache_result_values(result, ffi.NULL, 0)
    values = ffi.new("rcache_value[]", count)
    lib.rcache_result_values(result, values, count)
    entries: list[Entry] = []
    for index, (address, size, outcome, status) in enumerate(_VALUE.iter_unpack(ffi.buffer(values))):
        value: bytes | None | str = None
        if outcome == FAILED:
            value = _text(lib.rcache_result_message(result, index))
        elif outcome != ABSENT:
            value = _unpack(ffi.cast(_CHARS, address), size) if size else b""
        entries.append((outcome, status, value))
    return entries


def load_positions(load: Load) -> list[int]:
    """Which of the operation's keys are to be loaded."""
    positions = array("Q", bytes(8 * lib.rcache_load_count(load)))
    lib.load_positions(load, ffi.from_buffer("uint64_t[]", positions, require_writable=True))
    return positions.tolist()


def load_answer(load: Load, answers: list[bytes | None], forgotten: set[int]) -> None:
    """One answer for each position; None says absent, and an index in `forgotten` that there is no answer."""
    sizes = array("q", [lib.ANSWER_ABSENT if answer is None else len(answer) for answer in answers])
    for index in forgotten:
        sizes[index] = lib.ANSWER_NONE
    values = b"".join(answer for answer in answers if answer is not None)
    refused = ffi.new("size_t *")
    status = lib.load_answer(load, values, ffi.from_buffer("int64_t[]", sizes), refused)
    if status != 0:
        raise error_of(status, f"the loader's value of {max(sizes[refused[0]], 0)} bytes is too much")


def load_fail(load: Load, message: str) -> None:
    lib.load_fail(load, message.replace("\0", " ").encode("utf-8", "replace"))


def load_finish(load: Load) -> None:
    """Harmless when done twice."""
    ffi.release(load)


def queue_open(handle: Handle) -> Queue:
    """A queue for one thread, with room for what is drained from it."""
    made, failure = ffi.new("rcache_queue **"), ffi.new("rcache_error *")
    if lib.queue_open(handle, made, failure) != 0:
        raise error_of(failure.status, _text(failure.message))
    return ffi.gc(made[0], lib.rcache_queue_free), ffi.gc(ffi.new("drained *"), lib.drained_clear)


def queue_fd(queue: Queue) -> int:
    """Readable while there are events."""
    descriptor: int = lib.rcache_queue_fd(queue[0])
    return descriptor


def queue_begin(
    queue: Queue,
    tag: int,
    handle: Handle,
    call: int,
    keys: list[bytes],
    text: bytes,
    time_ms: int,
    flags: int,
    deadline_ms: int,
) -> Any:
    """What queue_cancel takes, until the tag's last event is drained."""
    joined, sizes = b"".join(keys), _sizes(keys)
    op = lib.queue_begin(
        queue[0], tag, handle, call, joined, sizes, len(keys), text, len(text), time_ms, flags, deadline_ms
    )
    if not op:
        raise _closed()
    return op


def queue_cancel(op: Any) -> None:
    """The last event comes all the same."""
    lib.rcache_op_cancel(op)


def queue_drain(queue: Queue) -> list[Event]:
    """Some of the events at hand."""
    drained = queue[1]
    count = lib.queue_drain(queue[0], drained)
    taken: list[Event] = []
    start = 0
    for index, (tag, result, load, _, size, outcome, status, _, kind, _) in enumerate(
        _EVENT.iter_unpack(ffi.buffer(drained.events)[: count * _EVENT.size])
    ):
        event: Any = drained.events[index] if load or result else None  # NULL is told without a look
        entries: list[Entry] | None = None
        if result:
            entries = _entries(event.result)
        elif kind == EVENT_DONE:
            value = None if outcome == ABSENT else _unpack(drained.copy + start, size)
            entries = [(outcome, status, value)]
            start += size
        taken.append((tag, entries, _take_load(event) if load else None))
    return taken


def queue_free(queue: Queue) -> None:
    """Ends its calls without a word.  Harmless when done twice."""
    for part in queue:
        ffi.release(part)
