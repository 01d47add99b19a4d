-- Cases of the Lua binding: loaders that fail, yield, or return what they should not.
local scene = require "scene"
local equal, has, collect, returns = scene.equal, scene.has, scene.collect, scene.returns

local cases = {}

function cases.loader_raises(cache)
    local value, err, status = cache:fetch("k", 10, function()
        error("the database is away", 0)
    end)
    equal(value, nil)
    equal(err, "the database is away")
    equal(status, "RCACHE_E_LOADER")
    local long = ("x"):rep(5000)
    equal(select(2, cache:fetch("k", 10, function() error(long, 0) end)), long)
    local object = setmetatable({}, { __tostring = returns("an object") })
    equal(select(2, cache:fetch("k", 10, function() error(object) end)), "an object")
    local odd = setmetatable({}, { __tostring = function() error("no") end })
    equal(select(2, cache:fetch("k", 10, function() error(odd) end)), "the loader failed")
    has(select(2, cache:fetch("k", 10, function() error() end)), "nil")
    equal(cache:fetch("k", 10, returns("back")), "back")
end

function cases.loader_returns_an_error(cache)
    local value, err, status = cache:fetch("k", 10, function()
        return nil, "no such table"
    end)
    equal(value, nil)
    equal(err, "no such table")
    equal(status, "RCACHE_E_LOADER")
    equal(cache:get("k"), nil)
end

function cases.loader_returns_wrong_things(cache)
    for _, wrong in ipairs { {}, true, print, coroutine.create(function() end) } do
        has(select(2, cache:fetch("k", 10, returns(wrong))), "the loader returned a " .. type(wrong))
    end
    has(select(2, cache:fetch("k", 10, returns(false))), "the loader returned a boolean")
    has(select(2, cache:fetch_batch({ "k" }, 10, returns("v"))), "the loader returned a string, not a table")
    has(select(2, cache:fetch_batch({ "k" }, 10, returns(nil))), "the loader returned a nil, not a table")
    has(select(2, cache:fetch_batch({ "k" }, 10, returns { k = "v" })), "'k', which is no index")
    has(select(2, cache:fetch_batch({ "k" }, 10, returns { [2] = "v" })), "'2', which is no index")
    has(select(2, cache:fetch_batch({ "k" }, 10, returns { [0.5] = "v" })), "'0.5', which is no index")
    has(select(2, cache:fetch_batch({ "k" }, 10, returns { {} })), "a table, not a string, at index 1")
    equal(cache:get("k"), nil)
end

function cases.fetch_batch_fails(cache)
    local values, err, status = cache:fetch_batch({ "a", "b" }, 10, function()
        return nil, "the database is away"
    end)
    equal(values, nil)
    equal(err, "the database is away")
    equal(status, "RCACHE_E_LOADER")
    equal(select(2, cache:fetch_batch({ "a" }, 10, function() error("raised", 0) end)), "raised")
end

function cases.values_of_a_batch_that_fails_in_part(cache)
    cache:set("b", "cached", 10)
    local values, err, status, others = cache:fetch_batch({ "a", "b" }, 10, function()
        return nil, "the database is away"
    end)
    equal(values, nil)
    equal(err, "the database is away")
    equal(status, "RCACHE_E_LOADER")
    equal(others[1], nil)
    equal(others[2], "cached")
end

function cases.loader_may_spoil_its_argument(cache)
    local values = assert(cache:fetch_batch({ "a", "b" }, 10, function(indexes)
        indexes[1], indexes[2], indexes[3] = nil, nil, 99
        return { "A", "B" }
    end))
    equal(values[1], "A")
    equal(values[2], "B")
end

function cases.stale_while_the_loader_fails(cache)
    cache:fetch("k", 10, returns("old"))
    cache:invalidate("k")
    equal(cache:fetch("k", 10, function() error("away") end, { strong = false }), "old")
    local value, err = cache:fetch("k", 10, function() error("away", 0) end, { strong = true, deadline = 5 })
    equal(value, nil)
    equal(err, "away")
end

function cases.nested_fetch(cache)
    equal(cache:fetch("outer", 10, function()
        return "outer of " .. cache:fetch("inner", 10, returns("inner"))
    end), "outer of inner")
end

function cases.loader_yields(cache)
    local thread = coroutine.create(function(...)
        return cache:fetch("k", 10, function()
            local first = coroutine.yield("one", 1)
            local second = coroutine.yield("two")
            return first .. second
        end)
    end)
    local _, what, number = coroutine.resume(thread)
    equal(what, "one")
    equal(number, 1)
    collect()
    equal(select(2, coroutine.resume(thread, "a")), "two")
    equal(select(2, coroutine.resume(thread, "b")), "ab")
    equal(coroutine.status(thread), "dead")
    equal(cache:get("k"), "ab")
end

function cases.loader_yields_and_raises(cache)
    local call = coroutine.wrap(function()
        return cache:fetch_batch({ "k" }, 10, function(indexes)
            equal(coroutine.yield(indexes[1]), "on")
            error("after a yield", 0)
        end)
    end)
    equal(call(), 1)
    equal(select(2, call("on")), "after a yield")
end

function cases.coroutine_is_dropped(cache)
    local call = coroutine.wrap(function()
        cache:fetch("k", 10, function()
            coroutine.yield("loading")
        end)
    end)
    equal(call(), "loading")
    call = nil
    collect()
    equal(cache:fetch("k", 10, returns("v"), { deadline = 5 }), "v", "the load was given back")
end

function cases.coroutines_wait_for_each_other(cache)
    local loads, values = 0, {}
    local call = { pause = coroutine.yield }
    local threads = {}
    for i = 1, 5 do
        threads[i] = coroutine.create(function()
            values[i] = cache:fetch("k", 10, function()
                loads = loads + 1
                coroutine.yield()
                coroutine.yield()
                return "v"
            end, call)
        end)
    end
    local alive, rounds = true, 0
    while alive and rounds < 1e7 do
        alive, rounds = false, rounds + 1
        for _, thread in ipairs(threads) do
            if coroutine.status(thread) ~= "dead" then
                assert(coroutine.resume(thread))
                alive = true
            end
        end
    end
    equal(loads, 1)
    for i = 1, 5 do
        equal(values[i], "v")
    end
end

return cases
