"""That a guise is what it says: what it refuses, and what it does otherwise than Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from guises import GuiseServer
from guises.frames import command, end_of, words_of
from servers import Connection, ReplyError

GuiseOf = Callable[[str], GuiseServer]


@pytest.fixture
def client(guise_of: GuiseOf) -> Iterator[Callable[[str], Connection]]:
    opened: list[Connection] = []

    def connect(guise: str) -> Connection:
        opened.append(guise_of(guise).connect())
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


Client = Callable[[str], Connection]


def refusal(connection: Connection, *words: str | bytes | int) -> str:
    with pytest.raises(ReplyError) as refused:
        connection.ask(*words)
    return str(refused.value)


def test_frames_are_found_however_they_are_cut() -> None:
    whole = b"*3\r\n$2\r\n\r\n\r\n%1\r\n+a\r\n:1\r\n_\r\n" + command([b"GET", b""])
    first = end_of(whole)
    assert first == whole.index(b"*2")
    assert all(end_of(whole[:size]) is None for size in range(first))
    assert words_of(whole[first:]) == [b"GET", b""]


def test_what_is_asked_in_one_go_is_answered_in_order(client: Client) -> None:
    connection = client("dragonfly")
    asked: list[tuple[str | int, ...]] = [("SET", "k", "1"), ("EVAL", "return redis.call('INCR', KEYS[1])", 1, "k")]
    asked += [("NOSUCH",), ("GET", "k")]
    for words in asked:
        connection.send(*words)
    replies = [connection.read() for _ in asked]
    assert replies[:2] == [b"OK", 2] and isinstance(replies[2], ReplyError) and replies[3] == b"2"


# ---- scripts elsewhere than in Redis


@pytest.mark.parametrize("guise", ["dragonfly", "kvrocks", "managed"])
def test_scripts_are_run_by_the_lua_of_the_guise(client: Client, guise: str) -> None:
    connection, version = client(guise), b"Lua 5.4" if guise == "dragonfly" else b"Lua 5.1"
    assert connection.ask("EVAL", "return {_VERSION, KEYS[1], ARGV[1], 3, true, false, 'x'}", 1, "key", "\r\n") == [
        *(version, b"key", b"\r\n", 3, 1, None, b"x")
    ]


@pytest.mark.parametrize("guise", ["dragonfly", "kvrocks"])
def test_scripts_are_found_by_their_hash(client: Client, guise: str) -> None:
    connection = client(guise)
    sha = connection.ask("SCRIPT", "LOAD", "return ARGV[1]")
    assert connection.ask("EVALSHA", sha, 0, "yes") == b"yes"
    connection.ask("SCRIPT", "FLUSH")
    assert refusal(connection, "EVALSHA", sha, 0, "yes").startswith("NOSCRIPT")
    connection.ask("EVAL", "return ARGV[1]", 0, "yes")
    assert connection.ask("EVALSHA", sha, 0, "yes") == b"yes"


@pytest.mark.parametrize("guise", ["dragonfly", "kvrocks"])
def test_errors_in_scripts(client: Client, guise: str) -> None:
    connection = client(guise)
    connection.ask("SET", "text", "x")
    refused = refusal(connection, "EVAL", "return redis.call('HGET', KEYS[1], 'f')", 1, "text")
    assert "running script (call to " in refused and "WRONGTYPE" in refused
    caught = "return redis.pcall('HGET', KEYS[1], 'f').err"
    assert connection.ask("EVAL", caught, 1, "text").startswith(b"WRONGTYPE")
    assert refusal(connection, "EVAL", "return redis.error_reply('MINE so')", 0) == "MINE so"
    assert "undeclared key" in refusal(connection, "EVAL", "return redis.call('GET', 'text')", 0)
    assert "nonexistent global" in refusal(connection, "EVAL", "return nothing", 0)
    assert "readonly" in refusal(connection, "EVAL", "something = 1", 0)
    assert "compiling" in refusal(connection, "EVAL", "return return", 0)


# ---- dragonfly


def test_dragonfly_tells_the_time_in_integers_and_whole_milliseconds(client: Client) -> None:
    types = client("dragonfly").ask("EVAL", "local t = redis.call('TIME') return {math.type(t[1]), t[2] % 1000}", 0)
    assert types == [b"integer", 0]


@pytest.mark.parametrize("script", ["return 7 / 2", "return {4 / 2}", "redis.call('SET', KEYS[1], 4 / 2)"])
def test_dragonfly_finds_floats(client: Client, script: str) -> None:
    assert "a float as" in refusal(client("dragonfly"), "EVAL", script, 1, "k")


def test_dragonfly_tracks_in_resp3_without_noloop_and_bcast(client: Client) -> None:
    connection = client("dragonfly")
    assert "RESP2" in refusal(connection, "CLIENT", "TRACKING", "ON", "OPTIN")
    told = connection.ask("HELLO", 3)
    assert b"dragonfly_version" in told
    assert refusal(connection, "CLIENT", "TRACKING", "ON", "BCAST") == "ERR syntax error"

    def told_of_change(*options: str) -> bool:
        connection.ask("CLIENT", "TRACKING", "OFF")
        connection.ask("CLIENT", "TRACKING", "ON", *options)
        connection.ask("GET", "watched")
        client("dragonfly").ask("SET", "watched", "other")
        connection.send("ECHO", "end")
        while (reply := connection.read()) != b"end":
            if reply == [b"invalidate", [b"watched"]]:
                assert connection.read() == b"end"
                return True
        return False

    assert told_of_change() and not told_of_change("NOLOOP")


def test_dragonfly_takes_so_many_arguments(client: Client) -> None:
    connection = client("dragonfly")
    assert connection.ask("DEL", *["k"] * 65535) >= 0
    assert "invalid multibulk" in refusal(connection, "DEL", *["k"] * 65536)


# ---- kvrocks


def test_kvrocks_stays_with_resp2(client: Client) -> None:
    reply = client("kvrocks").ask("HELLO", 3)
    assert dict(zip(reply[::2], reply[1::2], strict=True))[b"proto"] == 2


def test_kvrocks_has_no_tracking_no_wait_and_one_database(client: Client) -> None:
    connection = client("kvrocks")
    assert "try CLIENT" in refusal(connection, "CLIENT", "TRACKING", "ON")
    assert "try CLIENT" in refusal(connection, "CLIENT", "SETINFO", "LIB-NAME", "x")
    assert "unknown command" in refusal(connection, "WAIT", 0, 1)
    assert "wrong number" in refusal(connection, "AUTH", "user", "password")
    connection.ask("SET", "k", "v")
    assert connection.ask("SELECT", 1) == b"OK" and connection.ask("GET", "k") == b"v"


def test_kvrocks_keeps_what_ends_now_a_little(client: Client) -> None:
    script = "redis.call('SET', KEYS[1], 'v') redis.call('PEXPIRE', KEYS[1], 0) return redis.call('EXISTS', KEYS[1])"
    assert client("kvrocks").ask("EVAL", script, 1, "k") == 1
    assert client("managed").ask("EVAL", script, 1, "k") == 0
    assert "wrong number" in refusal(client("kvrocks"), "PEXPIRE", "k", 10, "GT")


# ---- the others


def test_keydb_is_redis_but_for_its_version(client: Client) -> None:
    reply = client("keydb").ask("HELLO", 2)
    told = dict(zip(reply[::2], reply[1::2], strict=True))
    assert (told[b"server"], told[b"version"], told[b"proto"]) == (b"redis", b"6.3.4", 2)
    assert "unknown command" in refusal(client("keydb"), "EVAL_RO", "return 1", 0).lower()


@pytest.mark.parametrize("guise", ["resp2", "old"])
def test_before_redis_6(client: Client, guise: str) -> None:
    connection = client(guise)
    assert refusal(connection, "HELLO", 3) == "ERR unknown command `HELLO`, with args beginning with: `3`, "
    assert "wrong number" in refusal(connection, "AUTH", "user", "password")
    assert "subcommand" in refusal(connection, "CLIENT", "TRACKING", "ON")


def test_old_has_no_unlink(client: Client) -> None:
    assert "unknown command `UNLINK`" in refusal(client("old"), "UNLINK", "k")
    assert client("resp2").ask("UNLINK", "k") >= 0


@pytest.mark.parametrize("line", ["CONFIG GET *", "INFO", "ROLE", "COMMAND", "SELECT 1", "CLIENT SETINFO LIB-NAME x"])
def test_managed_refuses(client: Client, line: str) -> None:
    assert refusal(client("managed"), *line.split()).startswith("NOPERM ")
