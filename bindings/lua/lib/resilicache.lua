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
local arguments = require "resilicache.arguments"
local loads = require "resilicache.loads"

local refuse = arguments.refuse

local resilicache = { open = core.open, _VERSION = core.version }
local methods = core.methods

local CALL = { strong = "boolean", deadline = "number", session = "string", defer = "function", pause = "function" }
local CALL_NAMES = "strong, deadline, session, defer and pause"

-- From the first event to the last.  `key` is nil for a batch of `count` keys.
local function drive(flight, loader, call, key, count)
    local failure
    local pause = call and call.pause
    local landed, indexes = flight:step(pause)
    while not landed do
        if indexes then
            failure = loads.run(flight, indexes, loader, key, count) or failure
        elseif pause then
            pause()
        end
        landed, indexes = flight:step(pause)
    end
    if indexes then
        -- Only where there is a `defer`: else a refresh is done before the last event, and brings the newer value.
        call.defer(loads.refresh(function()
            return loads.run(flight, indexes, loader, key, count)
        end))
    end
    if key then
        return loads.returned(failure, flight:value())
    end
    return loads.returned(failure, flight:values())
end

local function begin(cache, keys, ttl, call)
    if not call then
        return core.fetch(cache, keys, ttl, nil, true)
    end
    return core.fetch(cache, keys, ttl, call.strong, not call.defer, call.deadline, call.session)
end

--- The cached value; where there is none, that of `loader(key)`, which is kept for `ttl` seconds.
-- The loader returns the value, nil where there is none, or nil and an error; nil, an error and "permanent" where no
-- older value is to stand in; value or nil, nil and the version of the row, where older ones are to be refused;
-- it is called once more, with true behind the key, to read the primary database, where that one is older itself.
-- `call` may have
-- strong = true, never to get what was invalidated before, or false, to get it for a while;
-- deadline, in seconds;
-- session, a cache's session_token, to see what that one had written;
-- defer, a function that is handed a refresh to call later, where an older value can be returned at once;
-- pause, a function to call again and again while others load the key, instead of waiting: for coroutines, one of which
-- would else wait for a value that another one of the same thread is to load.
function methods.fetch(cache, key, ttl, loader, call)
    refuse(arguments.text(key), 1, "fetch")
    refuse(arguments.seconds(ttl), 2, "fetch")
    refuse(arguments.loader(loader), 3, "fetch")
    refuse(arguments.call(call, CALL, CALL_NAMES), 4, "fetch")
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
    refuse(arguments.keys(keys), 1, "fetch_batch")
    refuse(arguments.seconds(ttl), 2, "fetch_batch")
    refuse(arguments.loader(loader), 3, "fetch_batch")
    refuse(arguments.call(call, CALL, CALL_NAMES), 4, "fetch_batch")
    local flight = begin(cache, keys, ttl, call)
    if not flight then
        error("attempt to use a closed cache", 2)
    end
    return drive(flight, loader, call, nil, #keys)
end

local UPDATE = { owner = "string", lease = "number", deadline = "number", intent = "boolean", pause = "function" }
local UPDATE_NAMES = "owner, lease, deadline, intent and pause"

--- Locks the key, runs `transaction(fence, is_held)`, and unlocks, which invalidates, also where it fails or raises.
-- The fence is more than that of any lock of this key before, for the database to refuse writers that have lost theirs:
-- UPDATE ... SET fence = ? WHERE fence < ?  `is_held()` is false once the lock has ended, which is renewed until
-- lock_expire_max has passed.  The transaction returns nil and an error where it failed.  Returns what it returned, or
-- true for nil; or nil, a message and the status: RCACHE_E_LOST where the lock had ended before.  `call` may have
-- owner, of the lock; lease, in seconds, without it lock_expire; deadline, for the waiting for another's lock;
-- intent, true: no reader is given the old value while the transaction runs, they wait for its end;
-- pause, a function to call again and again while another has the lock, instead of waiting.
function methods.update(cache, key, transaction, call)
    refuse(arguments.text(key), 1, "update")
    refuse(arguments.loader(transaction), 2, "update")
    refuse(arguments.call(call, UPDATE, UPDATE_NAMES), 3, "update")
    call = call or {}
    local flight = core.update(cache, key, call.owner, call.lease, call.deadline, call.intent)
    if not flight then
        error("attempt to use a closed cache", 2)
    end
    local failure, value
    local landed, indexes = flight:step(call.pause)
    while not landed do
        if indexes then
            failure, value = loads.transact(flight, transaction)
        elseif call.pause then
            call.pause()
        end
        landed, indexes = flight:step(call.pause)
    end
    return loads.updated(failure, value, flight:done())
end

return resilicache
