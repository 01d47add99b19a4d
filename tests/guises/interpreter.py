"""Scripts by another Lua than the server's, in a process of its own (interpreter.lua)."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

from .frames import command, end_of, error, words_of

PROGRAM = Path(__file__).with_name("interpreter.lua")


class Interpreter:
    def __init__(self, lua: str) -> None:
        self._process = subprocess.Popen([lua, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._came = bytearray()
        self._texts: dict[bytes, bytes] = {}

    def load(self, text: bytes) -> bytes:
        sha = hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()
        self._texts[sha] = text
        return sha

    def flush(self) -> None:
        self._texts.clear()

    def text_of(self, sha: bytes) -> bytes | None:
        return self._texts.get(sha.lower())

    def run(self, text: bytes, words: list[bytes], resp3: bool, call: Callable[[list[bytes]], bytes]) -> bytes:
        """The script's reply; `words` are the number of keys, the keys and the arguments.  What it did not catch is an
        error whose first word is FAILED."""
        if len(words) == 0 or not words[0].isdigit() or int(words[0]) > len(words) - 1:
            return error("ERR Number of keys can't be greater than number of args")
        self._write(command([b"run", text, b"3" if resp3 else b"2", *words]))
        while (told := words_of(self._read())) != [b"done"]:
            self._write(call(told[1:]))
        return self._read()

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        left = memoryview(data)
        while left:
            left = left[self._process.stdin.write(left) :]

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        while (end := end_of(self._came)) is None:
            more = self._process.stdout.read(1 << 16)
            if not more:
                raise RuntimeError("the interpreter has ended")
            self._came += more
        frame = bytes(self._came[:end])
        del self._came[:end]
        return frame
