"""Workers in other languages: programs that do as those of workers.py, and ask the judge by lines."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from builds import GO, ROOT, go_environment, install, lua_environment, run

from .truth import Truth, value_of
from .workers import PAUSE_S, Crew

AGENTS = Path(__file__).with_name("agents")
MODULE = "github.com/resilicache/resilicache/bindings/go-cgo"
END_SECONDS = 30.0


class Programs:
    """Built when first wanted, into `out`."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._commands: dict[str, tuple[list[str], dict[str, str]]] = {}

    def here(self) -> list[str]:
        """Those for which there is what it takes."""
        there = {"lua": shutil.which("lua5.4") is not None, "go": GO is not None}
        return [language for language, is_there in there.items() if is_there]

    def command(self, language: str) -> tuple[list[str], dict[str, str]]:
        if language not in self._commands:
            prefix = self._out / "prefix"
            if not prefix.exists():
                install(prefix)
            self._commands[language] = self._lua(prefix) if language == "lua" else self._go(prefix)
        return self._commands[language]

    def _lua(self, prefix: Path) -> tuple[list[str], dict[str, str]]:
        environment = lua_environment("lua5.4", prefix, self._out / "lua")
        return ["lua5.4", str(AGENTS / "agent.lua")], environment

    def _go(self, prefix: Path) -> tuple[list[str], dict[str, str]]:
        environment, source = go_environment(prefix), self._out / "go"
        shutil.copytree(AGENTS / "go", source)
        replaced = f"require {MODULE} v0.0.0\n\nreplace {MODULE} => {ROOT / 'bindings/go-cgo'}\n"
        (source / "go.mod").write_text(f"module agent\n\ngo 1.24\n\n{replaced}")
        run(str(GO), "build", "-o", "agent", ".", cwd=source, **environment)
        return [str(source / "agent")], environment


def start_program(
    crew: Crew, command: list[str], environment: dict[str, str], url: str, mortal: bool = False
) -> subprocess.Popen[str]:
    """A process of the crew's, and a thread that answers it.  mortal: it may be killed; what it had begun has failed
    then."""
    process = subprocess.Popen(
        [*command, url, str(crew.seed), *crew.keys],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None and process.stdout is not None
    sink, source = process.stdin, process.stdout

    begun: set[str] = set()

    def serve_all() -> None:
        for line in source:
            what, number, *_ = f"{line.rstrip()} ".split(" ", 2)
            told = answer(crew, line.rstrip("\n"))
            if what == "begin" and told != "stop":
                begun.add(told)
            elif what in ("end", "fail"):
                begun.discard(number)
            sink.write(told + "\n")
            sink.flush()

    def serve() -> None:
        try:
            with contextlib.suppress(OSError):  # nobody reads it any more
                serve_all()
            assert mortal or process.wait(END_SECONDS) == 0
            for number in begun:
                crew.truth.fail(int(number), "its process was killed")
        finally:
            process.kill()
            process.wait()
            with contextlib.suppress(OSError):
                sink.close()
            source.close()

    crew.start(serve)
    return process


def answer(crew: Crew, line: str) -> str:
    truth: Truth = crew.truth
    what, *words = line.split(" ", 2)
    if what == "begin":
        return str(truth.begin(words[0], words[1])) if crew.working else "stop"
    if what == "read":
        return value_of(words[0], truth.read(words[0]))
    if what == "commit":
        return str(truth.commit(words[0]))
    if what == "acknowledge":
        truth.acknowledge(words[0], int(words[1]))
    elif what == "end":
        truth.end(int(words[0]), words[1] or None)
    elif what == "fail":
        truth.fail(int(words[0]), words[1])
    elif what == "pause":
        time.sleep(PAUSE_S)
    else:
        raise ValueError(line)
    return "ok"
