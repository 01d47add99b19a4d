#!/usr/bin/env python3
"""The rules of CONTRIBUTING.md that a machine can hold:  tools/tidy.py [ROOT]

Prints `path:line: what and the remedy` for each finding and exits 1 if there is one."""

import pathlib
import re
import statistics
import sys

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
COLUMNS_MAX = 120

# Rooms from the bottom up: a room includes itself and those before it.
ROOMS = ["base", "engine", "backend", "runtime", "abi", "tools"]
ENGINE_HEADERS = {"stdbool.h", "stddef.h", "stdint.h", "string.h"}
SOCKET_ROOM = "core/src/backend/redis/net/"

# What core/ must not call, where it may all the same, and what to do instead.  core/tools is a program, no library.
BANNED = [
    ("malloc|calloc|realloc|free|strdup|strndup", ("core/src/base/alloc.c", "core/tools/"), "use base/alloc.h"),
    ("strcpy|strcat|sprintf|vsprintf|gets|strtok", (), "use a function that is told the size"),
    ("printf|vprintf|fprintf|puts|fputs|putchar|perror", ("core/tools/",), "return a status and a message"),
    ("abort|exit|assert", ("core/tools/",), "return an error"),
    ("atoi|atol|atoll|atof|strtod|setlocale", ("core/tools/",), "read numbers by runtime/quantity.h"),
]

COMMENT_OR_LITERAL = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
INCLUDE = re.compile(r'\s*#\s*include\s+(?:<([^>]+)>|"([^"]+)")')


class Source:
    """A file as the checks see it: `lines` as written, `code` with comments and literals made blank."""

    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        self.lines = text.splitlines()
        blank = COMMENT_OR_LITERAL.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
        self.code = blank.splitlines()
        comment = re.search(r'/\*.*?\*/|""".*?"""', text, re.S)
        self.first_comment = comment[0] if comment else ""

    def room(self):
        found = re.match(r"core/(?:src/)?(\w+)/", self.path)
        return found[1] if found and found[1] in ROOMS else None

    def includes(self):
        """(line number, name, whether it is a system header) of each include that is no comment."""
        for number, line in enumerate(self.lines, 1):
            found = INCLUDE.match(line)
            if found and self.code[number - 1].lstrip().startswith("#"):
                yield number, found[1] or found[2], found[1] is not None

    def functions(self):
        """(line number, length) of each function that is written out."""
        depth = begin = 0
        is_function = in_directive = False
        for number, line in enumerate(self.code, 1):
            directive = in_directive or line.lstrip().startswith("#")
            in_directive = directive and self.lines[number - 1].endswith("\\")
            if directive:
                continue
            if depth == 0 and line[:1].strip():
                begin = number if line[0] not in "{}" else begin
            if depth == 0 and "{" in line:
                is_function = re.search(r"\)\s*\{", line) is not None or line.startswith("{")
            depth += line.count("{") - line.count("}")
            if depth == 0 and "}" in line and is_function:
                yield begin, number - begin + 1
                is_function = False


def check_arrows(source):
    room = source.room()
    if room is None:
        return
    for line, name, system in source.includes():
        other = name.split("/")[0]
        if not system and other in ROOMS and ROOMS.index(other) > ROOMS.index(room):
            yield line, f'{room} includes "{name}" of a room above it: move what both need into {room} or below'
        if system and room == "engine" and name not in ENGINE_HEADERS:
            yield line, f"the engine includes <{name}>: let its caller hand it what it needs"
        if name.startswith(("hiredis", "openssl")) and not source.path.startswith(SOCKET_ROOM):
            yield line, f"<{name}> outside {SOCKET_ROOM}: go through a header of that folder"


def check_length(source):
    count = len(source.lines)
    if count > FILE_LINES_MAX and "in one file" not in source.first_comment:
        yield count, f"{count} lines, at most {FILE_LINES_MAX}: split it by reason to change, or say in its first " \
                     "comment why it is all in one file"


def check_columns(source):
    for number, line in enumerate(source.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f"{len(line)} columns, at most {COLUMNS_MAX}: break the line"


def check_tabs(source):
    for number, line in enumerate(source.lines, 1):
        if "\t" in line:
            yield number, "a tab: indent with four spaces, write \\t in a literal"


def check_functions(source):
    for number, count in source.functions():
        if count > FUNCTION_LINES_MAX:
            yield number, f"a function of {count} lines, at most {FUNCTION_LINES_MAX}: move a part of it into another"


def check_calls(source):
    if not source.path.startswith("core/"):
        return
    for names, allowed, remedy in BANNED:
        if source.path.startswith(allowed):
            continue
        call = re.compile(rf"(?<![\w.>])({names})\s*\(")
        for number, line in enumerate(source.code, 1):
            for found in call.finditer(line):
                yield number, f"{found[1]}() is not for here: {remedy}"


# docs/guarantees.md names the tests that show what it says: `file:test`, with the file below one of these.
PROMISES = "docs/guarantees.md"
SHOWN_BY = re.compile(r"`([\w/-]+\.(?:c|h|py|txt)):([^`]+)`", re.S)
TEST_FOLDERS = ["tests", "core/tools/conform/cases"]
# How a file has a test: a function, a case, a row of a table.
TEST_FORMS = [r"\b(?:void|bool) {}\(", r"\b(?:def|class) {}\b", r"^case {}$", r"\bX\({}[,)]", r'"{}"']


def findings_in_promises(root):
    path = root / PROMISES
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    for found in SHOWN_BY.finditer(text):
        name, test = found[1], " ".join(found[2].split())
        files = [root / folder / name for folder in TEST_FOLDERS if (root / folder / name).is_file()]
        forms = [re.compile(form.replace("{}", re.escape(test)), re.M) for form in TEST_FORMS]
        line = text.count("\n", 0, found.start()) + 1
        if not files:
            yield f"{PROMISES}:{line}: there is no {name} in {' or '.join(TEST_FOLDERS)}: name the file of a test"
        elif not any(form.search(files[0].read_text(encoding="utf-8")) for form in forms):
            yield f"{PROMISES}:{line}: {name} has no test '{test}': name the one that shows it, or promise less"


C_CHECKS = [check_arrows, check_length, check_columns, check_tabs, check_functions, check_calls]
TEXT_CHECKS = [check_length, check_columns]
CHECKS = {".c": C_CHECKS, ".h": C_CHECKS, ".py": TEXT_CHECKS, ".lua": TEXT_CHECKS, ".i": TEXT_CHECKS,
          ".pl": TEXT_CHECKS, ".cmake": TEXT_CHECKS}
FOLDERS = ["core", "bindings", "bench", "cmake", "examples", "tests", "tools"]


def sources_of(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in CHECKS and path.is_file() and "build" not in path.relative_to(root).parts:
                yield Source(root, path)


def findings_of(sources):
    for source in sources:
        for check in CHECKS[pathlib.PurePath(source.path).suffix]:
            for line, what in check(source):
                yield f"{source.path}:{line}: {what}"


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent).resolve()
    sources = list(sources_of(root))
    if not sources:
        print(f"tidy: no sources in {root}")
        return 1
    findings = [*findings_of(sources), *findings_in_promises(root)]
    for finding in findings:
        print(finding)
    median = statistics.median(len(source.lines) for source in sources)
    print(f"tidy: {len(sources)} files, median {median:.0f} lines, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
