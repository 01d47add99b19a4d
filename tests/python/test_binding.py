"""Which binding there is under the package, and that one is as good as another."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import resilicache
from resilicache import _binding, _cffi, _native, _swig

CHOICES = _binding.CHOICES


def imported(binding: str | None, code: str = "import resilicache") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "RESILICACHE_BINDING"}
    if binding is not None:
        environment["RESILICACHE_BINDING"] = binding
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)


def names(module: Any) -> set[str]:
    return {name for name in vars(module) if not name.startswith("_")} - {"Any", "annotations", "array", "ffi"}


def test_these_tests_run_over_the_binding_that_was_asked_for() -> None:
    assert resilicache.binding == os.environ.get("RESILICACHE_BINDING", "cffi")


@pytest.mark.parametrize(("asked", "given"), [(None, "cffi"), *((name, name) for name in CHOICES)])
def test_the_one_that_was_asked_for_is_loaded_and_no_other(asked: str | None, given: str) -> None:
    told = "import resilicache, sys; print(resilicache.binding, *{name.split('_native_')[1][:4] for name in sys.modules"
    run = imported(asked, told + " if '_native_' in name})")
    assert run.stdout == f"{given} {given}\n", run.stderr


@pytest.mark.parametrize("name", ["ctypes", "", "CFFI"])
def test_an_unknown_one_is_refused_and_the_choices_are_named(name: str) -> None:
    run = imported(name)
    assert run.returncode != 0
    assert f"RESILICACHE_BINDING={name!r} is no binding: unset it, or set it to one of cffi, swig" in run.stderr


@pytest.mark.parametrize(("name", "other"), [("cffi", "swig"), ("swig", "cffi")])
def test_one_that_was_not_built_is_said_to_be_missing(name: str, other: str) -> None:
    run = imported(name, f"import sys; sys.modules['resilicache._native_{name}'] = None; import resilicache")
    assert run.returncode != 0
    assert f"the binding '{name}' can't be loaded" in run.stderr and f"_native_{name}" in run.stderr
    assert f"set RESILICACHE_BINDING to '{other}'" in run.stderr


def test_both_have_the_same_names() -> None:
    assert names(_cffi) == names(_swig)


def test_both_have_what_the_package_asks_for() -> None:
    source = Path(_native.__file__).read_text()
    for owner in ("c", "lib"):
        asked = set(re.findall(rf"(?<![\w.]){owner}\.(\w+)", source))
        assert len(asked) > 10
        for module in (_cffi, _swig):
            assert {name for name in asked if not hasattr(module if owner == "c" else module.lib, name)} == set()


def test_both_have_the_same_numbers() -> None:
    numbers = [name for name in dir(_swig.lib) if re.match("RCACHE_|CALL_|STEP_|ANSWER_|DRAINED_", name)]
    assert len(numbers) > 50
    skipped = [name for name in numbers if not hasattr(_cffi.lib, name)]
    assert [name for name in skipped if not name.startswith("RCACHE_VERSION")] == []
    for name in set(numbers) - set(skipped):
        assert getattr(_cffi.lib, name) == getattr(_swig.lib, name), name


# ---- what SWIG's typemaps promise ----

GET = (0, 0, 0, 0)


@pytest.fixture
def handle() -> Iterator[Any]:
    opened = _swig.open(b"memory://", None, _swig.new_error())
    yield opened
    _swig.lib.handle_close(opened)


@pytest.fixture
def step() -> Any:
    return _swig.new_step()[0]


@pytest.mark.parametrize("key", [b"key", bytearray(b"key"), memoryview(b"-key-")[1:-1], array("b", b"key")])
def test_swig_takes_any_buffer_for_bytes(handle: Any, step: Any, key: Any) -> None:
    assert _swig.step_one(step, handle, _swig.lib.CALL_SET, b"key", memoryview(b"va\0lue"), 10000, 0, 0, 0) == 0
    assert _swig.step_one(step, handle, _swig.lib.CALL_GET, key, b"", *GET) == 6
    assert _swig.copied(step, 6) == b"va\0lue"


@pytest.mark.parametrize("key", ["key", None, 7, [107]])
def test_swig_takes_nothing_else_for_bytes(handle: Any, step: Any, key: Any) -> None:
    with pytest.raises(TypeError):
        _swig.step_one(step, handle, _swig.lib.CALL_GET, key, b"", *GET)


def test_swig_refuses_sizes_that_do_not_add_up(handle: Any, step: Any) -> None:
    for sizes in ([], [2], [1, 1], [1, 3], [2**32 - 1, 4]):
        said = _swig.step_many(step, handle, _swig.lib.CALL_GET, b"abc", array("I", sizes), b"", *GET)
        assert said == _swig.lib.STEP_INVALID
    with pytest.raises(ValueError, match="key_sizes is a string of packed numbers"):
        _swig.step_many(step, handle, _swig.lib.CALL_GET, b"abc", b"\3\0\0", b"", *GET)


def test_swig_refuses_handles_that_are_none_of_theirs(handle: Any, step: Any) -> None:
    with pytest.raises(TypeError, match="step"):
        _swig.lib.step_wait(handle, 0)
    with pytest.raises(ValueError, match="is none, or has ended"):
        _swig.lib.step_wait(None, 0)


def test_swig_refuses_a_load_that_has_ended(handle: Any, step: Any) -> None:
    assert _swig.step_one(step, handle, _swig.lib.CALL_FETCH, b"k", b"", 10000, 0, 0, 0) == _swig.lib.STEP_EVENT
    load = _swig.step_take_load(step)
    assert _swig.step_take_load(step) is None, "it was taken"
    _swig.load_finish(load)
    _swig.load_finish(load)
    with pytest.raises(ValueError, match="this rcache_load is none, or has ended"):
        _swig.lib.rcache_load_value(load, 0, b"late", 0)


def test_swig_finishes_a_load_that_is_forgotten(handle: Any, step: Any) -> None:
    assert _swig.step_one(step, handle, _swig.lib.CALL_FETCH, b"k", b"", 10000, 0, 0, 0) == _swig.lib.STEP_EVENT
    assert _swig.step_take_load(step) is not None
    assert _swig.lib.step_wait(step, 5000) == _swig.lib.RCACHE_EVENT_DONE
    assert _swig.lib.results_outcome(_swig.step_take_results(step), 0) == _swig.lib.RCACHE_FAILED
