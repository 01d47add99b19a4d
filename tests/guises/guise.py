"""What a guise makes of a server: the commands that it answers itself or alters."""

from __future__ import annotations

from .frames import error
from .interpreter import Interpreter

Answer = bytes | list[bytes] | None  # a reply; other words for the server; None: the server's own affair

# Commands of scripts whose first argument is no key.
KEYLESS = {"time", "publish", "ping", "echo"}


def name_of(words: list[bytes], index: int = 0) -> str:
    return words[index].decode(errors="replace").lower() if index < len(words) else ""


def unknown_command(words: list[bytes]) -> bytes:
    name, *rest = [word.decode(errors="replace") for word in words]
    return error(f"ERR unknown command `{name}`, with args beginning with: {''.join(f'`{word}`, ' for word in rest)}")


def wrong_arity(words: list[bytes]) -> bytes:
    return error(f"ERR wrong number of arguments for '{name_of(words)}' command")


class Guise:
    """A command that is answered or altered has a method: on_, and its name in lower case.  It is given the command's
    words and whether the connection speaks RESP3."""

    beneath = "redis7"
    lua: str | None = None  # the program that runs the scripts, where it is not the server

    def __init__(self) -> None:
        self.interpreter = Interpreter(self.lua) if self.lua is not None else None

    def answer(self, words: list[bytes], resp3: bool) -> Answer:
        method = getattr(self, f"on_{name_of(words)}", None)
        answer: Answer = None if method is None else method(words, resp3)
        return answer

    def reply(self, words: list[bytes], reply: bytes) -> bytes:
        """The server's reply as the client gets it."""
        return reply

    # ---- of scripts that the server does not run

    def on_call(self, words: list[bytes], keys: list[bytes]) -> Answer:
        """What a script calls."""
        if name_of(words) not in KEYLESS and words[1] not in keys:
            return error("ERR script tried accessing undeclared key")
        return None

    def call_reply(self, words: list[bytes], reply: bytes) -> bytes:
        return reply

    def script_error(self, sha: str, text: str) -> str:
        """What the client hears of an error that the script did not catch."""
        return text
