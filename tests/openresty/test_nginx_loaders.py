"""Loaders in nginx: what they may do, how they fail, and what happens if they never come back."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from nginx import Nginx, nginx, wait_until
from servers import Server

SERVER = """
location = /hold {
    content_by_lua_block {
        ngx.on_abort(function() ngx.exit(499) end)
        loading = nil
        ngx.print(cache:fetch(ngx.var.arg_key, 10, function()
            loading = true
            ngx.sleep(20)
            return "held"
        end))
    }
}
location = /wait {
    content_by_lua_block {
        ngx.on_abort(function() ngx.exit(499) end)
        ngx.print(cache:fetch(ngx.var.arg_key, 10, function() return "by a waiter" end))
    }
}
"""


@pytest.fixture(scope="module", params=["memory", "server"])
def abortable(request: pytest.FixtureRequest, server: Server) -> Iterator[Nginx]:
    url = "memory://" if request.param == "memory" else server.url
    options = f'url = "{url}", prefix = "abortable:", lock_expire = "2s", lock_expire_max = "300s"'
    with nginx(options, http="lua_check_client_abort on;", server=SERVER) as running:
        yield running


def test_loaders_may_yield(any_nginx: Nginx) -> None:
    code = """
    cache:delete("sleeps", "captures", "connects", "nests", "inner")
    local function fetch(key, loader) return (assert(cache:fetch(key, 10, loader))) end
    return fetch("sleeps", function() ngx.sleep(0.01) return "slept" end),
        fetch("captures", function() return ngx.location.capture("/internal").body:gsub(" ", "-") end),
        fetch("connects", function()
            local sock = ngx.socket.tcp()
            assert(sock:connect("127.0.0.1", tonumber(ngx.var.server_port)))
            sock:send "GET /pid HTTP/1.0\\r\\n\\r\\n"
            return sock:receive "*l"
        end):sub(1, 8),
        fetch("nests", function()
            return "outer-" .. fetch("inner", function() ngx.sleep(0.01) return "inner" end)
        end)
    """
    for _ in range(2):
        assert any_nginx.run(code) == "slept from-a-subrequest HTTP/1.1 outer-inner"


def test_loaders_may_fail(any_nginx: Nginx) -> None:
    code = """
    cache:delete("k")
    local object = setmetatable({}, { __tostring = function() return "an object" end })
    local function fetch(loader)
        local value, err, status = cache:fetch("k", 10, function() ngx.sleep(0.001) return loader() end)
        assert(value == nil and status == "RCACHE_E_LOADER")
        return err
    end
    return fetch(function() error("raised", 0) end), fetch(function() error(object) end),
        fetch(function() return nil, "returned" end), (cache:fetch("k", 10, function() return "back" end))
    """
    for _ in range(2):
        assert any_nginx.run(code) == "raised an object returned back"


def test_many_wait_for_one_load(any_nginx: Nginx) -> None:
    """Light threads of one request, and other requests."""
    code = """
    cache:delete("together")
    loads = 0
    local function load() loads = loads + 1 ngx.sleep(0.1) return "v" end
    local threads = {}
    for i = 1, 20 do
        threads[i] = ngx.thread.spawn(function() return cache:fetch("together", 10, load) end)
    end
    for i = 1, 20 do
        local ok, value, err = ngx.thread.wait(threads[i])
        assert(ok and value == "v", err or value)
    end
    return loads
    """
    for _ in range(2):
        assert any_nginx.run(code) == "1"


def test_there_is_a_bound_to_those_who_wait(any_nginx: Nginx) -> None:
    code = """
    if not cache.shared then return "RCACHE_E_LIMIT 0" end -- whoever is alone is not many
    cache:delete("bound")
    local threads, refused = {}, {}
    local function load() ngx.sleep(0.5) return "v" end
    for i = 1, 16384 + 3 do
        threads[i] = ngx.thread.spawn(function()
            local value, err, status = cache:fetch("bound", 10, load)
            refused[#refused + 1] = status
        end)
    end
    for i = 1, #threads do ngx.thread.wait(threads[i]) end
    assert(#refused == 3, #refused)
    return refused[1], cache.shared.in_flight
    """
    any_nginx.run("return cache:get('k')")
    assert any_nginx.run(code) == "RCACHE_E_LIMIT 0"


def test_a_loader_that_takes_long_keeps_its_lease(server: Server) -> None:
    for alone in ("", "lua_code_cache off;"):
        with nginx(f'url = "{server.url}", prefix = "long{len(alone)}:", lock_expire = "300ms"', http=alone) as running:
            running.get("/pid")
            code = "return cache:fetch('k', 10, function() ngx.sleep(1.2) return 'slow' end)"
            running.run("return cache:get('k')")
            with ThreadPoolExecutor(2) as pool:
                assert [first.result() for first in [pool.submit(running.run, code) for _ in range(2)]] == ["slow"] * 2
            assert running.run("return cache:get('k')") == "slow"


def test_a_stale_value_is_served_at_once_and_refreshed_by_a_timer(any_nginx: Nginx) -> None:
    code = """
    assert(cache:set("stale", "old", 100) and cache:invalidate("stale"))
    phase = nil
    local began = ngx.now()
    local value = cache:fetch("stale", 100, function()
        phase = ngx.get_phase()
        ngx.sleep(0.2)
        return "new"
    end)
    ngx.update_time()
    assert(ngx.now() - began < 0.19)
    return value
    """
    assert any_nginx.run(code) == "old"
    wait_until(lambda: any_nginx.run("return cache:get('stale')") == "new", "the refresh has been stored")


def test_a_refresh_that_fails_leaves_the_value(any_nginx: Nginx) -> None:
    fetch = """
    cache:set("failing", "old", 100) cache:invalidate("failing")
    return cache:fetch("failing", 100, function() error "away" end), cache:fetch("failing", 100, error)
    """
    assert any_nginx.run(fetch) == "old old"
    code = "return cache:fetch('failing', 100, function() return 'new' end, { strong = true })"
    assert any_nginx.run(code) == "new"


def test_a_refresh_can_be_taken_by_the_caller(any_nginx: Nginx) -> None:
    code = """
    cache:set("mine", "old", 100) cache:invalidate("mine")
    local refresh
    local value = cache:fetch("mine", 100, function() return "new in " .. ngx.var.uri end, {
        defer = function(run) refresh = run end
    })
    assert(cache:get("mine") == "old")
    return value, refresh(), refresh(), (cache:get("mine"))
    """
    assert any_nginx.run(code) == "old true false new in /run"


def test_refreshes_beyond_the_bound_are_left_to_others(server: Server) -> None:
    with nginx(f'url = "{server.url}", prefix = "bound:"') as running:
        running.get("/pid")
        running.run("return cache:get('k')")
        code = """
        started, kept = 0, {}
        for i = 1, 100 do
            cache:set("k" .. i, "old", 100)
            cache:invalidate("k" .. i)
            assert(cache:fetch("k" .. i, 100, function()
                started = started + 1
                ngx.sleep(0.5)
                return "new"
            end) == "old")
        end
        return started
        """
        assert int(running.run(code)) <= 64
        wait_until(lambda: running.run("return cache:get('k1')") == "new", "the first is refreshed")
        again = "return cache:fetch('k100', 100, function() return 'new' end, { strong = true })"
        assert running.run(again) == "new"
        assert running.run("return started") == "64"


def abort(running: Nginx, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", running.port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection


@contextlib.contextmanager
def loading(running: Nginx, path: str) -> Iterator[socket.socket]:
    """A client whose loader runs."""
    running.run("loading = nil")
    with abort(running, path) as client:
        wait_until(lambda: running.run("return loading") == "true", "the loader runs")
        yield client


def waiting(running: Nginx, pool: ThreadPoolExecutor, key: str) -> Future[str]:
    """One who waits for the key."""
    before = in_flight(running)
    waiter = pool.submit(running.get, f"/wait?key={key}")
    wait_until(lambda: in_flight(running) > before, "it waits")
    return waiter


def in_flight(running: Nginx) -> int:
    return int(running.run("return cache.shared.in_flight"))


def test_the_load_of_a_client_that_has_gone_passes_to_the_next(abortable: Nginx) -> None:
    """Long before the lease would end."""
    abortable.run("return cache:get('warm')")
    with ThreadPoolExecutor(2) as pool:
        for number in range(2):
            with loading(abortable, f"/hold?key=gone{number}"):
                waiters = [waiting(abortable, pool, f"gone{number}") for _ in range(2)]
            assert [waiter.result() for waiter in waiters] == ["by a waiter"] * 2


def test_a_waiter_that_has_gone_gets_no_load(abortable: Nginx) -> None:
    with ThreadPoolExecutor(1) as pool, loading(abortable, "/hold?key=queue") as holder:
        before = in_flight(abortable)
        with abort(abortable, "/wait?key=queue"):
            wait_until(lambda: in_flight(abortable) > before, "it waits")
        waiter = waiting(abortable, pool, "queue")
        holder.close()
        assert waiter.result() == "by a waiter"


def test_killed_light_threads_do_no_harm(any_nginx: Nginx) -> None:
    code = """
    cache:delete("killed")
    local loads
    local loader = ngx.thread.spawn(function()
        return cache:fetch("killed", 10, function() loads = true ngx.sleep(20) return "never" end)
    end)
    while not loads do ngx.sleep(0.001) end
    local waiter = ngx.thread.spawn(function()
        return cache:fetch("killed", 10, function() return "never" end)
    end)
    ngx.sleep(0.05)
    assert(ngx.thread.kill(loader) and ngx.thread.kill(waiter))
    return cache:fetch("killed", 10, function() return "v" end)
    """
    assert any_nginx.run(code) == "v"


def test_a_loader_may_end_its_request(any_nginx: Nginx) -> None:
    any_nginx.run("return cache:delete('exits')")
    status, _ = any_nginx.request("/run", "return cache:fetch('exits', 10, function() return ngx.exit(503) end)")
    assert status == 503
    assert any_nginx.run("return cache:fetch('exits', 10, function() return 'v' end)") == "v"
