"""The binding over cffi: what `_native` makes itself of.  A binding is a module with these names.

`lib` has the constants, and those functions of C that take and give numbers, bytes and handles alone.
"""

from __future__ import annotations

from array import array
from typing import Any

from . import _native_cffi

ffi, lib = _native_cffi.ffi, _native_cffi.lib

_CHARS = ffi.typeof("char *")
_EVENT_SIZE = ffi.sizeof("rcache_event")
_step_one = lib.step_one
copied = ffi.unpack


def text(chars: Any) -> str:
    found: bytes = ffi.string(chars)
    return found.decode("utf-8", "replace")


def peek(address: int, size: int) -> bytes:
    found: bytes = ffi.unpack(ffi.cast(_CHARS, address), size)
    return found


def _owned(pointer: Any, free: Any) -> Any:
    """Freed when nothing refers to it any more.  None for NULL."""
    return ffi.gc(pointer, free) if pointer else None


def new_error() -> Any:
    return ffi.new("rcache_error *")


def read_error(error: Any) -> tuple[int, str]:
    return error.status, text(error.message)


def new_options() -> Any | None:
    return _owned(lib.rcache_options_new(), lib.rcache_options_free)


def describe_option(index: int) -> tuple[str, ...] | None:
    info = ffi.new("rcache_option_info *", {"struct_size": ffi.sizeof("rcache_option_info")})
    if lib.rcache_options_describe(index, info) != 0:
        return None
    return tuple(text(chars) for chars in (info.name, info.type, info.fallback, info.range, info.help))


def open(url: bytes, options: Any, error: Any) -> Any | None:
    return _owned(lib.handle_open(url, options, error), lib.handle_free)


def credentials(handle: Any, user: bytes | None, password: bytes | None, error: Any) -> int:
    words = (ffi.NULL if word is None else word for word in (user, password))
    status: int = lib.handle_credentials(handle, *words, error)
    return status


def set_option(handle: Any, name: bytes, value: bytes, error: Any) -> int:
    status: int = lib.handle_set_option(handle, name, value, error)
    return status


def session_token(handle: Any, error: Any) -> bytes | None:
    chars = _owned(lib.handle_session_token(handle, error), lib.text_free)
    found: bytes | None = None if chars is None else ffi.string(chars)
    return found


def session_join(handle: Any, token: bytes, error: Any) -> int:
    status: int = lib.handle_session_join(handle, token, error)
    return status


def stats(handle: Any) -> bytes | None:
    chars = _owned(lib.handle_stats(handle), lib.text_free)
    found: bytes | None = None if chars is None else ffi.string(chars)
    return found


def new_step() -> tuple[Any, Any]:
    """And what `copied` wants of it."""
    step = ffi.gc(ffi.new("step *"), lib.step_clear)
    return step, step.copy


def step_one(
    step: Any, handle: Any, call: int, key: bytes, text: bytes, time_ms: int, flags: int, deadline_ms: int, version: int
) -> int:
    size: int = _step_one(step, handle, call, key, len(key), text, len(text), time_ms, flags, deadline_ms, version)
    return size


def step_many(
    step: Any,
    handle: Any,
    call: int,
    keys: bytes,
    sizes: array[int],
    text: bytes,
    time_ms: int,
    flags: int,
    deadline_ms: int,
    version: int,
) -> int:
    terms = text, len(text), time_ms, flags, deadline_ms, version
    said: int = lib.step_many(step, handle, call, keys, len(keys), *_sizes(sizes), *terms)
    return said


def _sizes(sizes: array[int]) -> tuple[Any, int]:
    return ffi.from_buffer("uint32_t[]", sizes), len(sizes)


def step_kind(step: Any) -> int:
    kind: int = step.event.kind
    return kind


def step_take_load(step: Any) -> Any | None:
    return _owned(lib.step_take_load(step), lib.rcache_load_finish) if step.event.load else None


def step_take_results(step: Any) -> Any:
    return _owned(lib.step_take_result(step), lib.rcache_result_free)


def results_values(result: Any) -> bytes:
    """Every rcache_value, one behind the other."""
    count = lib.rcache_result_values(result, ffi.NULL, 0)
    values = ffi.new("rcache_value[]", count)
    lib.rcache_result_values(result, values, count)
    found: bytes = ffi.buffer(values)[:]
    return found


def results_message(result: Any, index: int) -> Any:
    return lib.rcache_result_message(result, index)


def load_positions(load: Any) -> list[int]:
    positions = array("Q", bytes(8 * lib.rcache_load_count(load)))
    lib.load_positions(load, ffi.from_buffer("uint64_t[]", positions, require_writable=True))
    return positions.tolist()


def load_answer(load: Any, values: bytes, sizes: array[int]) -> int:
    status: int = lib.load_answer(load, values, len(values), ffi.from_buffer("int32_t[]", sizes), len(sizes))
    return status


def load_finish(load: Any) -> None:
    ffi.release(load)


def queue_open(handle: Any, error: Any) -> Any | None:
    return _owned(lib.queue_open(handle, error), lib.rcache_queue_free)


def new_gathered() -> Any:
    return ffi.gc(ffi.new("gathered *"), lib.gathered_clear)


def queue_gather(
    queue: Any,
    gathered: Any,
    tag: int,
    handle: Any,
    call: int,
    keys: bytes,
    sizes: array[int],
    text: bytes,
    time_ms: int,
    flags: int,
    deadline_ms: int,
    version: int,
) -> Any | None:
    what = (call, keys, len(keys), *_sizes(sizes), text, len(text))
    op = lib.queue_gather(queue, gathered, tag, handle, *what, time_ms, flags, deadline_ms, version)
    return op or None


def queue_free(queue: Any) -> None:
    ffi.release(queue)


def new_drained() -> Any:
    return ffi.gc(ffi.new("drained *"), lib.drained_clear)


def drained_events(drained: Any, count: int) -> bytes:
    """Of every rcache_event, one behind the other, the first `count`."""
    found: bytes = ffi.buffer(drained.events, count * _EVENT_SIZE)[:]
    return found


def drained_copied(drained: Any, start: int, size: int) -> bytes:
    found: bytes = ffi.unpack(drained.copy + start, size)
    return found


def drained_take_load(drained: Any, index: int) -> Any:
    return _owned(lib.drained_take_load(drained, index), lib.rcache_load_finish)


def drained_take_results(drained: Any, index: int) -> Any:
    return _owned(lib.drained_take_result(drained, index), lib.rcache_result_free)
