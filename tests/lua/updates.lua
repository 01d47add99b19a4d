-- Updates: a transaction under a lock.
local scene = require "scene"

local equal, has = scene.equal, scene.has
local cases = {}

function cases.update(cache)
    cache:set("k", "old", 10)
    local first
    local done = cache:update("k", function(fence, is_held)
        first = fence
        equal(cache:inspect("k").state, "locked")
        equal(is_held(), true)
        return "done"
    end)
    equal(done, "done")
    equal(cache:inspect("k").state, "invalidated")
    local second
    equal(cache:update("k", function(fence) second = fence end), true)
    equal(first > 1e15 and second > first, true, "fences rise")
    equal(cache:update("k", function() return false end), false)
end

function cases.update_that_fails(cache)
    local done, err, status = cache:update("k", function() return nil, "rolled back" end)
    equal(done, nil)
    equal(err, "rolled back")
    equal(status, "RCACHE_E_LOADER")
    done, err, status = cache:update("k", function() error "raised" end)
    equal(done, nil)
    has(err, "raised")
    equal(status, "RCACHE_E_LOADER")
    assert(cache:lock_for_update("k", "another"))
    cache:unlock_for_update("k", "another")
end

function cases.update_whose_lock_is_lost(cache)
    local held
    local done, err, status = cache:update("k", function(_, is_held)
        cache:set("k", "another's", 10)
        held = is_held
    end, { owner = "me", lease = 5 })
    equal(done, nil)
    has(err, "another may have written")
    equal(status, "RCACHE_E_LOST")
    equal(held(), false, "after its end")
end

function cases.update_that_waits(cache)
    assert(cache:lock_for_update("k", "another", 0.3))
    equal(select(3, cache:update("k", error, { deadline = 0.05 })), "RCACHE_E_TIMEOUT")
    equal(cache:update("k", function() return 7 end), 7)
end

function cases.update_with_an_intent(cache)
    cache:set("k", "old", 10)
    local value, status
    cache:update("k", function()
        value = cache:get("k")
        status = select(3, cache:fetch("k", 10, error, { deadline = 0.05 }))
    end, { intent = true })
    equal(value, nil)
    equal(status, "RCACHE_E_TIMEOUT")
    cache:set("k", "old", 10)
    assert(cache:lock_for_update("k", "writer", 5, false, true))
    equal(cache:get("k"), nil)
    assert(cache:unlock_for_update("k", "writer"))
end

function cases.update_of_no_use(cache)
    equal(pcall(cache.update, cache, "k"), false)
    equal(pcall(cache.update, cache, "k", print, { leash = 1 }), false)
    equal(pcall(cache.update, cache, "k", print, { lease = -1 }), false)
    equal(pcall(cache.update, cache, "k", print, { intent = 1 }), false)
    equal(select(3, cache:update("k", print, { owner = ("o"):rep(256) })), "RCACHE_E_LIMIT")
end

return cases
