--- resilicache: cache consistency for programs that keep their truth in a database and their speed in Redis.
--
-- For Lua 5.4, Lua 5.1 and LuaJIT.  Functions return what they are asked for, or nil, a message and the name of the
-- status ("RCACHE_E_TIMEOUT"); wrong arguments raise.  Times are seconds.
--
--   local cache, err = resilicache.open("redis://127.0.0.1:6379", { lock_expire = "3s" })   -- or "memory://"
--   local value, err = cache:fetch("user:1", 10, function() return "tester" end)
--
-- Here is what calls loaders, so that no C function is below them: they may yield, and raise.

local core = require "resilicache.core"

local SECONDS_MAX = 1e12

local resilicache = { open = core.open, _VERSION = core.version }
local methods = core.methods

-- ---- arguments: what is wrong with them, as a text, or nil ----

local function kind_of(value)
    return value == nil and "no value" or type(value)
end

local function is_text(value)
    return type(value) == "string" or type(value) == "number"
end

local function check_key(key)
    if not is_text(key) then
        return "string expected, got " .. kind_of(key)
    end
end

local function check_keys(keys)
    if type(keys) ~= "table" then
        return "table of keys expected, got " .. kind_of(keys)
    end
    for i = 1, #keys do
        if not is_text(keys[i]) then
            return ("key %d is a %s, not a string"):format(i, type(keys[i]))
        end
    end
end

local function check_seconds(seconds)
    if type(seconds) ~= "number" then
        return "number of seconds expected, got " .. kind_of(seconds)
    elseif not (seconds > 0 and seconds < SECONDS_MAX) then
        return "a time in seconds, above 0, expected"
    end
end

local function check_loader(loader)
    local meta = getmetatable(loader)
    if type(loader) ~= "function" and not (type(meta) == "table" and meta.__call) then
        return "function expected, the loader, got " .. kind_of(loader)
    end
end

local CALL = { strong = "boolean", deadline = "number", defer = "function", pause = "function" }

local function check_call(call)
    if type(call) ~= "table" then
        return call ~= nil and "table expected, got " .. type(call) or nil
    end
    for name, value in pairs(call) do
        if not CALL[name] then
            return ("'%s' is none of strong, deadline, defer and pause"):format(tostring(name))
        elseif type(value) ~= CALL[name] then
            return ("%s is a %s, not a %s"):format(name, CALL[name], type(value))
        end
    end
    return call.deadline and check_seconds(call.deadline)
end

-- Raises where the method was called.
local function refuse(problem, position, method)
    if problem then
        error(("bad argument #%d to '%s' (%s)"):format(position, method, problem), 3)
    end
end

-- ---- loaders ----

-- Lua 5.1 can't yield across pcall.  There, a loader that may have to gets a coroutine of its own, and what it yields
-- is handed on.
local function resumed(thread, ok, ...)
    if ok and coroutine.status(thread) ~= "dead" then
        return resumed(thread, coroutine.resume(thread, coroutine.yield(...)))
    end
    return ok, ...
end

local function pcall_by_coroutine(loader, ...)
    if not coroutine.running() then
        return pcall(loader, ...)
    end
    local thread = coroutine.create(function(...)
        return loader(...)
    end)
    return resumed(thread, coroutine.resume(thread, ...))
end

local yields_across_pcall = coroutine.wrap(function()
    pcall(coroutine.yield, true)
end)()
local protected = yields_across_pcall and pcall or pcall_by_coroutine

-- Whatever was raised, as a text.
local function text_of(failure)
    if type(failure) == "string" then
        return failure
    end
    local ok, text = pcall(tostring, failure)
    return ok and type(text) == "string" and text or "the loader failed"
end

-- What the loader of one key returned, given to the load at hand.  Returns why it can't be.
local function answer_one(flight, value)
    if value ~= nil and not is_text(value) then
        return ("the loader returned a %s, not a string, nil, or nil and an error"):format(type(value))
    end
    return flight:answer(1, value)
end

-- Values at indexes other than those asked for do no harm, but what is no index is a mistake.
local function check_answers(values, count)
    if type(values) ~= "table" then
        return ("the loader returned a %s, not a table of index and value, or nil and an error"):format(type(values))
    end
    for i, value in pairs(values) do
        if type(i) ~= "number" or i < 1 or i > count or i % 1 ~= 0 then
            return ("the loader returned a value at '%s', which is no index of a key"):format(tostring(i))
        elseif not is_text(value) then
            return ("the loader returned a %s, not a string, at index %d"):format(type(value), i)
        end
    end
end

local function answer_batch(flight, values, indexes, count)
    local problem = check_answers(values, count)
    if problem then
        return problem
    end
    for i, index in ipairs(indexes) do
        problem = flight:answer(i, values[index]) or problem
    end
    return problem
end

-- Runs the loader for the load at hand and finishes that.  Returns what went wrong, as a text.
local function run_load(flight, indexes, loader, key, count)
    local ok, value, err = protected(loader, key or indexes)
    local failure
    if not ok then
        failure = text_of(value)
    elseif value == nil and err ~= nil then
        failure = text_of(err)
    elseif key then
        failure = answer_one(flight, value)
    else
        -- The loader has seen the table of indexes, and may have changed it.
        failure = answer_batch(flight, value, flight:indexes(), count)
    end
    if failure then
        flight:fail(failure)
    end
    flight:finish()
    return failure
end

-- ---- fetch ----

-- A refresh that the caller wants to do later: a function, to be called once.
local function refresh_of(flight, indexes, loader, key, count)
    return function()
        local mine = indexes
        indexes = nil
        local failure = mine and run_load(flight, mine, loader, key, count)
        if failure then
            return nil, failure, "RCACHE_E_LOADER"
        end
        return mine ~= nil
    end
end

-- A load that failed here has its whole text here.
local function returned(failure, value, err, status, others)
    if not status then
        return value
    end
    return nil, status == "RCACHE_E_LOADER" and failure or err, status, others
end

-- From the first event to the last.  `key` is nil for a batch of `count` keys.
local function drive(flight, loader, call, key, count)
    local failure
    local pause = call and call.pause
    local landed, indexes = flight:step(pause)
    while not landed do
        if indexes then
            failure = run_load(flight, indexes, loader, key, count) or failure
        elseif pause then
            pause()
        end
        landed, indexes = flight:step(pause)
    end
    if indexes then
        -- Only where there is a `defer`: else a refresh is done before the last event, and brings the newer value.
        call.defer(refresh_of(flight, indexes, loader, key, count))
    end
    if key then
        return returned(failure, flight:value())
    end
    return returned(failure, flight:values())
end

local function begin(cache, keys, ttl, call)
    if not call then
        return core.fetch(cache, keys, ttl, nil, true)
    end
    return core.fetch(cache, keys, ttl, call.strong, not call.defer, call.deadline)
end

--- The cached value; where there is none, that of `loader(key)`, which is kept for `ttl` seconds.
-- The loader returns the value, nil where there is none, or nil and an error.  `call` may have
-- strong = true, never to get what was invalidated before, or false, to get it for a while;
-- deadline, in seconds;
-- defer, a function that is handed a refresh to call later, where an older value can be returned at once;
-- pause, a function to call again and again while others load the key, instead of waiting: for coroutines, one of which
-- would else wait for a value that another one of the same thread is to load.
function methods.fetch(cache, key, ttl, loader, call)
    refuse(check_key(key), 1, "fetch")
    refuse(check_seconds(ttl), 2, "fetch")
    refuse(check_loader(loader), 3, "fetch")
    refuse(check_call(call), 4, "fetch")
    local flight = begin(cache, key, ttl, call)
    if not flight then
        error("attempt to use a closed cache", 2)
    end
    return drive(flight, loader, call, key)
end

--- As fetch, for a table of keys: a table of index and value, without those that are absent.
-- `loader(indexes)` gets the indexes of the keys that it is to load, and returns a table of index and value; what it
-- leaves out is absent.  It may be called more than once.  Where keys fail: nil, the message and the status of the
-- first of them, and a table of index and value of the others.
function methods.fetch_batch(cache, keys, ttl, loader, call)
    refuse(check_keys(keys), 1, "fetch_batch")
    refuse(check_seconds(ttl), 2, "fetch_batch")
    refuse(check_loader(loader), 3, "fetch_batch")
    refuse(check_call(call), 4, "fetch_batch")
    local flight = begin(cache, keys, ttl, call)
    if not flight then
        error("attempt to use a closed cache", 2)
    end
    return drive(flight, loader, call, nil, #keys)
end

return resilicache
