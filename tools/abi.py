#!/usr/bin/env python3
"""The ABI as text, and whether the library still has it:  tools/abi.py LIBRARY [--check]

Writes core/abi/resilicache.abi; with --check, compares instead, and says what to do about a difference.  The library
needs its debug information.  abidw and abidiff are those of libabigail."""

import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEXT = ROOT / "core/abi/resilicache.abi"
# Structs that the caller fills, with their size in front: they may grow at the end (docs/c-api.md, "How it grows").
GROWING = ("rcache_call", "rcache_option_info")

# Places, paths and other libraries are no part of it.
ABIDW = [
    "abidw", "--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--no-elf-needed", "--no-architecture",
    "--type-id-style", "hash", "--drop-private-types", "--drop-undefined-syms", "--exported-interfaces-only",
    "--headers-dir", str(ROOT / "core/include"),
]
SUPPRESSIONS = "".join(f"[suppress_type]\n  name = {name}\n" for name in GROWING)

INCOMPATIBLE = """The library no longer has the ABI of core/abi/resilicache.abi: programs that were built before can't
run with it.  Take the change back; or, if it has to be, raise the number `abi` in CMakeLists.txt, which goes into the
soname, tell of it in CHANGELOG.md under what users must do, and run `make abi`."""
ADDED = """The library has more than core/abi/resilicache.abi says, and all that this says.
Run `make abi` and commit the file."""
NO_DEBUG = "{} has no debug information, or none of its functions is in core/include: build it with -g"


def describe(library):
    """The library's ABI as text."""
    text = subprocess.run([*ABIDW, str(library)], capture_output=True, text=True, check=True).stdout
    if "<function-decl" not in text:
        sys.exit(NO_DEBUG.format(library))
    return text.replace(f"'{ROOT}/", "'")


def members(text, name):
    """Offset, name and type of each member of the struct, in order."""
    found = ElementTree.fromstring(text).find(f".//class-decl[@name='{name}'][@size-in-bits]")
    fields = found.iter("data-member") if found is not None else []
    return [(field.get("layout-offset-in-bits"), field[0].get("name"), field[0].get("type-id")) for field in fields]


def shrunk(before, now):
    """Those of GROWING that are no longer what they were at the beginning."""
    return [name for name in GROWING if members(now, name)[: len(members(before, name))] != members(before, name)]


def differences(*options):
    """What abidiff says: "" where nothing has changed."""
    done = subprocess.run(["abidiff", "--no-show-locs", *options], capture_output=True, text=True, check=False)
    if done.returncode & 3:
        sys.exit(f"abidiff failed: {done.stdout}{done.stderr}")
    return done.stdout if done.returncode else ""


def compare(before, now):
    """What to do about the differences between two texts, and which they are; None: there are none."""
    names = shrunk(before, now)
    if names:
        return f"{INCOMPATIBLE}\n\nmembers of {', '.join(names)} have changed that programs know already"
    with tempfile.TemporaryDirectory() as directory:
        paths = [pathlib.Path(directory) / name for name in ("suppressions", "before.abi", "now.abi")]
        for path, text in zip(paths, (SUPPRESSIONS, before, now)):
            path.write_text(text, encoding="utf-8")
        options = ["--suppressions", *paths]
        difference, changed = differences(*options), differences("--no-added-syms", *options)
    if changed:
        return f"{INCOMPATIBLE}\n\n{changed}"
    grown = any(members(before, name) != members(now, name) for name in GROWING)
    return f"{ADDED}\n\n{difference}" if difference or grown else None


def main(arguments):
    if not arguments or arguments[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    now = describe(arguments[0])
    if arguments[1:]:
        sys.exit(compare(TEXT.read_text(encoding="utf-8"), now))
    TEXT.write_text(now, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
