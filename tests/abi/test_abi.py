"""The C ABI is what the header and core/resilicache.syms say: names, layouts, and a header that any compiler takes."""

import os
import pathlib
import re
import subprocess

import cffi
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "core/include"
HEADER = INCLUDE / "resilicache.h"
BUILD = pathlib.Path(os.environ.get("RCACHE_BUILD", ROOT / "build/release"))
SYMBOLS = set((ROOT / "core/resilicache.syms").read_text(encoding="utf-8").split())

# Frozen: a program that was built before must go on working.  Sizes and offsets where pointers have 8 bytes.
LAYOUTS = {
    "rcache_error": (256, {"status": 0, "message": 4}),
    "rcache_value": (24, {"data": 0, "size": 8, "outcome": 16, "status": 20}),
    "rcache_event": (
        64,
        {"tag": 0, "result": 8, "load": 16, "value": 24, "wait_ms": 48, "kind": 56, "node": 60},
    ),
    "rcache_call": (32, {"struct_size": 0, "flags": 4, "deadline_ms": 8, "version": 16, "session": 24}),
    "rcache_option_info": (
        48,
        {"struct_size": 0, "reserved": 4, "name": 8, "type": 16, "fallback": 24, "range": 32, "help": 40},
    ),
}


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def names(*command):
    return {line.split()[-1].split("@")[0] for line in run(*command).splitlines() if len(line.split()) == 3}


def test_the_list_has_every_function_of_the_header_and_no_other():
    declared = re.findall(r"^RCACHE_API [^(;]*?\b(rcache_\w+)\(", HEADER.read_text(encoding="utf-8"), re.M)
    assert len(declared) > 30
    assert set(declared) == SYMBOLS


def test_the_list_is_sorted():
    listed = (ROOT / "core/resilicache.syms").read_text(encoding="utf-8").split()
    assert listed == sorted(listed)


def test_the_shared_library_exports_the_list_and_no_other():
    assert names("nm", "-D", "--defined-only", BUILD / "libresilicache.so") == SYMBOLS


def test_the_static_library_offers_the_list_and_no_other():
    assert names("nm", "-g", "--defined-only", BUILD / "libresilicache.a") == SYMBOLS


def test_the_static_library_asks_for_nothing_of_hiredis():
    wanted = run("nm", "-u", BUILD / "libresilicache.a").split()
    assert [name for name in wanted if re.match(r"redis|sds|hi_", name)] == []


def test_the_shared_library_has_the_abi_number_and_stays_loaded():
    dynamic = run("readelf", "-d", BUILD / "libresilicache.so")
    assert "[libresilicache.so.0]" in dynamic
    assert "NODELETE" in dynamic
    needed = {re.sub(r"\.so.*", "", name) for name in re.findall(r"NEEDED.*\[(.*)\]", dynamic)}
    assert needed <= {"libc", "libpthread", "libm", "libssl", "libcrypto"}


COMPILERS = {
    "gcc c11": "gcc -std=c11 -xc -pedantic -Wall -Wextra -Wpadded -Wstrict-prototypes -Werror",
    "gcc c99": "gcc -std=c99 -xc -pedantic -Wall -Wextra -Wpadded -Werror",
    "g++ c++11": "g++ -std=c++11 -xc++ -pedantic -Wall -Wextra -Wpadded -Werror",
    "g++ c++20": "g++ -std=c++20 -xc++ -pedantic -Wall -Wextra -Wpadded -Werror",
}


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_header_compiles_alone(compiler):
    run(*COMPILERS[compiler].split(), "-fsyntax-only", f"-I{INCLUDE}", "-", input='#include "resilicache.h"\n')


def test_the_layouts_are_frozen(tmp_path):
    lines = ['#include "resilicache.h"', "#define IS(a, b) _Static_assert((a) == (b), #a)"]
    for name, (size, offsets) in LAYOUTS.items():
        lines.append(f"IS(sizeof({name}), {size});")
        lines += [f"IS(offsetof({name}, {field}), {offset});" for field, offset in offsets.items()]
    run("gcc", "-std=c11", "-xc", "-fsyntax-only", f"-I{INCLUDE}", "-", input="\n".join(lines) + "\n")


def test_the_frozen_layouts_name_every_field():
    ffi = cffi.FFI()
    ffi.cdef(flat_header())
    for name, (size, offsets) in LAYOUTS.items():
        assert ffi.sizeof(name) == size
        assert {field: info.offset for field, info in ffi.typeof(name).fields} == offsets


def flat_header():
    """The declarations alone: what is left when the directives, comments and markers are gone."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.S)
    text = re.sub(r"^[ \t]*#.*$", "", text, flags=re.M)
    return re.sub(r'extern "C" \{|^\}$|RCACHE_API ', "", text, flags=re.M)


def test_cffi_reads_every_function_of_the_header():
    ffi = cffi.FFI()
    ffi.cdef(flat_header())
    library = ffi.dlopen(str(BUILD / "libresilicache.so"))
    assert SYMBOLS <= set(dir(library))
    assert library.rcache_version() == library_version()


def library_version():
    parts = re.findall(r"define RCACHE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", HEADER.read_text(encoding="utf-8"))
    return int(parts[0]) * 1000000 + int(parts[1]) * 1000 + int(parts[2])


def test_every_enum_value_is_written_out_once():
    """Numbers keep their meaning: in the groups below they are the protocol between old programs and new libraries."""
    ffi = cffi.FFI()
    ffi.cdef(flat_header())
    lib = ffi.dlopen(str(BUILD / "libresilicache.so"))
    statuses = {name: getattr(lib, name) for name in dir(lib) if name.startswith("RCACHE_E_")}
    assert sorted(statuses.values(), reverse=True) == list(range(-1, -len(statuses) - 1, -1))
    names = ("INVALID", "LOST", "TYPE", "QUEUED", "OUTDATED")
    assert [statuses[f"RCACHE_E_{name}"] for name in names] == [-1, -13, -16, -17, -18]
    outcomes = ["FAILED", "HIT", "LOADED", "STALE", "ABSENT", "DONE"]
    assert [getattr(lib, f"RCACHE_{name}") for name in outcomes] == list(range(6))
    events = ["NONE", "DONE", "LOAD", "CONNECT", "SEND", "CLOSE"]
    assert [getattr(lib, f"RCACHE_EVENT_{name}") for name in events] == list(range(6))
    flags = ["STRONG", "EVENTUAL", "INLINE", "RAW", "WAIT"]
    assert [getattr(lib, f"RCACHE_{name}") for name in flags] == [1, 2, 4, 8, 16]
