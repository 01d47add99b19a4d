"""Servers that go away, connections that are cut, and load."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nginx import Nginx, nginx, wait_until
from servers import Server

SERVER = """
location = /hit {
    content_by_lua_block {
        local key = "k" .. math.random(1, 20)
        local value, err = cache:fetch(key, 100, function(key) return "value of " .. key end, { strong = true })
        if value ~= "value of " .. key then
            ngx.status = 500
        end
        ngx.print(value or err)
    }
}
"""


@pytest.fixture
def mine() -> Iterator[Server]:
    running = Server("redis7")
    yield running
    running.stop()


def load(running: Nginx, seconds: float, connections: int = 16) -> str:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{running.port}/hit"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def failures_in(report: str) -> int:
    found = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    assert "Socket errors" not in report, report
    return int(found[1]) if found else 0


def resident_kb(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_under_load_nothing_fails_and_nothing_grows(mine: Server) -> None:
    with nginx(f'url = "{mine.url}"', workers=2, server=SERVER) as running:
        assert failures_in(load(running, 1)) == 0
        workers = running.workers()
        memory = {pid: resident_kb(pid) for pid in workers}
        files = {pid: descriptors(pid) for pid in workers}
        for _ in range(2):
            assert failures_in(load(running, 2)) == 0
        assert running.workers() == workers
        for pid in workers:
            assert resident_kb(pid) < memory[pid] + 8192
            wait_until(lambda pid=pid: descriptors(pid) <= files[pid] + 4, "the load's connections are closed")


def test_cut_connections_lose_no_request(mine: Server) -> None:
    with nginx(f'url = "{mine.url}"', workers=2, server=SERVER) as running, ThreadPoolExecutor(1) as pool:
        load(running, 1)
        report = pool.submit(load, running, 2)
        for _ in range(5):
            time.sleep(0.3)
            mine.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert failures_in(report.result()) == 0


def test_a_server_that_comes_back_is_used_again(mine: Server) -> None:
    with nginx(f'url = "{mine.url}", deadline = "2s"', workers=2, server=SERVER) as running:
        with ThreadPoolExecutor(1) as pool:
            report = pool.submit(load, running, 3)
            time.sleep(0.5)
            mine.kill()
            wait_until(lambda: "500" in str(running.request("/hit")[0]), "requests fail")
            status, text = running.request("/hit")
            assert status == 500
            mine.restart()
            report.result()

        def all_is_well() -> bool:
            return [running.request("/hit")[0] for _ in range(20)] == [200] * 20

        wait_until(all_is_well, "requests succeed again")


def test_a_server_that_hangs_is_an_error_in_time(mine: Server) -> None:
    with nginx(f'url = "{mine.url}"') as running:
        for _ in range(3):
            running.run("return cache:set('k', 'v', 10)")
        mine.pause()
        try:
            begin = time.monotonic()
            answer = running.run("return cache:fetch('k', 10, error, { deadline = 1, strong = true })")
            assert time.monotonic() - begin < 10
            assert "RCACHE_E_TIMEOUT" in answer or "RCACHE_E_UNAVAILABLE" in answer
        finally:
            mine.resume()
        wait_until(lambda: running.run("return cache:get('k')") == "v", "it is used again")


def test_a_worker_that_was_busy_takes_no_reply_for_missing(mine: Server) -> None:
    code = """
    for i = 1, 4 do
        local thread = ngx.thread.spawn(function() return cache:set("k" .. i, "v", 100) end)
        ngx.sleep(0.001) -- it is sent
        local began = ngx.now()
        repeat ngx.update_time() until ngx.now() - began > 0.3
        assert(cache:set("other", "v", 100))
        local _, ok, err = ngx.thread.wait(thread)
        assert(ok, err)
    end
    """
    with nginx(f'url = "{mine.url}", op_timeout = "200ms"') as running:
        for _ in range(2):
            running.run("return cache:get('k')")
        before = mine.ask("INFO", "stats").decode().split("total_connections_received:")[1].split()[0]
        running.run(code)
        after = mine.ask("INFO", "stats").decode().split("total_connections_received:")[1].split()[0]
        assert int(after) - int(before) == 1, "there was no other connection than the test's"


def test_no_server_is_an_error_that_says_so() -> None:
    with nginx('url = "redis://127.0.0.1:1", deadline = "2s"') as running:
        for _ in range(3):
            answer = running.run("return cache:fetch('k', 10, function() return 'v' end, { strong = true })")
            assert answer.startswith("nil")
            assert "RCACHE_E_UNAVAILABLE" in answer
            assert running.run("return cache:fetch('k', 10, function() return 'v' end)") == "v"


def test_what_no_server_takes_is_kept_until_one_does(mine: Server) -> None:
    with nginx(f'url = "{mine.url}", breaker_open = "100ms", layout = "hash"') as running:
        for _ in range(3):
            assert running.run("return cache:set('k', 'old', 100)") == "true"
        mine.kill()
        wait_until(
            lambda: "RCACHE_E_QUEUED" in running.run("return cache:invalidate('k')"), "the invalidation is kept"
        )
        assert running.run("return cache:fetch('k', 100, function() return 'new' end)") == "new"
        assert running.run("return cache:stats().journal_depth") == "1"
        mine.restart()
        wait_until(lambda: running.run("return cache:stats().journal_depth") == "0", "it is carried out")
        assert running.run("return cache:stats().journal_drained") == "1"
        assert running.run("return cache:stats().servers_down") == "0"


def test_a_file_is_not_for_many_processes() -> None:
    code = "return require('resty.resilicache').new { url = 'memory://', journal_file = '/tmp/journal' }"
    with nginx('url = "memory://"') as running:
        assert "RCACHE_E_UNSUPPORTED" in running.run(code)


def test_a_name_needs_a_resolver_and_the_error_says_so() -> None:
    with nginx('url = "redis://redis.example:6379", deadline = "1s"') as running:
        for _ in range(3):
            assert "name a resolver in nginx.conf" in running.run("return cache:get('k')")


def test_localhost_needs_none(mine: Server) -> None:
    with nginx(f'url = "redis://localhost:{mine.port}"') as running:
        for _ in range(3):
            assert running.run("return cache:set('k', 'v', 10)") == "true"
