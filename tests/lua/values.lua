-- Cases of the Lua binding: values, batches, invalidation, locks.
local scene = require "scene"
local equal, has, collect, returns, unexpected = scene.equal, scene.has, scene.collect, scene.returns, scene.unexpected

local cases = {}

function cases.set_get_delete(cache)
    equal(cache:set("user:1", "tester", 10), true)
    equal(cache:get("user:1"), "tester")
    equal(select("#", cache:get("nobody")), 1)
    equal(cache:get("nobody"), nil)
    cache:set("user:2", "", 1.5)
    equal(cache:get("user:2"), "")
    equal(cache:delete("user:1", "user:2", "nobody"), 2)
    equal(cache:delete({ "user:1" }), 0)
    equal(cache:get("user:1"), nil)
end

function cases.any_bytes(cache)
    local bytes = {}
    for i = 0, 255 do
        bytes[#bytes + 1] = string.char(i)
    end
    local all = table.concat(bytes)
    cache:set("k\0\255\n", all:rep(1000), 10)
    equal(cache:get("k\0\255\n"), all:rep(1000))
    equal(cache:get("k"), nil)
    equal(cache:fetch("loaded", 10, returns(all)), all)
end

function cases.numbers_are_texts(cache)
    cache:set(1, 42, 10)
    equal(cache:get("1"), "42")
    equal(cache:fetch(2, 10, returns(7)), "7")
    equal(cache:fetch_batch({ 1, 2 }, 10, unexpected)[2], "7")
end

function cases.fetch(cache)
    local keys = {}
    local function load(key)
        keys[#keys + 1] = key
        return "tester"
    end
    equal(cache:fetch("user:1", 10, load), "tester")
    equal(cache:fetch("user:1", 10, load), "tester")
    equal(#keys, 1)
    equal(keys[1], "user:1")
    equal(select("#", cache:fetch("user:1", 10, load)), 1, "how many are returned")
    local callable = setmetatable({}, { __call = returns("called") })
    equal(cache:fetch("user:2", 10, callable), "called")
end

function cases.absence_is_remembered(cache)
    equal(cache:fetch("nobody", 10, returns(nil)), nil)
    equal(cache:fetch("nobody", 10, unexpected), nil)
    local value, err = cache:fetch("nobody else", 10, function() end)
    equal(value, nil)
    equal(err, nil)
end

function cases.fetch_batch(cache)
    cache:set("b", "from cache", 10)
    local asked
    local values = assert(cache:fetch_batch({ "a", "b", "c", "d" }, 10, function(indexes)
        asked = table.concat(indexes, " ")
        local found = {}
        for _, i in ipairs(indexes) do
            found[i] = i ~= 3 and "loaded " .. i or nil
        end
        return found
    end))
    equal(asked, "1 3 4")
    equal(values[1], "loaded 1")
    equal(values[2], "from cache")
    equal(values[3], nil)
    equal(values[4], "loaded 4")
    equal(cache:fetch_batch({ "c", "a" }, 10, unexpected)[2], "loaded 1")
    equal(next(cache:fetch_batch({}, 10, unexpected)), nil)
end

function cases.fetch_batch_of_twins(cache)
    local values = assert(cache:fetch_batch({ "a", "b", "a" }, 10, function(indexes)
        local found = {}
        for _, i in ipairs(indexes) do
            found[i] = "v"
        end
        return found
    end))
    equal(values[1], "v")
    equal(values[3], "v")
end

function cases.more_answers_than_asked(cache)
    cache:set("b", "kept", 10)
    local values = assert(cache:fetch_batch({ "a", "b" }, 10, returns { "A", "B" }))
    equal(values[1], "A")
    equal(values[2], "kept")
end

function cases.invalidate(cache)
    cache:fetch("k", 10, returns("old"))
    equal(cache:invalidate("k"), true)
    equal(cache:fetch("k", 10, returns("new"), { strong = true }), "new")
    cache:invalidate({ "k", "other" })
    cache:invalidate("k", "other")
    equal(cache:fetch("k", 10, returns("newer")), "newer", "a refresh is done before fetch returns")
    equal(cache:get("k"), "newer")
end

function cases.defer(cache)
    cache:fetch("k", 10, returns("old"))
    cache:invalidate("k")
    local refresh
    local call = { defer = function(run) refresh = run end }
    equal(cache:fetch("k", 10, returns("new"), call), "old")
    equal(cache:get("k"), "old")
    equal(refresh(), true)
    equal(refresh(), false, "a second time")
    equal(cache:get("k"), "new")
    cache:invalidate("k")
    equal(cache:fetch("k", 10, function() error("away", 0) end, call), "new")
    equal(select(2, refresh()), "away")
    cache:invalidate("k")
    equal(cache:fetch_batch({ "k" }, 10, returns { "forgotten" }, call)[1], "new")
    refresh = nil
    collect()
    equal(cache:fetch("k", 10, returns("newest"), { strong = true }), "newest")
end

function cases.raw(cache)
    equal(cache:raw_get("k"), nil)
    equal(cache:raw_set("k", "v", 10), true)
    equal(cache:raw_get("k"), "v")
    cache:set("k", "w", 10)
    equal(cache:raw_get("k"), "w")
end

function cases.locks(cache)
    cache:set("k", "old", 10)
    local first = assert(cache:lock_for_update("k", "writer 1"))
    local second = assert(cache:lock_for_update("k", "writer 1", 5))
    equal(first > 1e15 and second > first, true, "fences rise")
    local ok, err, status = cache:lock_for_update("k", "writer 2")
    equal(ok, nil)
    has(err, "another owner")
    equal(status, "RCACHE_E_LOST")
    equal(cache:inspect("k").state, "locked")
    equal(cache:inspect("k").owner, "writer 1")
    equal(cache:fetch("k", 10, unexpected, { strong = false }), "old")
    equal(select(3, cache:fetch("k", 10, unexpected, { strong = true, deadline = 0.05 })), "RCACHE_E_TIMEOUT")
    equal(select(3, cache:unlock_for_update("k", "writer 2")), "RCACHE_E_LOST")
    equal(select(3, cache:renew_for_update("k", "writer 2", 5)), "RCACHE_E_LOST")
    equal(cache:renew_for_update("k", "writer 1", 50), true)
    equal(cache:inspect("k").lease_ms > 20000, true)
    equal(cache:unlock_for_update("k", "writer 1"), true)
    equal(cache:fetch("k", 10, returns("new"), { strong = true }), "new")
    assert(cache:lock_for_update("k", "writer 1", 0.2))
    equal(cache:lock_for_update("k", "writer 2", 1, true) > second, true, "after the other's lease")
    cache:unlock_for_update("k", "writer 2")
    equal(select(3, cache:lock_for_update("k", "")), "RCACHE_E_INVALID")
end

function cases.options_while_it_is_in_use(cache)
    local key = "changed"
    equal(cache:set(key, "old", 10), true)
    local got, message, status = cache:set_option("disable_cache_delete", true)
    equal(got, nil)
    equal(message:find("disable_cache_read=yes first", 1, true) ~= nil, true)
    equal(status, "RCACHE_E_MISUSE")
    equal(cache:set_option("disable_cache_read", true), true)
    equal(cache:fetch(key, 10, function() return "new" end), "new")
    equal(cache:set_option("disable_cache_delete", "yes"), true)
    equal(cache:set_option("disable_cache_delete", false), true)
    equal(cache:set_option("disable_cache_read", false), true)
    equal(cache:fetch(key, 10, function() return "newer" end), "old")
    equal(select(3, cache:set_option("delay", "1s")), "RCACHE_E_INVALID")
    equal(pcall(cache.set_option, cache, "disable_cache_read", {}), false)
end

function cases.credentials(cache)
    equal(cache:credentials("app", "secret"), true)
    equal(cache:credentials(), true)
    local got, message, status = cache:credentials("app", ("x"):rep(65537))
    equal(got, nil)
    equal(message, "the password is longer than 64 KiB")
    equal(status, "RCACHE_E_INVALID")
    equal(pcall(cache.credentials, cache, "a\0b"), false)
end

function cases.inspect_and_stats(cache)
    equal(cache:inspect("k"), nil)
    cache:set("k", "tester", 10)
    local entry = assert(cache:inspect("k"))
    equal(entry.state, "fresh")
    equal(entry.size, 6)
    equal(entry.ttl_ms > 5000 and entry.ttl_ms <= 10000, true)
    cache:lock_for_update("k", "123")
    equal(cache:inspect("k").owner, "123", "an owner of digits")
    cache:fetch("k2", 10, returns("v"))
    cache:fetch("k2", 10, unexpected)
    local stats = cache:stats()
    equal(stats.hits, 1)
    equal(stats.loads_stored, 1)
end

function cases.sessions()
    local cache = scene.open { session_consistency = true, delay = "60s" }
    equal(cache:fetch("k", 10, returns("v1")), "v1")
    equal(cache:invalidate("k"), true)
    equal(cache:fetch("k", 10, returns("v2")), "v2")
    equal(cache:join_session(cache:session_token()), true)
    equal(select(3, cache:join_session("nonsense")), "RCACHE_E_INVALID")
    equal(select(3, cache:fetch("k", 10, returns("v2"), { session = "nonsense" })), "RCACHE_E_INVALID")
    cache:close()
end

return cases
