"""A blocking client, so that what the tests see of a server is not seen through what they test."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

DEADLINE_S = 20.0


def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_S) -> Any:
    """What the condition returns, once it is true."""
    end = time.monotonic() + seconds
    while not (met := condition()):
        assert time.monotonic() < end, f"in {seconds} s it did not come to this: {what}"
        time.sleep(0.002)
    return met


class ReplyError(Exception):
    """The server's answer is an error, in its words."""

    @property
    def code(self) -> str:
        return str(self).split(" ", 1)[0]


def encode(words: tuple[str | bytes | int, ...]) -> bytes:
    texts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%s\r\n" % (len(text), text) for text in texts)


class Connection:
    def __init__(self, port: int, tls: ssl.SSLContext | None = None, timeout: float = DEADLINE_S) -> None:
        self.port = port
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        if tls is not None:
            with self._socket as plain:  # closed, unless it is handed over
                self._socket = tls.wrap_socket(plain, server_hostname="localhost")
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def ask(self, *words: str | bytes | int) -> Any:
        """Text as bytes, integers, None, lists; an error is raised, but one inside a list stands in its place."""
        self.send(*words)
        reply = self.read()
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def send(self, *words: str | bytes | int) -> None:
        self._socket.sendall(encode(words))

    def read(self) -> Any:
        """The next reply; of RESP 3 maps, as lists of names and values, pushes and nulls as well."""
        line = self._stream.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._stream.read(int(rest) + 2)[:-2]
        if kind in (b"*", b">", b"%"):
            count = int(rest) * (2 if kind == b"%" else 1)
            return None if count < 0 else [self.read() for _ in range(count)]
        if kind == b"_":
            return None
        raise ConnectionError("the server has hung up" if not line else f"no reply: {line!r}")
