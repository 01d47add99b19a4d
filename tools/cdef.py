"""Flattens a C header to declarations alone, as cffi and LuaJIT read them: no comments, no directives, no C++.

    python tools/cdef.py core/include/resilicache.h
    python tools/cdef.py --lua core/include/resilicache.h    # as a Lua module, with the version
"""

import re
import sys
from pathlib import Path


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)


def without_cplusplus(text: str) -> str:
    return re.sub(r"^#ifdef __cplusplus\n.*?^#endif\n", "", text, flags=re.DOTALL | re.MULTILINE)


def without_directives(text: str) -> str:
    """Also what a directive has on continued lines."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*\n?", "", text, flags=re.MULTILINE)


def declarations(header: str) -> str:
    """The declarations of a header's text, as they are written there.

    >>> print(declarations('#define RCACHE_API x\\nRCACHE_API int f(void); /* one */\\n'), end="")
    int f(void);
    """
    text = without_directives(without_cplusplus(without_comments(header)))
    text = re.sub(r"\bRCACHE_API\s+", "", text)
    lines = (line.rstrip() for line in text.splitlines())
    return "".join(line + "\n" for line in lines if line)


LUA_MODULE = """\
-- The declarations of resilicache.h, made by `python tools/cdef.py --lua`: what is changed here by hand is lost.
return { version = %d, text = [[
%s]] }
"""


def version(header: str) -> int:
    """RCACHE_VERSION of a header's text."""
    major, minor, patch = re.findall(r"^#define RCACHE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", header, re.MULTILINE)
    return int(major) * 1000000 + int(minor) * 1000 + int(patch)


def lua_module(header: str) -> str:
    return LUA_MODULE % (version(header), declarations(header))


def main(arguments: list[str]) -> None:
    as_lua = arguments[:1] == ["--lua"]
    if len(arguments) != 1 + as_lua:
        sys.exit(__doc__)
    header = Path(arguments[-1]).read_text(encoding="utf-8")
    sys.stdout.write(lua_module(header) if as_lua else declarations(header))


if __name__ == "__main__":
    main(sys.argv[1:])
