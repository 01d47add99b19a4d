"""Cases as they are written: chapters, cases, lines, words.  docs/conformance.md has the grammar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# A quoted text, perhaps repeated; a comment; or a bare word, perhaps a name that is counted through.
_WORD = re.compile(rb'\s*(?:"((?:[^"\\]|\\.)*)"(?:\*(\d+))?(?=\s|$)|(#.*)|([^\s"]+))')
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.S)
_NAMED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"0": b"\0"}


class Mistake(Exception):
    """A case that is not written as cases are."""


@dataclass(frozen=True)
class Word:
    text: bytes
    quoted: bool

    def __str__(self) -> str:
        return self.text.decode("utf-8", "backslashreplace")


def _unescaped(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    return bytes.fromhex(escape[1:].decode()) if len(escape) == 3 else _NAMED.get(escape, escape)


def words_of(line: bytes) -> list[Word]:
    words: list[Word] = []
    at = 0
    while line[at:].strip():
        found = _WORD.match(line, at)
        if found is None:
            raise Mistake("a quoted text without its end, or with something right behind it")
        at = found.end()
        if found[1] is not None:
            words.append(Word(_ESCAPE.sub(_unescaped, found[1]) * int(found[2] or 1), True))
        elif found[4] is not None:
            words += _counted(found[4])
    return words


def _counted(bare: bytes) -> Iterator[Word]:
    """key*3 is key1 key2 key3."""
    name, star, count = bare.partition(b"*")
    if not star or not count.isdigit():
        yield Word(bare, False)
        return
    for number in range(1, int(count) + 1):
        yield Word(b"%s%d" % (name, number), False)


def split(words: Sequence[Word], at: bytes) -> tuple[Sequence[Word], Sequence[Word]]:
    for index, word in enumerate(words):
        if word.text == at and not word.quoted:
            return words[:index], words[index + 1 :]
    return words, []


@dataclass
class Line:
    place: str
    text: str


@dataclass
class Case:
    chapter: str
    name: str
    needs: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def read_cases(paths: Iterable[Path]) -> list[Case]:
    cases: list[Case] = []
    for path in paths:
        chapter = ""
        for number, raw in enumerate(path.read_bytes().splitlines(), 1):
            place, text = f"{path.name}:{number}", raw.decode().strip()
            first, _, rest = text.partition(" ")
            if not text or text.startswith("#"):
                continue
            if first == "chapter":
                chapter = rest
            elif first == "case":
                cases.append(Case(chapter, rest))
            elif not cases or cases[-1].chapter != chapter:
                raise Mistake(f"{place}: a line before the first case of its chapter")
            elif first == "needs":
                cases[-1].needs += rest.split()
            else:
                cases[-1].lines.append(Line(place, text))
    return cases
