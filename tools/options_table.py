#!/usr/bin/env python3
"""Writes the table in docs/options.md from what the built library says of its options.

    tools/options_table.py build/libresilicache.so            writes it
    tools/options_table.py build/libresilicache.so --check    fails if docs/options.md is not what would be written
"""

import argparse
import ctypes
import pathlib
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "options.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
TEXTS = ("name", "type", "fallback", "range", "help")


class OptionInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("reserved", ctypes.c_uint32)] + [
        (text, ctypes.c_char_p) for text in TEXTS
    ]


def options(library):
    describe = ctypes.CDLL(str(library)).rcache_options_describe
    describe.argtypes = [ctypes.c_size_t, ctypes.POINTER(OptionInfo)]
    describe.restype = ctypes.c_int32
    info = OptionInfo(struct_size=ctypes.sizeof(OptionInfo))
    index = 0
    while describe(index, ctypes.byref(info)) == 0:
        yield [getattr(info, text).decode() for text in TEXTS]
        index += 1


def table(library):
    lines = ["| option | type | default | range | what it is |", "| --- | --- | --- | --- | --- |"]
    for name, kind, fallback, span, sentence in options(library):
        cells = f"`{name}`", kind, f"`{fallback}`" if fallback else "empty", f"`{span}`" if span else "", sentence
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=pathlib.Path, help="the built shared library")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where the page has drifted")
    arguments = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    wanted = before + BEGIN + table(arguments.library.resolve()) + END + after
    if wanted == page:
        return 0
    if arguments.check:
        print(f"{PAGE.name} has drifted from the library; run {sys.argv[0]} {arguments.library}", file=sys.stderr)
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
