-- calls: an op from its first event to its last, loaders and all.

local loads = require "resilicache.loads"
local library = require "resty.resilicache.ffi"
local native = require "resty.resilicache.native"
local owners = require "resty.resilicache.owners"
local Step = require "resty.resilicache.step"
local timer = require "resty.resilicache.timer"

local C = library.C

local TRIES_MAX = 4

local calls = {}

-- An op without a loader; `begin` gets the handle and what follows.
function calls.run(cache, is_large, take, begin, ...)
    local owner, err, status = owners.of(cache, is_large)
    if not owner then
        return nil, err, status
    end
    local slot, value
    slot, err, status = owner:submit(begin(owner.handle, ...), take)
    if slot then
        local ok
        ok, err, status = owner:await(slot)
        if ok then
            value, err, status = owner:result_of(slot)
        end
    end
    owners.release(cache, owner)
    return loads.returned(nil, value, err, status)
end

-- What a load is answered with: run by its owner, which goes on meanwhile.
local function load_by(owner, load, request)
    return owner:loading(function()
        return loads.run(load, load:indexes(), request.loader, request.key, request.count)
    end)
end

-- A load that came beside an older value, which the caller gets at once.
local function refresh_behind(cache, owner, load, request)
    local refresh = loads.refresh(function()
        local failure = load_by(owner, load, request)
        owners.release(cache, owner)
        return failure
    end)
    owner:release() -- whoever runs it may be another request
    if request.call and request.call.defer then
        return request.call.defer(refresh)
    end
    timer.behind(refresh, function()
        load:fail("too many refreshes are under way")
        load:finish()
        owners.release(cache, owner)
    end)
end

-- The loads that the slot is given, until it ends.
local function answer_loads(owner, slot, request)
    local failure
    while not slot.landed do
        if slot.load then
            failure = load_by(owner, Step.load_of(slot), request) or failure
        else
            owner:await(slot)
        end
    end
    return failure
end

-- From the first event to the last.  Returns true and what went wrong in a load; or false if the owner would have to
-- wait for what others load, and is `hurried`; or nil, a message and a status where there is no waiting.
local function drive(owner, slot, request, hurried)
    local ok, err, status = owner:await(slot, hurried)
    if not ok then
        owner:cancel(slot)
        return ok, err, status
    end
    return true, not slot.landed and answer_loads(owner, slot, request) or nil
end

-- Returns whether to try again, and what is returned if not.
local function fetch_by(cache, owner, request, hurried)
    local lost = owner.lost
    local op = C.rcache_op_fetch(owner.handle, request.keys, request.sizes or native.key_size(request.keys),
        request.count, request.ttl_ms, native.fetch_call(request.call))
    local slot, err, status = owner:submit(op, request.sizes and Step.take_values or Step.take_value)
    if not slot then
        return false, nil, err, status
    end
    local done, failure, problem = drive(owner, slot, request, hurried)
    if not done then
        owners.release(cache, owner)
        return done == false, nil, failure, problem
    end
    local load, value, others = Step.load_of(slot), nil, nil
    value, err, status, others = owner:result_of(slot)
    if load then
        refresh_behind(cache, owner, load, request)
    else
        owners.release(cache, owner)
    end
    -- Not the loader has failed, but the request that it was called by was ended.
    local again = status == "RCACHE_E_LOADER" and not failure and owner.lost ~= lost
    return again, loads.returned(failure, value, err, status, others)
end

local function try(cache, request, is_large)
    local owner, err, status = owners.of(cache, is_large)
    if not owner then
        return false, nil, err, status
    end
    -- What others load is best waited for together with all who want it.
    return fetch_by(cache, owner, request, is_large and owner ~= cache.shared and owners.can_share())
end

local function try_on(cache, request, again, ...)
    local tries = request.tries or 1
    if not again or tries == TRIES_MAX then
        return ...
    end
    request.tries = tries + 1
    return try_on(cache, request, try(cache, request, false))
end

--- `request` has what native.update takes, and the transaction.
function calls.update(cache, request)
    local owner, err, status = owners.of(cache, false)
    if not owner then
        return nil, err, status
    end
    local slot, failure, value, ok
    slot, err, status = owner:submit(native.update(owner.handle, request), Step.take_done)
    if slot then
        ok, err, status = owner:await(slot)
        while ok and not slot.landed do
            local load = Step.load_of(slot)
            if load then
                owner:loading(function()
                    failure, value = loads.transact(load, request.transaction)
                end)
            else
                owner:await(slot)
            end
        end
        if ok then
            ok, err, status = owner:result_of(slot)
        else
            owner:cancel(slot)
        end
    end
    owners.release(cache, owner)
    return loads.updated(failure, value, ok, err, status)
end

--- `is_large`: the values are expected to be.
function calls.fetch(cache, request, is_large)
    return try_on(cache, request, try(cache, request, is_large))
end

return calls
