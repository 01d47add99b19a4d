"""The guises: servers that we meet and that can't be had for tests, each as it differs from Redis."""

from __future__ import annotations

from .frames import bulk, end_of, error, words_of
from .guise import Answer, Guise, name_of, unknown_command, wrong_arity

ARGUMENTS_MAX = 65536


class Dragonfly(Guise):
    """Scripts in Lua 5.4, where TIME is two integers in whole milliseconds, floats are floats and undeclared keys are
    an error; tracking in RESP3 alone, without BCAST and REDIRECT, and of nothing at all with NOLOOP; so many words a
    command and no more."""

    lua = "lua5.4"

    def answer(self, words: list[bytes], resp3: bool) -> Answer:
        if len(words) > ARGUMENTS_MAX:
            return error("ERR Protocol error: invalid multibulk length")
        return super().answer(words, resp3)

    def reply(self, words: list[bytes], reply: bytes) -> bytes:
        if name_of(words) == "hello" and reply.startswith(b"%7"):
            return b"%8" + reply[2:] + bulk(b"dragonfly_version") + bulk(b"df-v1.40.1")
        return reply

    def on_client(self, words: list[bytes], resp3: bool) -> Answer:
        what, options = name_of(words, 1), [word.upper() for word in words[2:]]
        if what not in ("tracking", "caching"):
            return error("ERR Unknown subcommand") if what in ("trackinginfo", "no-evict", "no-touch") else None
        if not resp3:
            return error("ERR Client tracking is currently not supported for RESP2")
        if what == "tracking" and not set(options) <= {b"ON", b"OFF", b"OPTIN", b"OPTOUT", b"NOLOOP"}:
            return error("ERR syntax error")
        return [b"CLIENT", b"TRACKING", b"OFF"] if b"NOLOOP" in options else None

    def call_reply(self, words: list[bytes], reply: bytes) -> bytes:
        if name_of(words) != "time":
            return reply
        seconds, microseconds = (int(word) for word in words_of(reply))
        return b"*2\r\n:%d\r\n:%d\r\n" % (seconds, microseconds // 1000 * 1000)

    def script_error(self, sha: str, text: str) -> str:
        return f"ERR Error running script (call to {sha}): @user_script:1: {text}"


class Kvrocks(Guise):
    """RESP2 whatever HELLO asks for; no tracking, no WAIT, one database, a password and no user; scripts that have to
    declare their keys, and in which a key that expires in 0 ms is there until the next."""

    lua = "luajit"

    def on_hello(self, words: list[bytes], resp3: bool) -> Answer:
        return [words[0], b"2", *words[2:]] if len(words) > 1 else None

    def on_auth(self, words: list[bytes], resp3: bool) -> Answer:
        return None if len(words) == 2 else wrong_arity(words)

    def on_client(self, words: list[bytes], resp3: bool) -> Answer:
        if name_of(words, 1) in ("id", "info", "list", "kill", "getname", "setname", "reply"):
            return None
        return error("ERR Syntax error, try CLIENT LIST|INFO|KILL ip:port|GETNAME|SETNAME|REPLY")

    def on_wait(self, words: list[bytes], resp3: bool) -> Answer:
        return unknown_command(words)

    def on_select(self, words: list[bytes], resp3: bool) -> Answer:
        return b"+OK\r\n"

    def on_pexpire(self, words: list[bytes], resp3: bool) -> Answer:
        if len(words) != 3:
            return wrong_arity(words)
        return [*words[:2], b"1"] if words[2] == b"0" else None

    def on_call(self, words: list[bytes], keys: list[bytes]) -> Answer:
        refused = super().on_call(words, keys)
        return refused if refused is not None else self.answer(words, False)

    def script_error(self, sha: str, text: str) -> str:
        return f"ERR running script (call to f_{sha}): {text}"


class KeyDB(Guise):
    """Redis 6.2 by all but its version."""

    beneath = "redis62"

    def reply(self, words: list[bytes], reply: bytes) -> bytes:
        if name_of(words) != "hello" or reply.startswith(b"-"):
            return reply
        at = reply.index(bulk(b"version")) + len(bulk(b"version"))
        end = end_of(reply, at)
        return reply[:at] + bulk(b"6.3.4") + reply[end:]


class Resp2(Guise):
    """As before Redis 6: no HELLO, no tracking, a password and no user."""

    beneath = "redis62"

    def on_hello(self, words: list[bytes], resp3: bool) -> Answer:
        return unknown_command(words)

    def on_auth(self, words: list[bytes], resp3: bool) -> Answer:
        return None if len(words) == 2 else wrong_arity(words)

    def on_acl(self, words: list[bytes], resp3: bool) -> Answer:
        return unknown_command(words)

    def on_client(self, words: list[bytes], resp3: bool) -> Answer:
        if name_of(words, 1) in ("id", "list", "kill", "getname", "setname", "reply", "pause", "unblock"):
            return None
        return error(f"ERR Unknown subcommand or wrong number of arguments for '{name_of(words, 1)}'. Try CLIENT HELP.")


class Old(Resp2):
    """And no UNLINK."""

    def on_unlink(self, words: list[bytes], resp3: bool) -> Answer:
        return unknown_command(words)


class Managed(Guise):
    """Redis as a service, which keeps to itself what concerns the server."""

    def _refuse(self, words: list[bytes], resp3: bool) -> Answer:
        return error(f"NOPERM User default has no permissions to run the '{name_of(words)}' command")

    on_config = on_info = on_role = on_command = on_select = _refuse

    def on_client(self, words: list[bytes], resp3: bool) -> Answer:
        if name_of(words, 1) in ("setinfo", "no-touch", "no-evict"):
            return error(f"NOPERM User default has no permissions to run the 'client|{name_of(words, 1)}' command")
        return None


GUISES: dict[str, type[Guise]] = {
    "dragonfly": Dragonfly,
    "kvrocks": Kvrocks,
    "keydb": KeyDB,
    "resp2": Resp2,
    "old": Old,
    "managed": Managed,
}
