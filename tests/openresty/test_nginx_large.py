"""Large values: the right bytes, and without holding up others."""

from __future__ import annotations

import pytest

from nginx import nginx
from servers import Cluster, Server

CHECK = """
local size, kind = %d, %d
local bytes = {}
for i = 0, 255 do bytes[#bytes + 1] = string.char((i * 7 + kind) %% 256) end
local unit = table.concat(bytes) .. "\\r\\n$5\\r\\n"
local value = unit:rep(math.ceil(size / #unit)):sub(1, size)
local key = "large" .. size .. "-" .. kind
assert(cache:fetch(key, 100, function() return value end) == value)
for i = 1, 3 do
    assert(cache:fetch(key, 100, error) == value, "fetched " .. i)
    assert(cache:get(key) == value, "got " .. i)
    local values = cache:fetch_batch({ key, "small" }, 100, function() return { [2] = "s" } end)
    assert(values[1] == value and values[2] == "s", "in a batch " .. i)
end
assert(cache:set(key, "small now", 100))
assert(cache:get(key) == "small now")
assert(cache:fetch(key, 100, error) == "small now")
assert(cache:set(key, value, 100))
assert(cache:get(key) == value)
return "right"
"""


@pytest.mark.parametrize("alone", ["", "lua_code_cache off;"])
@pytest.mark.parametrize("buffer", ["4k", "64k"])
def test_large_values_keep_their_bytes(server: Server, alone: str, buffer: str) -> None:
    small = "" if buffer == "64k" else "lua_socket_buffer_size 4k;"
    location = f"location = /small {{ {small} content_by_lua_block {{ require('runner').content() }} }}"
    with nginx(f'url = "{server.url}", prefix = "large{len(alone)}{buffer}:"', http=alone, server=location) as running:
        running.get("/pid")
        for size in (0, 100, 16384, 20000, 65535, 65536, 65537, 200000, 1048576):
            status, text = running.request("/small", CHECK % (size, size % 13))
            assert (status, text) == (200, b"right"), f"{size} bytes: {text.decode()}"


@pytest.mark.parametrize("alone", ["", "lua_code_cache off;"])
def test_connections_out_of_the_pool_go_to_the_right_server(alone: str) -> None:
    code = """
    for i = 1, 20 do
        local value = ("value " .. i .. " "):rep(10000)
        assert(cache:set("k" .. i, value, 100))
        for _ = 1, 3 do
            assert(cache:get("k" .. i) == value)
        end
    end
    return "right"
    """
    cluster = Cluster("redis7", replicas=0)
    try:
        with nginx(f'url = "{cluster.url}"', http=alone) as running:
            for _ in range(3):
                assert running.run(code) == "right"
    finally:
        cluster.stop()


def test_a_large_value_in_a_stampede_is_loaded_once(server: Server) -> None:
    with nginx(f'url = "{server.url}", prefix = "large-stampede:"') as running:
        running.run("return cache:get('k')")
        code = """
        local value = ("x"):rep(300000)
        assert(cache:set("k", value, 100))
        assert(cache:get("k") == value)
        local count, threads = 0, {}
        local function load() count = count + 1 ngx.sleep(0.2) return value .. "new" end
        cache:delete("k")
        for i = 1, 20 do
            threads[i] = ngx.thread.spawn(function() return cache:fetch("k", 100, load) end)
        end
        for i = 1, 20 do
            local ok, found = ngx.thread.wait(threads[i])
            assert(ok and found == value .. "new")
        end
        return count
        """
        assert running.run(code) == "1"
