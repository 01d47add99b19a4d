-- The stage: where one case is played.  steps.lua has what its lines say.
--
-- How caches are opened and how many things are done at once is the world's: a table with
--   open(url, options)  a cache, or nil, a message and a status
--   spawn(run)          begins to run a function, beside what runs already
--   pause()             lets the others run for a moment
--   now()               seconds, of any clock that goes on
--   terms(call)         the fourth argument of its fetch: what lets others run, and refreshes behind unless it is
--                       `inline`; `strong` and `deadline` are put in here
-- and `lacks`: from what a case may need to why it can't be had.
local calls = require "calls"

local PATIENCE = 30
-- A slow machine is no reason for a failure: what bounds nothing in a case is generous.
local OPTIONS = { op_timeout = "10s", connect_timeout = "10s", deadline = "30s" }

local stage = {}
stage.__index = stage

function stage.new(world, url, prefix)
    return setmetatable({
        world = world, url = url, prefix = prefix, caches = {}, rows = {}, fences = {}, told = {}, actors = {},
        keys = {}, called = 0, asked = {},
    }, stage)
end

-- Raises where what came is not what the case says.
function stage.unexpected(...)
    error(string.format(...), 0)
end
local unexpected = stage.unexpected

-- Until the condition holds; when patience is over it raises, or returns false if it isn't told what is waited for.
function stage:wait(condition, what, ...)
    local stop = self.world.now() + PATIENCE
    while not condition() do
        if self.world.now() > stop then
            return what and unexpected("%d s were not enough until " .. what, PATIENCE, ...) or false
        end
        self.world.pause()
    end
    return true
end

-- ---- caches ----

function stage:open(list)
    local options, url = { prefix = self.prefix }, self.url
    for name, value in pairs(OPTIONS) do
        options[name] = value
    end
    for _, word in ipairs(list) do
        local name, value = word.text:match("^([^=]+)=(.*)$")
        if name == "url" then
            url = value
        else
            options[name] = value
        end
    end
    return self.world.open(url, options)
end

function stage:cache(name)
    if not self.caches[name] and name == "main" then
        self.caches[name] = assert(self:open {})
    end
    return self.caches[name] or unexpected("no cache %s is open", name)
end

function stage:counter(name, at)
    return self:cache(at or "main"):stats()[name] or unexpected("there is no counter %s", name)
end

-- ---- loaders ----

function stage:wait_to_be_told(call, actor)
    if actor then
        actor.loading = true
    end
    if call.after then
        self:wait(function()
            return self.told[call.after] or self.over
        end, "%s is told", call.after)
    end
end

-- Reads the rows as they are now, waits if it has to, then returns them, or fails as it was told.
function stage:load(call, actor, keys)
    local rows = {}
    for i, key in ipairs(keys) do
        rows[i] = self.rows[key]
    end
    self.called, self.asked = self.called + 1, keys
    self:wait_to_be_told(call, actor)
    if call.throws then
        error(call.throws, 0)
    elseif call.fails then
        return nil, call.fails, call.permanently and "permanent"
    end
    return rows
end

function stage:loader_of_one(call, actor)
    return function(_, primary)
        local rows, err, kind = self:load(call, actor, call.keys)
        if call.nonsense then
            return {}
        end
        return rows and rows[1], err, kind or primary and call.primary or call.version
    end
end

function stage:loader_of_many(call, actor)
    return function(indexes)
        local keys, values = {}, {}
        for i, index in ipairs(indexes) do
            keys[i] = call.keys[index]
        end
        local rows, err, kind = self:load(call, actor, keys)
        for i, index in ipairs(indexes) do
            values[index] = rows and not call.forgotten[keys[i]] and rows[i] or nil
        end
        if call.nonsense then
            return 7
        end
        return rows and values, err, kind
    end
end

-- UPDATE ... SET row = ?, fence = ? WHERE key = ? AND fence < ?
function stage:transaction_of(call, actor)
    return function(fence)
        self:wait_to_be_told(call, actor)
        if call.throws then
            error(call.throws, 0)
        elseif call.fails then
            return nil, call.fails
        end
        local key = call.keys[1]
        if (self.fences[key] or 0) >= fence then
            return nil, "too late"
        end
        self.fences[key], self.rows[key] = fence, call.value
    end
end

-- ---- calls ----

local function one(value, err, status)
    if status then
        return calls.failed(status, err)
    end
    return value ~= nil and { value = value } or { absent = true }
end

local function done(ok, err, status)
    return ok and { done = true } or calls.failed(status, err)
end

local function counted(count, err, status)
    return count and { count = count } or calls.failed(status, err)
end

local function entry(lines, err, status)
    if status then
        return calls.failed(status, err)
    end
    return lines and { entry = lines } or { absent = true }
end

-- Where some failed, with the values of the others.
local function many(count, values, err, status, others)
    if status and not (others and next(others)) then
        return calls.failed(status, err)
    end
    local found = { many = count }
    for i = 1, count do
        local value = (values or others)[i]
        found[i] = value == nil and status and calls.failed(status, err) or one(value)
    end
    return found
end

local PLAIN = {
    ["get"] = function(cache, call) return one(cache:get(call.keys[1])) end,
    ["raw-get"] = function(cache, call) return one(cache:raw_get(call.keys[1])) end,
    ["set"] = function(cache, call) return done(cache:set(call.keys[1], call.value, call.ttl, call.version)) end,
    ["raw-set"] = function(cache, call) return done(cache:raw_set(call.keys[1], call.value, call.ttl)) end,
    ["invalidate"] = function(cache, call)
        if call.version then
            return done(cache:invalidate_version(call.version, call.keys))
        end
        return done(cache:invalidate(call.keys))
    end,
    ["delete"] = function(cache, call) return counted(cache:delete(call.keys)) end,
    ["inspect"] = function(cache, call) return entry(cache:inspect(call.keys[1])) end,
    ["lock"] = function(cache, call)
        return done(cache:lock_for_update(call.keys[1], call.owner, call.lease, call.waiting, call.intent))
    end,
    ["renew"] = function(cache, call) return done(cache:renew_for_update(call.keys[1], call.owner, call.lease)) end,
    ["unlock"] = function(cache, call) return done(cache:unlock_for_update(call.keys[1], call.owner)) end,
}

local function terms_of(self, call)
    local terms, seeing = self.world.terms(call), call.seeing
    terms.strong, terms.deadline = call.strong, call.deadline
    if seeing then
        terms.session = seeing.quoted and seeing.text or assert(self:cache(seeing.text):session_token())
    end
    return terms
end

function stage:make(call, actor)
    for _, key in ipairs(call.keys) do
        self.keys[key] = true
    end
    local cache = self:cache(call.at)
    if call.verb == "fetch" then
        return one(cache:fetch(call.keys[1], call.ttl, self:loader_of_one(call, actor),
            terms_of(self, call)))
    elseif call.verb == "batch" then
        return many(#call.keys, cache:fetch_batch(call.keys, call.ttl, self:loader_of_many(call, actor),
            terms_of(self, call)))
    end
    if call.verb == "update" then
        local terms = { owner = call.owner, lease = call.lease, deadline = call.deadline, intent = call.intent }
        terms.pause = self.world.terms(call).pause
        return done(cache:update(call.keys[1], self:transaction_of(call, actor), terms))
    end
    local ok, found = pcall(PLAIN[call.verb], cache, call) -- none of them yields
    if not ok then -- arguments of no use raise
        return calls.failed("RCACHE_E_INVALID", found)
    end
    return found
end

-- Everybody leaves; no load may be left unfinished, and no key in the store.
function stage:clear()
    self.over = true
    for _, actor in pairs(self.actors) do
        for i = 1, actor.count do
            self:wait(function()
                return actor.found[i]
            end, "a call ends")
        end
    end
    for name, cache in pairs(self.caches) do
        self:wait(function()
            local stats = cache:stats()
            -- In nginx, one that was never called has counted nothing.
            return not stats.loads
                or stats.loads == stats.loads_stored + stats.loads_failed + stats.loads_lost + stats.loads_direct
        end, "the loads of %s are finished", name)
        cache:close()
    end
    local broom = assert(self:open {})
    for key in pairs(self.keys) do
        broom:delete(key)
    end
    broom:close()
end

return stage
