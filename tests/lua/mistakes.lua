-- Cases of the Lua binding: wrong arguments, options and URLs, and no server.
local resilicache = require "resilicache"
local scene = require "scene"
local equal, has, raised, returns = scene.equal, scene.has, scene.raised, scene.returns

local cases = {}

function cases.wrong_arguments(cache)
    local function wrong(part, method, ...)
        local arguments, count = { ... }, select("#", ...)
        has(raised(function()
            local unpack = unpack or table.unpack
            local results = { cache[method](cache, unpack(arguments, 1, count)) }
            return results
        end), part)
    end
    wrong("'fetch' (string expected, got no value)", "fetch")
    wrong("#1 to 'fetch' (string expected, got table)", "fetch", {})
    wrong("#2 to 'fetch' (number of seconds", "fetch", "k")
    wrong("#2 to 'fetch' (a time in seconds, above 0", "fetch", "k", 0, print)
    wrong("#2 to 'fetch' (a time in seconds, above 0", "fetch", "k", -1, print)
    wrong("#2 to 'fetch' (a time in seconds, above 0", "fetch", "k", 0 / 0, print)
    wrong("#2 to 'fetch' (a time in seconds, above 0", "fetch", "k", math.huge, print)
    wrong("#3 to 'fetch' (function expected", "fetch", "k", 1)
    wrong("#3 to 'fetch' (function expected", "fetch", "k", 1, "v")
    wrong("#4 to 'fetch' (table expected", "fetch", "k", 1, print, true)
    wrong("'stong' is none of", "fetch", "k", 1, print, { stong = true })
    wrong("strong is a boolean, not a string", "fetch", "k", 1, print, { strong = "yes" })
    wrong("a time in seconds", "fetch", "k", 1, print, { deadline = 0 })
    wrong("#1 to 'fetch_batch' (table of keys", "fetch_batch", "k")
    wrong("key 2 is a boolean", "fetch_batch", { "k", true }, 1, print)
    wrong("string expected, got no value", "get")
    wrong("string expected, got table", "get", {})
    wrong("string expected, got nil", "set", "k", nil, 1)
    wrong("number expected, got no value", "set", "k", "v")
    wrong("a time in seconds, above 0", "set", "k", "v", 0)
    wrong("a time in seconds, above 0", "raw_set", "k", "v", 0 / 0)
    wrong("value expected", "delete")
    wrong("string expected", "delete", "k", nil)
    wrong("key 2 is a table", "invalidate", { "k", {} })
    wrong("string expected", "lock_for_update", "k")
    wrong("number expected", "lock_for_update", "k", "me", "long")
    has(raised(function() cache:fetch("k") end), "mistakes.lua:")
    has(raised(cache.get, "k", "k"), "bad argument #1")
    has(raised(cache.fetch, "k", "k", 1, print), "bad argument #1")
    has(raised(cache.get, io.stdout, "k"), "bad argument #1")
end

function cases.limits(cache)
    local value, err, status = cache:set(("k"):rep(2 ^ 20 + 1), "v", 10)
    equal(value, nil)
    equal(type(err), "string")
    equal(status, "RCACHE_E_LIMIT")
end

function cases.options()
    local cache = assert(resilicache.open(scene.url, {
        lock_expire = "3s", delay = 1.5, strong_consistency = true, memory_max_bytes = 1000000, prefix = scene.prefix,
    }))
    cache:set("k", "old", 10)
    cache:invalidate("k")
    equal(cache:fetch("k", 10, returns("new")), "new")
    local none, err, status = resilicache.open(scene.url, { lock_expir = "3s" })
    equal(none, nil)
    has(err, "did you mean 'lock_expire'?")
    equal(status, "RCACHE_E_INVALID")
    has(select(2, resilicache.open(scene.url, { lock_expire = -1 })), "lock_expire")
    has(raised(resilicache.open, scene.url, { lock_expire = {} }), "option 'lock_expire' is a table")
    has(raised(resilicache.open, scene.url, { "3s" }), "names of options are strings")
    has(raised(resilicache.open, scene.url, { prefix = "a\0b" }), "zero byte")
    has(raised(resilicache.open, scene.url, "3s"), "table expected")
    has(raised(resilicache.open), "string expected")
    has(raised(resilicache.open, "memory://\0"), "zero byte")
end

function cases.urls()
    has(select(2, resilicache.open("foo://")), "unknown scheme")
    local cache = assert(resilicache.open("redis://user:secret@127.0.0.1:1/2?prefix=hidden"))
    equal(tostring(cache), "resilicache.cache (redis://127.0.0.1:1/2)")
end

function cases.no_server()
    local options = { deadline = 1, server_down = "fail", invalidate_errors = "fail" }
    local cache = assert(resilicache.open("redis://user:secret@127.0.0.1:1", options))
    for _, call in ipairs {
        function() return cache:get("k") end,
        function() return cache:set("k", "v", 10) end,
        function() return cache:delete("k") end,
        function() return cache:invalidate("k") end,
        function() return cache:inspect("k") end,
        function() return cache:lock_for_update("k", "me") end,
        function() return cache:fetch_batch({ "k" }, 10, returns { "v" }) end,
        function() return cache:fetch("k", 10, returns("v")) end,
    } do
        local value, err, status = call()
        equal(value, nil)
        equal(type(err), "string")
        equal(err:find("secret", 1, true), nil)
        equal(status == "RCACHE_E_UNAVAILABLE" or status == "RCACHE_E_TIMEOUT", true, status)
    end
end

return cases
