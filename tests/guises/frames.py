"""RESP as frames: where one ends, what a command's words are, and a socket of them."""

from __future__ import annotations

import socket

LINES = b"+-:_,#("  # types that are one line
ITEMS = b"*~>%"     # types that hold further frames


def end_of(data: bytes | bytearray, at: int = 0) -> int | None:
    """Where the frame that begins at `at` ends; None: further along than `data` goes."""
    due = 1
    while due > 0:
        stop = data.find(b"\r\n", at)
        if stop < 0:
            return None
        kind, size = data[at], data[at + 1 : stop]
        at, due = stop + 2, due - 1
        if kind in ITEMS:
            due += max(int(size), 0) * (2 if kind == ord("%") else 1)
        elif kind not in LINES and int(size) >= 0:
            at += int(size) + 2
            if at > len(data):
                return None
    return at


def words_of(frame: bytes) -> list[bytes]:
    """Of a command, which is an array of bulk strings, or one line of words."""
    if frame[:1] != b"*":
        return frame.split()
    words, at = [], frame.index(b"\r\n") + 2
    while at < len(frame):
        stop = frame.index(b"\r\n", at)
        size = int(frame[at + 1 : stop])
        words.append(frame[stop + 2 : stop + 2 + size])
        at = stop + 2 + size + 2
    return words


def bulk(text: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text)


def command(words: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(map(bulk, words))


def error(text: str) -> bytes:
    return b"-%s\r\n" % text.replace("\r\n", " ").encode()


class Wire:
    """A socket whose bytes come as frames."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connected
        self._came = bytearray()

    def fileno(self) -> int:
        return self.socket.fileno()

    def fill(self) -> bool:
        """Waits for bytes; False: the other end has hung up."""
        try:
            more = self.socket.recv(1 << 16)
        except OSError:
            return False
        self._came += more
        return bool(more)

    def take(self) -> bytes | None:
        """A frame that has come."""
        end = end_of(self._came)
        if end is None:
            return None
        frame = bytes(self._came[:end])
        del self._came[:end]
        return frame

    def read(self) -> bytes:
        """Waits for a frame."""
        while (frame := self.take()) is None:
            if not self.fill():
                raise ConnectionError("hung up")
        return frame

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        self.socket.close()
