"""Every call, in nginx: within the process, on shared connections, and on connections of the request's own."""

from __future__ import annotations

import pytest

from nginx import LuaError, Nginx, nginx
from servers import Server

CALLS = """
local function returns(value) return function() return value end end
assert(cache:set("k", "old", 10) == true)
assert(cache:get("k") == "old")
assert(cache:fetch("k", 10, error) == "old")
assert(cache:invalidate("k"))
assert(cache:fetch("k", 10, returns "new", { strong = true }) == "new")
assert(cache:inspect("k").state == "fresh")
assert(cache:raw_set("raw", "v", 10) and cache:raw_get("raw") == "v")
assert(cache:fetch("nobody", 10, returns(nil)) == nil)
assert(select("#", cache:fetch("nobody", 10, error)) == 1)
local values, err = cache:fetch_batch({ "k", "b", "c" }, 10, function(indexes)
    assert(table.concat(indexes, " ") == "2 3")
    return { [2] = "B" }
end)
assert(values, err)
assert(values[1] == "new" and values[2] == "B" and values[3] == nil)
assert(cache:lock_for_update("k", "me", 5))
assert(select(3, cache:lock_for_update("k", "other")) == "RCACHE_E_LOST")
assert(cache:unlock_for_update("k", "me"))
assert(cache:delete("k", "raw", "b", "c", "nobody", "never") == 5)
assert(cache:stats().loads_stored >= 2)
return tostring(cache)
"""


def test_every_call(any_nginx: Nginx) -> None:
    for _ in range(3):
        assert any_nginx.run(CALLS).startswith("resilicache.cache (")


def test_the_cases_of_plain_lua(any_nginx: Nginx, server: Server) -> None:
    url = "memory://" if "memory://" in any_nginx.run("return tostring(cache)") else server.url
    count, failures = any_nginx.run(f"return require('cases').run('{url}')").split(" ", 1)
    assert failures == ""
    assert int(count) >= 30


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("cache:fetch()", "#1 to 'fetch' (string expected, got no value)"),
        ("cache:fetch('k')", "#2 to 'fetch' (number of seconds expected"),
        ("cache:fetch('k', 0, print)", "#2 to 'fetch' (a time in seconds, above 0"),
        ("cache:fetch('k', 1, 'v')", "#3 to 'fetch' (function expected, the loader, got string)"),
        ("cache:fetch('k', 1, print, { stong = true })", "'stong' is none of strong, deadline, session and defer"),
        ("cache:fetch_batch({ 'k', true }, 1, print)", "#1 to 'fetch_batch' (key 2 is a boolean"),
        ("cache:get({})", "#1 to 'get' (string expected, got table)"),
        ("cache:set('k', nil, 1)", "#2 to 'set' (string expected"),
        ("cache:set('k', 'v')", "#3 to 'set' (number of seconds expected"),
        ("cache:raw_set('k', 'v', 0/0)", "#3 to 'raw_set' (a time in seconds"),
        ("cache:delete()", "#1 to 'delete' (string expected"),
        ("cache:delete('k', nil)", "#2 to 'delete' (string expected"),
        ("cache:invalidate { 'k', {} }", "#1 to 'invalidate' (key 2 is a table"),
        ("cache:lock_for_update('k')", "#2 to 'lock_for_update' (string expected"),
        ("cache:lock_for_update('k', 'me', 'long')", "#3 to 'lock_for_update' (number of seconds"),
        ("cache.get('k', 'k')", "#1 to 'get' (a cache expected, got string)"),
        ("new()", "#1 to 'new' (table expected, got nil)"),
        ("new {}", "#1 to 'new' (its url is missing)"),
        ("new { url = 'memory://', prefix = {} }", "option 'prefix' is a table"),
        ("new { url = 'memory://', prefix = 'a\\0b' }", "option 'prefix' has a zero byte"),
        ("new { 'memory://' }", "names of options are strings"),
    ],
)
def test_wrong_arguments_raise_where_they_are(any_nginx: Nginx, call: str, problem: str) -> None:
    with pytest.raises(LuaError) as raised:
        any_nginx.run(f"local new = require('resty.resilicache').new\nlocal value = {call}")
    message = str(raised.value).splitlines()[0]
    assert message.startswith("request:2: ")
    assert problem in message


def test_options_that_are_none_are_told_when_the_cache_is_made(any_nginx: Nginx) -> None:
    code = "return require('resty.resilicache').new { url = 'redis://me:secret@127.0.0.1', lock_expir = '3s' }"
    answer = any_nginx.run(code)
    assert "did you mean 'lock_expire'?" in answer
    assert answer.endswith("RCACHE_E_INVALID")
    assert "secret" not in answer


def test_a_password_is_not_shown(any_nginx: Nginx) -> None:
    code = "return require('resty.resilicache').new { url = 'redis://me:secret@127.0.0.1:1/2?prefix=x' }"
    assert any_nginx.run(code) == "resilicache.cache (redis://127.0.0.1:1/2)"


def test_a_unix_socket_and_a_password(server: Server) -> None:
    guarded = Server("redis7", "--requirepass", "secret", "--unixsocket", "redis.sock")
    try:
        tcp = f"redis://:secret@127.0.0.1:{guarded.port}/3"
        for url in (tcp, f"unix://:secret@{guarded.directory}/redis.sock?db=3"):
            with nginx(f'url = "{url}"') as running:
                for _ in range(4):
                    running.run(CALLS)
        with nginx(f'url = "redis://:wrong@127.0.0.1:{guarded.port}"') as running:
            for _ in range(3):
                answer = running.run("return cache:get('k')")
                assert "RCACHE_E_AUTH" in answer
                assert ":wrong" not in answer
    finally:
        guarded.stop()
