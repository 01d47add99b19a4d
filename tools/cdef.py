"""Flattens a C header to declarations alone, as cffi and LuaJIT read them: no comments, no directives, no C++.

    python tools/cdef.py core/include/resilicache.h
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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(declarations(Path(sys.argv[1]).read_text(encoding="utf-8")))
