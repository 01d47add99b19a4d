"""The binding over SWIG: the names of `_cffi`.  What C gives is a bare pointer, which frees what it owns."""

from __future__ import annotations

from typing import Any

from . import _native_swig as lib

for _name in [name.removesuffix("_swigregister") for name in dir(lib) if name.endswith("_swigregister")]:
    # SWIG asks a class how its pointers are freed.
    _free = getattr(lib, f"delete_{_name}")
    getattr(lib, f"{_name}_swigregister")(type(_name, (), {"__swig_destroy__": _free}))

_INFO = [getattr(lib, f"rcache_option_info_{name}_get") for name in ("name", "type", "fallback", "range", "help")]
copied = lib.step_copied
peek = lib.peek
new_error = lib.new_rcache_error
new_options = lib.rcache_options_new
open = lib.handle_open
credentials = lib.handle_credentials
set_option = lib.handle_set_option
stats = lib.handle_stats
session_token = lib.handle_session_token
session_join = lib.handle_session_join
step_one = lib.step_one
step_many = lib.step_many
step_kind = lib.step_kind
step_take_load = lib.step_take_load
step_take_results = lib.step_take_results
results_values = lib.results_values
results_message = lib.results_message
load_answer = lib.load_answer
load_finish = lib.rcache_load_finish
queue_open = lib.queue_open
queue_gather = lib.queue_gather
queue_free = lib.rcache_queue_free
new_gathered = lib.new_gathered
new_drained = lib.new_drained
drained_events = lib.drained_events
drained_copied = lib.drained_copied
drained_take_load = lib.drained_take_load
drained_take_results = lib.drained_take_results


def text(chars: bytes) -> str:
    return chars.decode("utf-8", "replace")


def read_error(error: Any) -> tuple[int, str]:
    return lib.rcache_error_status_get(error), text(lib.rcache_error_message_get(error))


def describe_option(index: int) -> tuple[str, ...] | None:
    info = lib.new_rcache_option_info()
    return None if lib.rcache_options_describe(index, info) != 0 else tuple(text(field(info)) for field in _INFO)


def new_step() -> tuple[Any, Any]:
    step = lib.new_step()
    return step, step


def load_positions(load: Any) -> list[int]:
    return [lib.rcache_load_position(load, index) for index in range(lib.rcache_load_count(load))]
