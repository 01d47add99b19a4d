"""Sessions: a worker sees what it has written, whichever of its connections that was on, and what a token tells of."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from nginx import Nginx, nginx
from servers import Server

OPTIONS = 'session_consistency = true, delay = "60s", prefix = "session:"'

# Where there can be no waiting, as in a filter, a token can be had all the same.
SERVER = """
location = /write {
    content_by_lua_block { assert(cache:invalidate(ngx.var.arg_key)) ngx.print "written" }
    header_filter_by_lua_block { ngx.header["X-Session"] = assert(cache:session_token()) }
}
"""


@pytest.fixture
def writer(server: Server) -> Iterator[Nginx]:
    with nginx(f'url = "{server.url}", {OPTIONS}', server=SERVER) as running:
        yield running


def fetch(running: Nginx, key: str, value: str) -> str:
    return running.run(f"return cache:fetch('{key}', 10, function() return '{value}' end)")


def test_the_first_request_s_writes_are_seen_by_those_that_follow(writer: Nginx) -> None:
    """It has connections of its own, and they share the worker's."""
    writer.run("assert(cache:set('first', 'old', 10)) assert(cache:invalidate('first'))")
    assert fetch(writer, "first", "new") == "new"


def test_a_large_value_is_read_anew_by_connections_that_did_not_write_it(writer: Nginx) -> None:
    assert fetch(writer, "warm", "up") == "up"
    for _ in range(2):
        writer.run("assert(cache:fetch('large', 10, function() return ('o'):rep(100000) end))")
    assert writer.run("assert(cache:invalidate('large'))") == ""
    assert fetch(writer, "large", "new") == "new"


def test_a_token_takes_it_to_another_nginx(writer: Nginx, server: Server) -> None:
    with nginx(f'url = "{server.url}", {OPTIONS}') as reader:
        for key in ("taken", "left"):
            assert fetch(writer, key, "old") == "old"
            assert writer.get(f"/write?key={key}") == "written"
        assert fetch(reader, "left", "new") == "old"
        token = token_of(writer, "/write?key=taken")
        assert reader.run(f"return cache:join_session('{token}')") == "true"
        assert fetch(reader, "taken", "new") == "new"


def test_a_token_counts_for_the_one_fetch_that_it_is_given_to(writer: Nginx, server: Server) -> None:
    with nginx(f'url = "{server.url}", delay = "60s", prefix = "session:"') as reader:
        assert fetch(writer, "given", "v1") == "v1"
        token = token_of(writer, "/write?key=given")
        answer = reader.run(
            "local function returns(value) return function() return value end end\n"
            f"local seen = cache:fetch('given', 10, returns 'v2', {{ session = '{token}' }})\n"
            "assert(cache:invalidate('given'))\n"
            "return seen, (cache:fetch('given', 10, returns 'v3'))"
        )
        assert answer == "v2 v2"


def token_of(running: Nginx, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.headers["X-Session"]
    finally:
        connection.close()


def test_without_the_code_cache_a_token_is_the_way(server: Server) -> None:
    """There, each request has a session of its own."""
    off = "lua_code_cache off;"
    with nginx(f'url = "{server.url}", {OPTIONS}', http=off, server=SERVER) as running:
        assert fetch(running, "off", "old") == "old"
        token = token_of(running, "/write?key=off")
        code = f"assert(cache:join_session('{token}')) return cache:fetch('off', 10, function() return 'new' end)"
        assert running.run(code) == "new"


def test_before_there_are_workers_there_is_no_session() -> None:
    make = f'cache = assert(require("resty.resilicache").new {{ url = "memory://", {OPTIONS} }})'
    ask = 'refused = table.concat({ select(2, cache:session_token()) }, " ")'
    with nginx("", http=f"init_by_lua_block {{ {make} {ask} }}") as running:
        assert running.run("return refused").endswith("RCACHE_E_UNSUPPORTED")
        assert running.run("return cache:session_token()").startswith("s1-")


def test_without_the_option_the_mistake_is_told() -> None:
    with nginx('url = "memory://"') as running:
        for call in ("session_token()", "join_session('s1-0000000000000000')"):
            answer = running.run(f"return cache:{call}")
            assert "session_consistency=yes" in answer
            assert answer.endswith("RCACHE_E_MISUSE")
