"""Where in nginx a cache can be used, and what it says elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from nginx import nginx, wait_until
from servers import Server

SERVER = """
location = /all {
    set_by_lua_block $from_set {
        local value, err, status = cache:get("k")
        return tostring(value) .. " " .. tostring(status) .. " " .. tostring(err)
    }
    rewrite_by_lua_block {
        ngx.ctx.seen = { "set " .. ngx.var.from_set, "rewrite " .. tostring(cache:get("k")) }
    }
    access_by_lua_block { table.insert(ngx.ctx.seen, "access " .. tostring(cache:get("k"))) }
    content_by_lua_block {
        table.insert(ngx.ctx.seen, "content " .. tostring(cache:get("k")))
        ngx.print(table.concat(ngx.ctx.seen, "\\n"))
    }
    header_filter_by_lua_block {
        local value, err, status = cache:fetch("k", 10, print)
        ngx.header["X-Header-Filter"] = tostring(value) .. " " .. tostring(status) .. " " .. tostring(err)
    }
    body_filter_by_lua_block { at_body = { cache:get("k") } }
    log_by_lua_block { at_log = { cache:invalidate("k") } }
}
location = /timer {
    content_by_lua_block {
        local done = require("ngx.semaphore").new()
        local found
        ngx.timer.at(0, function()
            found = cache:fetch("k", 10, error)
            done:post(1)
        end)
        assert(done:wait(10))
        ngx.print(found)
    }
}
location = /early { content_by_lua_block { ngx.print(at_init, " ", at_worker) } }
location = /late {
    content_by_lua_block {
        local found = {}
        for _, at in ipairs { at_body, at_log } do
            found[#found + 1] = tostring(at[1]) .. " " .. tostring(at[3]) .. " " .. tostring(at[2])
        end
        ngx.print(table.concat(found, "\\n"))
    }
}
"""
EARLY = """
init_by_lua_block {
    cache = assert(require("resty.resilicache").new { %s })
    at_init = tostring(select(2, cache:get("k")))
}
init_worker_by_lua_block {
    local value, err = cache:get("k")
    at_worker = tostring(err)
}
"""


@pytest.mark.parametrize("lives", ["in a server", "in the process"])
def test_what_is_there_in_each_phase(server: Server, lives: str) -> None:
    url = server.url if lives == "in a server" else "memory://"
    with nginx("", http=EARLY % f'url = "{url}", prefix = "phases:"', server=SERVER) as running:
        early = running.get("/early")
        assert "not available in init_by_lua" in early
        assert ("not available in init_worker_by_lua" in early) == (url != "memory://")
        assert running.run("return cache:set('k', 'v', 100)") == "true"
        for _ in range(2):
            lines = running.get("/all").splitlines()
            if url == "memory://":
                assert lines[0] == "set v nil nil"
            else:
                assert lines[0].startswith("set nil RCACHE_E_UNSUPPORTED not available in set_by_lua")
            assert lines[1:] == ["rewrite v", "access v", "content v"]
            late = running.get("/late").splitlines()
            if url == "memory://":
                assert late == ["v nil nil", "true nil nil"]
            else:
                assert "not available in body_filter_by_lua" in late[0]
                assert "RCACHE_E_UNSUPPORTED not available in log_by_lua" in late[1]
            running.run("return cache:set('k', 'v', 100)")
            assert running.get("/timer") == "v"


def test_what_would_have_to_wait_is_told_where_there_is_no_waiting() -> None:
    """In the process, only a value that somebody else is loading needs to be waited for."""
    location = """
    location = /hold { content_by_lua_block {
        ngx.print(cache:fetch("slow", 10, function()
            loading = true
            return go:wait(20) and "loaded"
        end))
    } }
    location = /log {
        content_by_lua_block { ngx.print "x" }
        log_by_lua_block { at_log = { cache:fetch("slow", 10, error) } }
    }
    """
    code = 'go = require("ngx.semaphore").new()'
    with nginx('url = "memory://"', server=location) as running:
        running.run(code)
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(running.get, "/hold")
            wait_until(lambda: running.run("return loading") == "true", "the loader runs")
            running.get("/log")
            wait_until(lambda: running.run("return at_log") != "nil", "the phase is over")
            assert "RCACHE_E_UNSUPPORTED" in running.run("return at_log[3], at_log[2]")
            running.run("go:post(1)")
            assert held.result() == "loaded"
