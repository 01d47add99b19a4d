"""tools/tidy.py finds what it is there to find, each rule in a tree made up for it, and nothing in a tidy one."""

import pathlib
import subprocess
import sys

import pytest

TIDY = pathlib.Path(__file__).resolve().parents[2] / "tools/tidy.py"
LONG_BODY = "    call();\n" * 60


def tidy(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, TIDY, root], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


BROKEN = {
    "base includes what is above": ("core/src/base/map.c", '#include "engine/op.h"\n', ":1: base includes"),
    "engine includes backend": ("core/src/engine/op.h", '\n#include "backend/redis/redis.h"\n', ":2: engine includes"),
    "backend includes runtime": ("core/src/backend/x.c", '#include "runtime/cache.h"\n', ":1: backend includes"),
    "runtime includes abi": ("core/src/runtime/x.c", '#include "abi/handle.h"\n', ":1: runtime includes"),
    "abi includes tools": ("core/src/abi/x.c", '#include "tools/tool.h"\n', ":1: abi includes"),
    "engine has a clock": ("core/src/engine/op.c", "#include <time.h>\n", ":1: the engine includes <time.h>"),
    "hiredis outside its room": ("core/src/runtime/x.c", "#include <hiredis/read.h>\n", ":1: <hiredis/read.h> outside"),
    "a long file": ("core/src/base/map.c", "/* map */\n" + "int a;\n" * 400, ":401: 401 lines"),
    "a long file of Python": ("bindings/python/cache.py", "a = 1\n" * 401, ":401: 401 lines"),
    "a long function": ("tests/x.c", "\nint f(int a,\n      int b) {\n" + LONG_BODY + "}\n", ":2: a function of 63"),
    "a long line": ("core/src/base/map.c", "//" + "x" * 119 + "\n", ":1: 121 columns"),
    "a tab": ("core/src/base/map.c", "int f(void);\n\tint a;\n", ":2: a tab"),
    "malloc": ("core/src/base/map.c", "void *p = malloc(3);\n", ":1: malloc()"),
    "free": ("core/src/abi/x.c", "    free (p);\n", ":1: free()"),
    "strcpy": ("core/src/base/map.c", "    strcpy(a, b);\n", ":1: strcpy()"),
    "sprintf": ("core/tools/main.c", "    sprintf(a, b);\n", ":1: sprintf()"),
    "printf": ("core/src/abi/x.c", '    printf("x");\n', ":1: printf()"),
    "abort": ("core/src/abi/x.c", "    abort();\n", ":1: abort()"),
    "atoi": ("core/src/abi/x.c", "    int a = atoi(b);\n", ":1: atoi()"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found(tmp_path, name):
    path, text, expected = BROKEN[name]
    code, output = tidy(tmp_path, {path: text})
    assert code == 1
    assert output.startswith(path + expected)
    assert output.rstrip().endswith(" 1 findings")


TIDY_TREE = {
    "core/src/base/alloc.c": "#include <stdlib.h>\nvoid *a(void) {\n    return malloc(1);\n}\n",
    "core/src/engine/op.c": '#include "base/map.h"\n#include "engine/op.h"\n#include "resilicache.h"\n'
                            "#include <string.h>\n/* #include <time.h> */\n",
    "core/src/backend/redis/net/reader.c": "#include <hiredis/read.h>\n",
    "core/src/abi/x.c": '/* free(p) */\nconst char *a = "malloc(1)"; // abort()\nx->free(p); x.free(p); my_free(p);\n',
    "core/src/abi/long.c": "/* long: in one file because it is a table. */\n" + "int a;\n" * 400,
    "core/src/abi/table.c": "static const int table[] = {\n" + "    1,\n" * 70 + "};\n",
    "core/src/abi/two.c": ("int f(void) {\n" + "    call();\n" * 40 + "}\n") * 2,
    "core/src/abi/macro.c": "#define M(x) \\\n    if (x) { \\\n        y(); \\\n\nint f(void) {\n    return 0;\n}\n",
    "core/tools/main.c": '#include "abi/x.h"\nint main(void) {\n    printf("x");\n    exit(1);\n}\n',
    "tests/x.c": "void f(void) {\n    free(malloc(1));\n}\n",
    "core/src/base/wide.c": "/*" + "x" * 116 + "*/\n",
}


def test_a_tidy_tree_passes(tmp_path):
    code, output = tidy(tmp_path, TIDY_TREE)
    assert (code, output.splitlines()[:-1]) == (0, [])


PROMISE = """One (`unit/x_test.c:holds`), and over lines `09-lock.txt:it
ends`; `simulation/mutation.h:rule`, `load/test_x.py:test_x`, `model/x.c:a row`; `lock_expire=3s` is no test.
"""
SHOWN = {
    "tests/unit/x_test.c": "static void holds(void **state) {\n}\n",
    "core/tools/conform/cases/09-lock.txt": "case it ends\n    fetch user\n",
    "tests/simulation/mutation.h": '#define MUTATIONS(X) X(rule, "")\n',
    "tests/load/test_x.py": "def test_x() -> None:\n    pass\n",
    "tests/model/x.c": 'const char *names[] = { "a row" };\n',
    "docs/guarantees.md": PROMISE,
}


def test_promises_whose_tests_are_there_pass(tmp_path):
    assert tidy(tmp_path, SHOWN)[0] == 0


@pytest.mark.parametrize("path", [path for path in SHOWN if path != "docs/guarantees.md"])
def test_a_promise_without_its_test_is_found(tmp_path, path):
    code, output = tidy(tmp_path, SHOWN | {path: "another\n"})
    assert code == 1
    assert "promise less" in output
    (tmp_path / path).unlink()
    (tmp_path / "tests/y.c").write_text("int a;\n", encoding="utf-8")
    code, output = tidy(tmp_path, {})
    assert code == 1
    assert "docs/guarantees.md:" in output and "name the file of a test" in output


def test_an_empty_tree_does_not_pass(tmp_path):
    assert tidy(tmp_path, {})[0] == 1
