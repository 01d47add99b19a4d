"""The cffi extension `resilicache._native_cffi`: the C header and the calls that bindings share."""

import sys
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from cdef import declarations  # noqa: E402

SHARED = ROOT / "bindings" / "shared"
HEADERS = [ROOT / "core" / "include" / "resilicache.h", SHARED / "calls.h"]

ffi = FFI()
for header in HEADERS:
    ffi.cdef(declarations(header.read_text(encoding="utf-8")))
ffi.set_source(
    "resilicache._native_cffi",
    '#include "calls.c"',
    include_dirs=[str(SHARED), str(ROOT / "core" / "include")],
    depends=[str(path) for path in (*HEADERS, SHARED / "calls.c")],
    extra_compile_args=["-std=gnu11", "-fvisibility=hidden"],
    libraries=["pthread"],
)
