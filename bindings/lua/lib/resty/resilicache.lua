--- resty.resilicache: cache consistency for programs in nginx that keep their truth in a database and their speed
-- in Redis.
--
--   init_by_lua_block {
--       cache = assert(require("resty.resilicache").new { url = "redis://127.0.0.1:6379", lock_expire = "3s" })
--   }
--   content_by_lua_block {
--       local value, err = cache:fetch("user:1", 10, function() return "tester" end)
--   }
--
-- The calls are those of the module `resilicache` for plain Lua.  They return what they are asked for, or nil, a
-- message and the name of the status ("RCACHE_E_TIMEOUT"); wrong arguments raise.  Times are seconds.  Nothing blocks
-- the worker.

local arguments = require "resilicache.arguments"
local loads = require "resilicache.loads"
local calls = require "resty.resilicache.calls"
local library = require "resty.resilicache.ffi"
local Large = require "resty.resilicache.large"
local lines = require "resty.resilicache.lines"
local native = require "resty.resilicache.native"
local owners = require "resty.resilicache.owners"
local Step = require "resty.resilicache.step"

local C = library.C
local refuse = arguments.refuse

local CALL = { strong = "boolean", deadline = "number", session = "string", defer = "function" }
local CALL_NAMES = "strong, deadline, session and defer"

local Cache = {}
Cache.__index = Cache

-- ---- arguments: what is wrong with them raises where the method was called ----

local function expect_open(cache, method)
    if getmetatable(cache) ~= Cache then
        error(("bad argument #1 to '%s' (a cache expected, got %s)"):format(method, type(cache)), 3)
    elseif cache.closed then
        error("attempt to use a closed cache", 3)
    end
end

-- Keys as a table, or one by one.
local function keys_of(...)
    local first, count = (...), select("#", ...)
    if type(first) == "table" then
        return first, arguments.keys(first), 1
    end
    local keys = { ... }
    for i = 1, math.max(count, 1) do
        local problem = arguments.text(keys[i])
        if problem then
            return keys, problem, i
        end
    end
    return keys
end

--- The cached value; where there is none, that of `loader(key)`, which is kept for `ttl` seconds.
-- The loader returns the value, nil where there is none, or nil and an error.  It may yield.  `call` may have
-- strong = true, never to get what was invalidated before, or false, to get it for a while;
-- deadline, in seconds;
-- session, a cache's session_token, to see what that one had written;
-- defer, a function that is handed a refresh to call later, where an older value can be returned at once.  Without it,
-- the refresh is done by a timer: then its loader has no request.
function Cache:fetch(key, ttl, loader, call)
    expect_open(self, "fetch")
    refuse(arguments.text(key), 1, "fetch")
    refuse(arguments.seconds(ttl), 2, "fetch")
    refuse(arguments.loader(loader), 3, "fetch")
    refuse(arguments.call(call, CALL, CALL_NAMES), 4, "fetch")
    local text = tostring(key)
    local value, err, status = calls.fetch(self, {
        keys = text, count = 1, key = key, ttl_ms = native.ms(ttl), loader = loader, call = call,
    }, self.large:has(text))
    if value then
        self.large:note(text, value)
    end
    return loads.returned(nil, value, err, status)
end

--- As fetch, for a table of keys: a table of index and value, without those that are absent.
-- `loader(indexes)` gets the indexes of the keys that it is to load, and returns a table of index and value; what it
-- leaves out is absent.  It may be called more than once.  Where keys fail: nil, the message and the status of the
-- first of them, and a table of index and value of the others.
function Cache:fetch_batch(keys, ttl, loader, call)
    expect_open(self, "fetch_batch")
    refuse(arguments.keys(keys), 1, "fetch_batch")
    refuse(arguments.seconds(ttl), 2, "fetch_batch")
    refuse(arguments.loader(loader), 3, "fetch_batch")
    refuse(arguments.call(call, CALL, CALL_NAMES), 4, "fetch_batch")
    local data, sizes, count = native.batch(keys)
    local values, err, status, others = calls.fetch(self, {
        keys = data, sizes = sizes, count = count, ttl_ms = native.ms(ttl), loader = loader, call = call,
    }, self.large:has_any(keys))
    for i, value in pairs(values or {}) do
        self.large:note(tostring(keys[i]), value)
    end
    return loads.returned(nil, values, err, status, others)
end

local function set(cache, call, key, value, ttl)
    key, value = tostring(key), tostring(value)
    return calls.run(cache, false, Step.take_done, C.rcache_op_set, key, native.key_size(key), value,
        native.value_size(value), 1, native.ms(ttl), call)
end

--- true.  `version`, of the row, may be left out; with it, nothing is stored where a newer one is known.
function Cache:set(key, value, ttl, version)
    expect_open(self, "set")
    refuse(arguments.text(key), 1, "set")
    refuse(arguments.text(value), 2, "set")
    refuse(arguments.seconds(ttl), 3, "set")
    refuse(arguments.version(version), 4, "set")
    return set(self, native.version_call(version), key, value, ttl)
end

--- As set, but past leases and locks.
function Cache:raw_set(key, value, ttl)
    expect_open(self, "raw_set")
    refuse(arguments.text(key), 1, "raw_set")
    refuse(arguments.text(value), 2, "raw_set")
    refuse(arguments.seconds(ttl), 3, "raw_set")
    return set(self, native.raw_call, key, value, ttl)
end

local function get(cache, call, key)
    key = tostring(key)
    local value, err, status = calls.run(cache, cache.large:has(key), Step.take_value, C.rcache_op_get, key,
        native.key_size(key), 1, call)
    if value then
        cache.large:note(key, value)
    end
    return loads.returned(nil, value, err, status)
end

--- The value, whatever its state, or nil where there is none.
function Cache:get(key)
    expect_open(self, "get")
    refuse(arguments.text(key), 1, "get")
    return get(self, nil, key)
end

--- As get, but past leases and locks.
function Cache:raw_get(key)
    expect_open(self, "raw_get")
    refuse(arguments.text(key), 1, "raw_get")
    return get(self, native.raw_call, key)
end

local function run_batch(cache, take, begin, keys, call)
    local data, sizes, count = native.batch(keys)
    return calls.run(cache, false, take, begin, data, sizes, count, call)
end

--- Of one key or more, or of a table of keys: how many were there.
function Cache:delete(...)
    expect_open(self, "delete")
    local keys, problem, position = keys_of(...)
    refuse(problem, position, "delete")
    return run_batch(self, Step.take_count, C.rcache_op_delete, keys)
end

--- Tags one key or more, or a table of keys, as deleted: true.
function Cache:invalidate(...)
    expect_open(self, "invalidate")
    local keys, problem, position = keys_of(...)
    refuse(problem, position, "invalidate")
    return run_batch(self, Step.take_done, C.rcache_op_invalidate, keys)
end

--- As invalidate, and nothing older than this version of the row is stored from then on.
function Cache:invalidate_version(version, ...)
    expect_open(self, "invalidate_version")
    refuse(version == nil and "a version expected" or arguments.version(version), 1, "invalidate_version")
    local keys, problem, position = keys_of(...)
    refuse(problem, position and position + 1, "invalidate_version")
    return run_batch(self, Step.take_done, C.rcache_op_invalidate, keys, native.version_call(version))
end

--- The entry as it lies in the store, as a table, or nil where there is none.
function Cache:inspect(key)
    expect_open(self, "inspect")
    refuse(arguments.text(key), 1, "inspect")
    key = tostring(key)
    return loads.returned(nil, calls.run(self, false, Step.take_lines, C.rcache_op_inspect, key, native.key_size(key),
        1, nil))
end

-- ---- locks for update ----

--- Its fence, more than that of any lock of this key before, for the database to refuse writers that have lost theirs:
-- UPDATE ... WHERE fence < ?  `lease` is in seconds, and may be left out; `wait` waits for another's lock to end; with
-- `intent` nobody is given the value that is to be replaced.
function Cache:lock_for_update(key, owner, lease, wait, intent)
    expect_open(self, "lock_for_update")
    refuse(arguments.text(key), 1, "lock_for_update")
    refuse(arguments.text(owner), 2, "lock_for_update")
    refuse(lease ~= nil and arguments.seconds(lease) or nil, 3, "lock_for_update")
    key, owner = tostring(key), tostring(owner)
    return calls.run(self, false, Step.take_fence, C.rcache_op_lock, key, native.key_size(key), 1, owner, #owner,
        native.ms(lease), native.lock_call(wait, intent))
end

--- true.  The lock lives for the lease from now.
function Cache:renew_for_update(key, owner, lease)
    expect_open(self, "renew_for_update")
    refuse(arguments.text(key), 1, "renew_for_update")
    refuse(arguments.text(owner), 2, "renew_for_update")
    refuse(lease ~= nil and arguments.seconds(lease) or nil, 3, "renew_for_update")
    key, owner = tostring(key), tostring(owner)
    return calls.run(self, false, Step.take_done, C.rcache_op_renew, key, native.key_size(key), 1, owner, #owner,
        native.ms(lease), nil)
end

--- true
function Cache:unlock_for_update(key, owner)
    expect_open(self, "unlock_for_update")
    refuse(arguments.text(key), 1, "unlock_for_update")
    refuse(arguments.text(owner), 2, "unlock_for_update")
    key, owner = tostring(key), tostring(owner)
    return calls.run(self, false, Step.take_done, C.rcache_op_unlock, key, native.key_size(key), 1, owner, #owner, nil)
end

local UPDATE = { owner = "string", lease = "number", deadline = "number", intent = "boolean" }
local UPDATE_NAMES = "owner, lease, deadline and intent"

--- Locks the key, runs `transaction(fence, is_held)`, which may yield, and unlocks, which invalidates, also where it
-- fails or raises; `fence` is more than that of any lock of this key before, and `is_held()` false once this one has
-- ended.  Returns what the transaction returned, or true for nil; or nil, a message and the status: RCACHE_E_LOST where
-- the lock had ended before the transaction did.  `call` may have owner, lease and deadline, in seconds, and intent.
function Cache:update(key, transaction, call)
    expect_open(self, "update")
    refuse(arguments.text(key), 1, "update")
    refuse(arguments.loader(transaction), 2, "update")
    refuse(arguments.call(call, UPDATE, UPDATE_NAMES), 3, "update")
    call = call or {}
    return calls.update(self, {
        key = tostring(key), transaction = transaction, owner = call.owner, lease = call.lease,
        deadline = call.deadline, intent = call.intent,
    })
end

-- ---- the cache ----

-- An option's value as text.  What is none raises where the method was called.
local function text_of(name, value, method, argument)
    if type(value) == "boolean" then
        return value and "yes" or "no"
    end
    local problem = not arguments.is_text(value)
            and ("option '%s' is a %s, not a string, number or boolean"):format(name, type(value))
        or tostring(value):find("\0", 1, true) and ("option '%s' has a zero byte"):format(name)
    if problem then
        error(("bad argument #%d to '%s' (%s)"):format(argument, method, problem), method == "new" and 4 or 3)
    end
    return tostring(value)
end

-- Those that the worker has open: the shared one and the requests' own.
local function owners_of(cache)
    local list = { cache.shared }
    for owner in pairs(cache.solos) do
        list[#list + 1] = owner
    end
    return list
end

-- Has the library do it for all that the worker has open, unless it refuses: what is open may be none.
local function tell(cache, what, ...)
    local handle, err, status = library.open(cache.url, cache.options)
    if not handle then
        return nil, err, status
    end
    local ok
    ok, err, status = library[what](handle, ...)
    if not ok then
        return nil, err, status
    end
    for _, owner in ipairs(owners_of(cache)) do
        owner[what](owner, ...)
    end
    return true
end

--- true.  User and password for the connections that this worker opens from now on, over those of URL and options;
-- nil for either: what URL and options say.
function Cache:credentials(user, password)
    expect_open(self, "credentials")
    refuse(arguments.word(user), 1, "credentials")
    refuse(arguments.word(password), 2, "credentials")
    local identity = { user = user and tostring(user), password = password and tostring(password) }
    local ok, err, status = tell(self, "credentials", identity)
    if ok then
        self.identity = identity
    end
    return ok, err, status
end

--- true.  Sets disable_cache_read or disable_cache_delete for this worker: reads are disabled before deletes, and
-- enabled after them.
function Cache:set_option(name, value)
    expect_open(self, "set_option")
    refuse(type(name) ~= "string" and "string expected, got " .. type(name) or nil, 1, "set_option")
    local text = text_of(name, value, "set_option", 2)
    local ok, err, status = tell(self, "set_option", name, text)
    if ok then
        self.options[name] = text
    end
    return ok, err, status
end

--- With session_consistency, what this worker has written lately, as a text for a cache elsewhere to join; or nil, a
-- message and the status.
function Cache:session_token()
    expect_open(self, "session_token")
    return owners.ask_session(self, "session_token")
end

--- true.  Fetches of this worker see what the cache that the token is of had written; or nil, a message and the status.
function Cache:join_session(token)
    expect_open(self, "join_session")
    refuse(token == nil and "a token expected" or arguments.word(token), 1, "join_session")
    return owners.ask_session(self, "join_session", tostring(token))
end

--- What this worker has counted: a table of names and numbers.
function Cache:stats()
    expect_open(self, "stats")
    local sum = lines.add({}, self.past)
    for _, owner in ipairs(owners_of(self)) do
        lines.add(sum, owner:stats())
    end
    return sum
end

--- Ends what is under way in this worker; may be called again.
function Cache:close()
    if not self.closed then
        self.closed = true
        for _, owner in ipairs(owners_of(self)) do
            owner:close()
        end
        self.session = nil
    end
    return true
end

function Cache:__tostring()
    return ("resilicache.cache (%s%s)"):format(self.shown, self.closed and ", closed" or "")
end

-- Option values as texts.  What is none raises where `new` was called.
local function texts_of(options)
    local texts = {}
    for name, value in pairs(options) do
        if type(name) ~= "string" then
            error("bad argument #1 to 'new' (names of options are strings)", 3)
        end
        texts[name] = text_of(name, value, "new", 1)
    end
    return texts
end

-- Without user, password and options.
local function shown_of(url)
    local scheme, rest = url:match "^(.-://)([^?]*)"
    return scheme .. rest:gsub("^.*@", "")
end

local resilicache = { _VERSION = library.version }

--- A cache, to be made once and used by all requests of all workers; or nil, a message and the status.
-- `options` has the url ("redis://127.0.0.1:6379", "unix:///path", "memory://"), and options as in the URL's query.
function resilicache.new(options)
    refuse(type(options) ~= "table" and "table expected, got " .. type(options) or nil, 1, "new")
    local texts = texts_of(options)
    local url = texts.url
    refuse(not url and "its url is missing" or nil, 1, "new")
    texts.url = nil
    if texts.journal_file or url:find "[?&]journal_file=" then
        return nil, "journal_file is for one process, and nginx has many", "RCACHE_E_UNSUPPORTED"
    end
    if not texts.connections and not url:find "[?&]connections=" then
        texts.connections = "1" -- a worker is one thread, and one connection carries what it can ask
    end
    -- Only to see whether it is right: each worker opens its own.
    local handle, err, status = library.open(url, texts)
    if not handle then
        return nil, err, status
    end
    return setmetatable({
        url = url, options = texts, shown = shown_of(url), is_local = url:find "^memory:" ~= nil,
        has_session = library.session_token(handle) ~= nil, solos = setmetatable({}, { __mode = "k" }), spare = {},
        past = {}, large = Large.new(), pool = { name = "resilicache:" .. ngx.md5(url), facts = {} },
    }, Cache)
end

return resilicache
