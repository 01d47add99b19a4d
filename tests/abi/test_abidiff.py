"""tools/abi.py sees what breaks programs that were built before, and what doesn't."""

import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("abi", ROOT / "tools/abi.py")
abi = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(abi)

COMMITTED = abi.TEXT.read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(shutil.which("abidiff") is None, reason="no abidiff: apt install abigail-tools")


def changed(pattern, replacement):
    text, count = re.subn(pattern, replacement, COMMITTED, flags=re.S)
    assert count > 0, pattern
    return text


def without_function(name):
    text = changed(rf"    <elf-symbol name='{name}'[^\n]*\n", "")
    return re.sub(rf"    <function-decl name='{name}'.*?</function-decl>\n", "", text, flags=re.S)


def test_what_has_not_changed_is_no_difference():
    assert abi.compare(COMMITTED, COMMITTED) is None


def test_the_text_has_no_place_of_this_machine():
    assert str(ROOT) not in COMMITTED
    assert "filepath" not in COMMITTED


def test_a_function_that_is_gone_breaks_programs():
    told = abi.compare(COMMITTED, without_function("rcache_stats"))
    assert "number `abi` in CMakeLists.txt" in told
    assert "rcache_stats" in told


def test_a_new_function_asks_for_the_text_to_be_renewed():
    told = abi.compare(without_function("rcache_stats"), COMMITTED)
    assert told.startswith("The library has more")
    assert "make abi" in told
    assert "rcache_stats" in told


def test_another_type_of_an_argument_breaks_programs():
    other = changed(r"(<function-decl name='rcache_has'.*?<parameter type-id=')\w+'", r"\g<1>95e97e5e'")
    assert "number `abi`" in abi.compare(COMMITTED, other)


C = """
#include <stdint.h>
typedef struct rcache_call { uint32_t struct_size, flags; %s } rcache_call;
typedef struct rcache_event { uint64_t tag; %s } rcache_event;
__attribute__((visibility("default"))) int32_t rcache_use(const rcache_call *call, rcache_event *event);
int32_t rcache_use(const rcache_call *call, rcache_event *event) { return call->flags != 0 && event->tag != 0; }
"""


def described(directory, call, event):
    source, library = directory / "source.c", directory / "library.so"
    source.write_text(C % (call, event), encoding="utf-8")
    subprocess.run(["cc", "-g", "-shared", "-fPIC", "-o", library, source], check=True)
    return subprocess.run(["abidw", "--no-show-locs", library], capture_output=True, text=True, check=True).stdout


def test_a_struct_with_its_size_in_front_may_grow_at_the_end_and_a_frozen_one_may_not(tmp_path):
    first = "int64_t deadline_ms; uint64_t version;"
    before = described(tmp_path, first, "uint32_t kind;")
    grown = described(tmp_path, first + "uint64_t more;", "uint32_t kind;")
    shifted = described(tmp_path, "uint64_t more;" + first, "uint32_t kind;")
    thawed = described(tmp_path, first, "uint32_t kind; uint64_t more;")
    assert "make abi" in abi.compare(before, grown) and "number `abi`" not in abi.compare(before, grown)
    assert "number `abi`" in abi.compare(before, shifted)
    assert "number `abi`" in abi.compare(before, thawed)


def test_a_library_without_debug_information_is_refused(tmp_path):
    library = tmp_path / "library.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-xc", "-"], input="int f;", text=True, check=True)
    done = subprocess.run(
        [sys.executable, ROOT / "tools/abi.py", library, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "no debug information" in done.stderr
