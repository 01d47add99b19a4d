-- Loads: calling loaders, and handing on what they return.
--
-- A load is an object with the methods indexes(), answer(i, value), version(i, version), primary(),
-- fail(message, permanent) and finish(), whatever it is made of.

local arguments = require "resilicache.arguments"
local is_text = arguments.is_text

local loads = {}

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

-- LuaJIT can, and in nginx there may be no coroutine to try it in.
local yields_across_pcall = jit or coroutine.wrap(function()
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

-- What the loader of one key returned, given to the load.  Returns why it can't be.
local function answer_one(load, value)
    if value ~= nil and not is_text(value) then
        return ("the loader returned a %s, not a string, nil, or nil and an error"):format(type(value))
    end
    return load:answer(1, value)
end

local function answer_version(load, version)
    if version ~= nil and not arguments.is_version(version) then
        return "the loader's third value, the version, is no whole number from 1 to 2^53"
    elseif version ~= nil then
        load:version(1, version)
    end
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

local function answer_batch(load, values, indexes, count)
    local problem = check_answers(values, count)
    if problem then
        return problem
    end
    for i, index in ipairs(indexes) do
        problem = load:answer(i, values[index]) or problem
    end
    return problem
end

-- Runs the loader for the load and finishes that.  `key` is nil for a batch of `count` keys.  Returns what went wrong,
-- as a text.
function loads.run(load, indexes, loader, key, count)
    local ok, value, err, kind
    if load:primary() then
        ok, value, err, kind = protected(loader, key or indexes, true)
    else
        ok, value, err, kind = protected(loader, key or indexes)
    end
    local failure
    if not ok then
        failure = text_of(value)
    elseif value == nil and err ~= nil then
        failure = text_of(err)
    elseif key then
        failure = answer_one(load, value) or answer_version(load, kind)
    else
        -- The loader has seen the table of indexes, and may have changed it.
        failure = answer_batch(load, value, load:indexes(), count)
    end
    if failure then
        load:fail(failure, ok and value == nil and kind == "permanent")
    end
    load:finish()
    return failure
end

-- Runs an update's transaction for its load, with the lock's fence and a function that tells whether the lock still
-- lives, and finishes the load.  Returns what went wrong, as a text, or nil and what the transaction returned.
function loads.transact(load, transaction)
    local ok, value, err = protected(transaction, load:fence(), function()
        return load:wanted()
    end)
    local failure
    if not ok then
        failure = text_of(value)
    elseif value == nil and err ~= nil then
        failure = text_of(err)
    end
    if failure then
        load:fail(failure)
    end
    load:finish()
    return failure, value
end

-- What an update returns.
function loads.updated(failure, value, ok, err, status)
    if not ok then
        return nil, status == "RCACHE_E_LOADER" and failure or err, status
    end
    return value == nil and true or value
end

-- A refresh that is done later: a function, to be called once, around `run`, which returns what went wrong.
function loads.refresh(run)
    return function()
        local mine = run
        run = nil
        local failure = mine and mine()
        if failure then
            return nil, failure, "RCACHE_E_LOADER"
        end
        return mine ~= nil
    end
end

-- What a fetch returns.  A load that failed here has its whole text here.
function loads.returned(failure, value, err, status, others)
    if not status then
        return value
    end
    return nil, status == "RCACHE_E_LOADER" and failure or err, status, others
end

return loads
