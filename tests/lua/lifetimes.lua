-- Cases of the Lua binding: closing, garbage, and things at odd times.
local scene = require "scene"
local equal, has, raised, collect, returns = scene.equal, scene.has, scene.raised, scene.collect, scene.returns

local cases = {}

function cases.garbage_in_loaders(cache)
    for i = 1, 20 do
        local value = cache:fetch("k" .. i, 10, function(key)
            collect()
            return key .. " loaded"
        end)
        equal(value, "k" .. i .. " loaded")
    end
    equal(cache:fetch_batch({ "a", "b" }, 10, function()
        collect()
        return { "A", "B" }
    end)[2], "B")
end

function cases.a_cache_without_a_name()
    equal(scene.open():fetch("k", 10, function()
        collect()
        return "v"
    end), "v")
    for _ = 1, 20 do
        scene.open():get("k")
    end
    collect()
end

function cases.many_of_everything(cache)
    for i = 1, 2000 do
        cache:set("k" .. i % 10, ("x"):rep(i), 10)
        cache:get("k" .. i % 10)
        cache:fetch("f" .. i % 50, 10, returns("v"))
    end
    collect()
end

function cases.close(cache)
    cache:set("k", "v", 10)
    has(tostring(cache), "resilicache.cache (")
    equal(cache:close(), true)
    equal(cache:close(), true)
    has(tostring(cache), "closed")
    has(raised(function() cache:get("k") end), "attempt to use a closed cache")
    has(raised(function() cache:fetch("k", 10, print) end), "lifetimes.lua:")
    has(raised(function() cache:fetch_batch({ "k" }, 10, print) end), "attempt to use a closed cache")
    has(raised(function() cache:stats() end), "attempt to use a closed cache")
end

function cases.close_in_a_loader(cache)
    local value, _, status = cache:fetch("k", 10, function()
        cache:close()
        collect()
        return "v"
    end)
    equal(value == "v" or status == "RCACHE_E_CLOSED", true, "the loader's value, or why not")
    has(raised(function() cache:get("k") end), "attempt to use a closed cache")
end

function cases.close_by_scope()
    if _VERSION == "Lua 5.4" then
        local cache = scene.open()
        local block = assert(load("local cache <close> = ...; return cache:set('k', 'v', 10)"))
        equal(block(cache), true)
        has(tostring(cache), "closed")
    end
end

return cases
