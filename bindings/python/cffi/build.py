"""The cffi extension `resilicache._native_cffi`: the C header and the fused calls beside this file."""

import sys
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from cdef import declarations  # noqa: E402

HEADERS = [ROOT / "core" / "include" / "resilicache.h", HERE / "calls.h"]

ffi = FFI()
for header in HEADERS:
    ffi.cdef(declarations(header.read_text(encoding="utf-8")))
ffi.set_source(
    "resilicache._native_cffi",
    '#include "calls.c"',
    include_dirs=[str(HERE), str(ROOT / "core" / "include")],
    depends=[str(path) for path in (*HEADERS, HERE / "calls.c")],
    extra_compile_args=["-std=gnu11", "-fvisibility=hidden"],
    libraries=["pthread"],
)
