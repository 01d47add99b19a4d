-- The world of plain Lua: one thread, coroutines that take turns.
local resilicache = require "resilicache"

local NAP = 0.003

local plain = {
    open = resilicache.open,
    now = os.time,
    lacks = {
        ["forgetting-fails"] = "a key that a batch loader leaves out is absent",
        cancel = "a call ends by its deadline alone",
        waiting = "to wait for a lock holds up the only thread",
    },
}

local turns = {}

-- Plain Lua can't sleep; but a fetch can, of a key that is locked in a cache of its own.
local bed = assert(resilicache.open("memory://"))

local function nap()
    local _, _, status = bed:fetch("bed", 1, error, { strong = true, deadline = NAP })
    if status ~= "RCACHE_E_TIMEOUT" then
        assert(bed:lock_for_update("bed", "nap", 60))
    end
end

function plain.spawn(run)
    turns[#turns + 1] = coroutine.create(run)
end

function plain.pause()
    coroutine.yield()
end

function plain.terms(call)
    return { pause = plain.pause, defer = not call.inline and plain.spawn or nil }
end

-- Runs the function, and all that it spawns, to its end.
function plain.run(run)
    local main = coroutine.create(run)
    turns[#turns + 1] = main
    while coroutine.status(main) ~= "dead" do
        local present = turns
        turns = {}
        for _, thread in ipairs(present) do
            local ok, problem = coroutine.resume(thread)
            if not ok then
                error(debug.traceback(thread, tostring(problem)), 0)
            elseif coroutine.status(thread) ~= "dead" then
                turns[#turns + 1] = thread
            end
        end
        nap()
    end
end

return plain
