"""One thread between clients and a server: a command at a time, so that a script is alone also where the guise runs
it; while nothing is asked, what the server pushes is handed on."""

from __future__ import annotations

import selectors
import socket

from .frames import Wire, command, error, words_of
from .guise import Guise, name_of

UPSTREAM_SECONDS = 60.0


class Session:
    """A client and its own connection to the server."""

    def __init__(self, guise: Guise, client: socket.socket, port: int) -> None:
        self.guise = guise
        self.client = Wire(client)
        self.server = Wire(socket.create_connection(("127.0.0.1", port), timeout=UPSTREAM_SECONDS))
        self.resp3 = False

    def close(self) -> None:
        self.client.close()
        self.server.close()

    def take_client(self) -> bool:
        """Bytes of the client have come; False: it has gone."""
        alive = self.client.fill()
        while alive and (frame := self.client.take()) is not None:
            words = words_of(frame)
            if words:
                self.client.send(self._carry_out(words))
        return alive

    def take_server(self) -> bool:
        """Nobody has asked: pushes, or the end."""
        alive = self.server.fill()
        while alive and (frame := self.server.take()) is not None:
            self.client.send(frame)
        return alive

    def _ask(self, words: list[bytes]) -> bytes:
        self.server.send(command(words))
        while (frame := self.server.read()).startswith(b">"):
            self.client.send(frame)
        return frame

    def _carry_out(self, words: list[bytes]) -> bytes:
        answer = self.guise.answer(words, self.resp3)
        if isinstance(answer, bytes):
            return answer
        if self.guise.interpreter is not None and name_of(words) in ("eval", "evalsha", "script"):
            return self._script(words)
        reply = self._ask(words if answer is None else answer)
        if name_of(words) == "hello" and not reply.startswith(b"-"):
            self.resp3 = reply.startswith(b"%")
        return self.guise.reply(words, reply)

    # ---- scripts

    def _script(self, words: list[bytes]) -> bytes:
        interpreter = self.guise.interpreter
        assert interpreter is not None
        what = name_of(words, 1)
        if name_of(words) == "eval":
            return self._run(interpreter.load(words[1]), words[2:])
        if name_of(words) == "evalsha":
            return self._run(words[1], words[2:])
        if what == "load" and len(words) == 3:
            sha = interpreter.load(words[2])
            return b"$%d\r\n%s\r\n" % (len(sha), sha)
        if what == "flush":
            interpreter.flush()
            return b"+OK\r\n"
        return error(f"ERR Unknown subcommand or wrong number of arguments for '{what}'. Try SCRIPT HELP.")

    def _run(self, sha: bytes, words: list[bytes]) -> bytes:
        assert self.guise.interpreter is not None
        text = self.guise.interpreter.text_of(sha)
        if text is None:
            return error("NOSCRIPT No matching script. Please use EVAL.")
        keys = words[1 : 1 + int(words[0])] if words and words[0].isdigit() else []
        reply = self.guise.interpreter.run(text, words, self.resp3, lambda call: self._call(call, keys))
        if reply.startswith(b"-FAILED "):
            return error(self.guise.script_error(sha.decode(), reply[8:-2].decode(errors="replace")))
        return reply

    def _call(self, words: list[bytes], keys: list[bytes]) -> bytes:
        answer = self.guise.on_call(words, keys)
        if isinstance(answer, bytes):
            return answer
        return self.guise.call_reply(words, self._ask(words if answer is None else answer))


class Proxy:
    def __init__(self, guise: Guise, port: int, upstream: int) -> None:
        self._guise, self._upstream = guise, upstream
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif self._is_open(key.fileobj):  # an earlier one of this round may have ended it
                    self._take(key.fileobj, key.data)

    def _is_open(self, one: socket.socket) -> bool:
        return one.fileno() >= 0 and one in self._selector.get_map()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            session = Session(self._guise, client, self._upstream)
        except OSError:
            client.close()
            return
        self._selector.register(session.client, selectors.EVENT_READ, session)
        self._selector.register(session.server, selectors.EVENT_READ, session)

    def _take(self, wire: object, session: Session) -> None:
        try:
            alive = session.take_client() if wire is session.client else session.take_server()
        except OSError:
            alive = False
        if not alive:
            self._selector.unregister(session.client)
            self._selector.unregister(session.server)
            session.close()
