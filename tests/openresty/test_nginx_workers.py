"""More than one worker: stampedes, waiters, reloading and quitting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from nginx import Nginx, nginx, wait_until
from servers import Server

SERVER = """
location = /fetch {
    content_by_lua_block {
        local value, err = cache:fetch(ngx.var.arg_key, 100, function()
            ngx.shared.counters:incr("loads", 1, 0)
            ngx.sleep(tonumber(ngx.var.arg_seconds))
            return "loaded"
        end)
        ngx.print(value or err, " ", ngx.worker.pid())
    }
}
location = /loads { content_by_lua_block { ngx.print(ngx.shared.counters:get "loads" or 0) } }
location = /restart { content_by_lua_block { ngx.shared.counters:flush_all() } }
"""


@pytest.fixture(scope="module")
def pair(server: Server) -> Iterator[Nginx]:
    with nginx(f'url = "{server.url}", prefix = "pair:"', workers=2, server=SERVER) as running:
        warm_up(running)
        yield running


def warm_up(running: Nginx) -> None:
    """Until every worker has had more than one request: the first of each has connections of its own."""
    seen: dict[str, int] = {}

    def all_are_warm() -> bool:
        with ThreadPoolExecutor(16) as pool:
            for answer in pool.map(lambda i: running.get(f"/fetch?key=warm{i}&seconds=0.02"), range(16)):
                pid = answer.split()[-1]
                seen[pid] = seen.get(pid, 0) + 1
        return len(seen) == len(running.workers()) and min(seen.values()) > 1

    wait_until(all_are_warm, "requests reach every worker")


def stampede(running: Nginx, path: str, callers: int) -> list[str]:
    with ThreadPoolExecutor(callers) as pool:
        return [answer.split()[0] for answer in pool.map(lambda _: running.get(path), range(callers))]


def test_a_stampede_on_two_workers_is_one_load(pair: Nginx) -> None:
    for number in range(3):
        pair.get("/restart")
        assert stampede(pair, f"/fetch?key=stampede{number}&seconds=0.3", 48) == ["loaded"] * 48
        assert pair.get("/loads") == "1"


def test_waiters_in_another_worker_are_woken(server: Server) -> None:
    """They don't look again before ten seconds have passed."""
    options = f'url = "{server.url}", prefix = "woken:", lock_sleep = "10s"'
    with nginx(options, workers=2, server=SERVER) as running:
        warm_up(running)
        for number in range(3):
            begin = time.monotonic()
            assert stampede(running, f"/fetch?key=woken{number}&seconds=0.3", 24) == ["loaded"] * 24
            assert time.monotonic() - begin < 8


def test_each_worker_has_one_connection_for_all(pair: Nginx, server: Server) -> None:
    stampede(pair, "/fetch?key=one-connection&seconds=0.2", 32)
    assert connections(server) <= 12


def test_idle_workers_quit_at_once(server: Server) -> None:
    with nginx(f'url = "{server.url}", prefix = "quit:"', workers=2, server=SERVER) as running:
        warm_up(running)
        assert running.quit() < 1.0


def test_a_reload_is_quick_and_loses_no_request(server: Server) -> None:
    with nginx(f'url = "{server.url}", prefix = "reload:"', workers=2, server=SERVER) as running:
        warm_up(running)
        before = running.workers()
        with ThreadPoolExecutor(24) as pool:
            slow = [pool.submit(running.get, "/fetch?key=slow&seconds=1") for _ in range(8)]
            quick = [pool.submit(running.get, f"/fetch?key=quick{i}&seconds=0.01") for i in range(200)]
            time.sleep(0.2)
            running.reload()
            quick += [pool.submit(running.get, f"/fetch?key=later{i}&seconds=0.01") for i in range(200)]
            assert {one.result().split()[0] for one in slow + quick} == {"loaded"}
        begin = time.monotonic()
        wait_until(lambda: not before & running.workers(), "the old workers have ended")
        assert time.monotonic() - begin < 4, "nothing waits for a timeout"


def test_without_the_code_cache_nothing_outlives_a_request(server: Server) -> None:
    off = "lua_code_cache off;"
    with nginx(f'url = "{server.url}", prefix = "off:"', http=off, server=SERVER) as running:
        for number in range(20):
            assert running.get(f"/fetch?key=k{number % 3}&seconds=0.001").split()[0] == "loaded"
        count = connections(server)
        for number in range(20):
            running.get(f"/fetch?key=k{number % 3}&seconds=0.001")
        wait_until(lambda: connections(server) <= count, "connections are closed with their requests")
        assert running.quit() < 1.0


def test_a_cache_made_in_the_worker_serves_as_well(server: Server) -> None:
    http = f'init_worker_by_lua_block {{ cache = assert(require("resty.resilicache").new {{ url = "{server.url}" }}) }}'
    with nginx("", http=http) as running:
        for _ in range(3):
            assert running.run("return cache:fetch('in-worker', 10, function() return 'v' end)") == "v"


def connections(server: Server) -> int:
    return len(server.ask("CLIENT", "LIST").decode().splitlines())


def test_connections_that_nobody_uses_are_closed_and_made_again(server: Server) -> None:
    before = connections(server)
    with nginx(f'url = "{server.url}", prefix = "idle:"') as running:
        hurry = """
        local turn, i = require("resty.resilicache.shared").turn, 1
        while debug.getupvalue(turn, i) ~= "IDLE_SECONDS" do i = i + 1 end
        debug.setupvalue(turn, i, 0.3)
        """
        running.run(hurry)
        for _ in range(2):
            assert running.run("return cache:set('k', 'v', 100)") == "true"
            assert running.run("return cache:get('k')") == "v"
            wait_until(lambda: running.run("return cache.shared and cache.shared.keeping") == "false", "it rests")
        wait_until(lambda: connections(server) <= before + 2, "only those in the pool are left")


def test_closed_caches_let_go_of_what_they_had(server: Server) -> None:
    with nginx(f'url = "{server.url}", prefix = "closed:"') as running:
        running.run("return cache:get('k')")
        running.run("return cache:get('k')")
        before = connections(server)
        code = f"""
        for i = 1, 20 do
            local mine = require("resty.resilicache").new {{ url = "{server.url}", prefix = "closed:" .. i }}
            assert(mine:set("k", "v", 10))
            local waiter = ngx.thread.spawn(function()
                return select(3, mine:fetch("k2", 10, function() ngx.sleep(20) end))
            end)
            ngx.sleep(0.001)
            mine:close()
            ngx.thread.kill(waiter)
        end
        """
        running.run(code)
        wait_until(lambda: connections(server) <= before, "the connections are closed")
