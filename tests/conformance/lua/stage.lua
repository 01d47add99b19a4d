-- The stage: where one case is played, line by line.
--
-- How caches are opened and how many things are done at once is the world's: a table with
--   open(url, options)  a cache, or nil, a message and a status
--   spawn(run)          begins to run a function, beside what runs already
--   pause()             lets the others run for a moment
--   now()               seconds, of any clock that goes on
--   terms(call)         what a fetch needs for all that in its fourth argument: `pause`, or nothing
-- and `lacks`: from what a case may need to why it can't be had.
local calls = require "calls"
local words = require "words"

local PATIENCE = 30
-- A slow machine is no reason for a failure: what bounds nothing in a case is generous.
local OPTIONS = { op_timeout = "10s", connect_timeout = "10s", deadline = "30s" }

local stage = {}
stage.__index = stage

function stage.new(world, url, prefix)
    return setmetatable({
        world = world, url = url, prefix = prefix, caches = {}, rows = {}, told = {}, actors = {}, keys = {},
        called = 0, asked = {},
    }, stage)
end

-- Raised where what came is not what the case says.
local function unexpected(...)
    error(string.format(...), 0)
end

function stage:wait(condition, what, ...)
    local stop = self.world.now() + PATIENCE
    while not condition() do
        if self.world.now() > stop then
            unexpected("%d s were not enough until " .. what, PATIENCE, ...)
        end
        self.world.pause()
    end
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

-- Reads the rows as they are now, waits if it has to, then returns them, or fails as it was told.
function stage:load(call, actor, keys)
    local rows = {}
    for i, key in ipairs(keys) do
        rows[i] = self.rows[key]
    end
    self.called, self.asked = self.called + 1, keys
    if actor then
        actor.loading = true
    end
    if call.after then
        self:wait(function()
            return self.told[call.after] or self.over
        end, "%s is told", call.after)
    end
    if call.throws then
        error(call.throws, 0)
    elseif call.fails then
        return nil, call.fails
    end
    return rows
end

function stage:loader_of_one(call, actor)
    return function()
        local rows, err = self:load(call, actor, call.keys)
        if call.nonsense then
            return {}
        end
        return rows and rows[1], err
    end
end

function stage:loader_of_many(call, actor)
    return function(indexes)
        local keys, values = {}, {}
        for i, index in ipairs(indexes) do
            keys[i] = call.keys[index]
        end
        local rows, err = self:load(call, actor, keys)
        for i, index in ipairs(indexes) do
            values[index] = rows and not call.forgotten[keys[i]] and rows[i] or nil
        end
        if call.nonsense then
            return 7
        end
        return rows and values, err
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

-- With the values of those that did not fail, where some did.
local function many(count, values, err, status, rest)
    if status and not rest then
        return calls.failed(status, err)
    end
    local found = { many = count }
    for i = 1, count do
        local failure = rest and rest.failures and rest.failures[i]
        found[i] = failure and calls.failed(failure, err) or one((values or rest)[i])
    end
    return found
end

local PLAIN = {
    ["get"] = function(cache, call) return one(cache:get(call.keys[1])) end,
    ["raw-get"] = function(cache, call) return one(cache:raw_get(call.keys[1])) end,
    ["set"] = function(cache, call) return done(cache:set(call.keys[1], call.value, call.ttl)) end,
    ["raw-set"] = function(cache, call) return done(cache:raw_set(call.keys[1], call.value, call.ttl)) end,
    ["invalidate"] = function(cache, call) return done(cache:invalidate(call.keys)) end,
    ["delete"] = function(cache, call) return counted(cache:delete(call.keys)) end,
    ["inspect"] = function(cache, call) return entry(cache:inspect(call.keys[1])) end,
    ["lock"] = function(cache, call)
        return done(cache:lock_for_update(call.keys[1], call.owner, call.lease, call.waiting))
    end,
    ["unlock"] = function(cache, call) return done(cache:unlock_for_update(call.keys[1], call.owner)) end,
}

function stage:terms(call)
    local terms = self.world.terms()
    terms.strong, terms.deadline = call.strong, call.deadline
    if not call.inline then
        terms.defer = function(refresh)
            self.world.spawn(refresh)
        end
    end
    return terms
end

function stage:make(call, actor)
    for _, key in ipairs(call.keys) do
        self.keys[key] = true
    end
    local cache = self:cache(call.at)
    if call.verb == "fetch" then
        return one(cache:fetch(call.keys[1], call.ttl, self:loader_of_one(call, actor), self:terms(call)))
    elseif call.verb == "batch" then
        return many(#call.keys, cache:fetch_batch(call.keys, call.ttl, self:loader_of_many(call, actor),
            self:terms(call)))
    end
    local ok, found = pcall(PLAIN[call.verb], cache, call) -- none of them yields
    if not ok then -- arguments of no use raise
        return calls.failed("RCACHE_E_INVALID", found)
    end
    return found
end

-- ---- steps ----

local function check(found, expected, call)
    if not calls.meets(found, expected, call) then
        unexpected("what came is %s", calls.show(found))
    end
    return found
end

local steps = {}

function steps:options(list, expected)
    return steps.cache(self, { { text = "main" }, (unpack or table.unpack)(list) }, expected)
end

function steps:cache(list, expected)
    local cache, err, status = self:open(words.rest(list))
    self.caches[list[1].text] = cache
    check(cache and { done = true } or calls.failed(status, err), expected)
end

function steps:close(list)
    self.caches[list[1].text]:close()
    self.caches[list[1].text] = nil
end

function steps:row(list)
    self.rows[list[1].text] = list[2].text
end

function steps:rows(list)
    for _, word in ipairs(list) do
        self.rows[word.text] = word.text
    end
end

function steps:tell(list)
    self.told[list[1].text] = true
end

function steps:called(list)
    if self.called ~= tonumber(list[1].text) then
        unexpected("the loaders were called %d times", self.called)
    end
end

function steps:asked(list)
    local expected = {}
    for i, word in ipairs(list) do
        expected[i] = word.text
    end
    table.sort(expected)
    table.sort(self.asked)
    if table.concat(expected, " ") ~= table.concat(self.asked, " ") then
        unexpected("the loader was asked for %s", table.concat(self.asked, " "))
    end
end

function steps:stat(list)
    local count = self:counter(list[1].text, list[4] and list[4].text)
    if count ~= tonumber(list[2].text) then
        unexpected("it is %d", count)
    end
end

function steps:await(list)
    local first, actor = list[1].text, self.actors[list[1].text]
    if first == "stat" then
        self:wait(function()
            return self:counter(list[2].text, list[5] and list[5].text) >= tonumber(list[3].text)
        end, "%s is %s", list[2].text, list[3].text)
    elseif first == "called" then
        self:wait(function()
            return self.called >= tonumber(list[2].text)
        end, "the loaders were called that often")
    elseif actor and list[2].text == "loading" then
        self:wait(function()
            return actor.loading
        end, "its loader is called")
    else
        unexpected("await wants `stat NAME COUNT`, `called COUNT` or `ACTOR loading`")
    end
end

function steps:eventually(list, expected)
    local between
    expected, between = words.split(expected, "between")
    local call, stop = calls.of(list), self.world.now() + PATIENCE
    local found = self:make(call)
    while not calls.meets(found, expected, call) do
        if self.world.now() > stop then
            unexpected("%d s later it is still %s", PATIENCE, calls.show(found))
        end
        if between[1] then
            self:make(calls.of(between))
        end
        self.world.pause()
        found = self:make(call)
    end
    return found
end

function steps:ttls(list)
    local keys, bounds = words.split(list, "within")
    local least, most = math.huge, 0
    for _, key in ipairs(keys) do
        local ttl = self:make({ verb = "inspect", keys = { key.text }, at = "main" }).entry.ttl_ms / 1000
        least, most = math.min(least, ttl), math.max(most, ttl)
    end
    if least < calls.seconds(bounds[1]) or most > calls.seconds(bounds[2])
        or most - least < calls.seconds(bounds[4]) then
        unexpected("they are %.3f to %.3f s", least, most)
    end
end

-- KEY readers COUNT writes COUNT: strong readers, and a writer beside them whose rows are numbers that rise.
function steps:storm(list)
    local key, reading, writes = list[1].text, tonumber(list[3].text), tonumber(list[5].text)
    local acknowledged, wrong = 0, nil
    local fetch = calls.of(words.of("fetch key strong"))
    fetch.keys = { key }
    self.rows[key] = "0"
    for _ = 1, reading do
        self.world.spawn(function()
            while acknowledged < writes do
                local least = acknowledged
                local found = self:make(fetch)
                if not found.value or tonumber(found.value) < least then
                    wrong = ("%s was read after %d was written"):format(calls.show(found), least)
                end
                self.world.pause()
            end
            reading = reading - 1
        end)
    end
    for number = 1, writes do
        self.rows[key] = tostring(number)
        self:make({ verb = "invalidate", keys = { key }, at = "main" })
        acknowledged = number
        self.world.pause()
    end
    self:wait(function()
        return reading == 0
    end, "the readers end")
    if wrong then
        unexpected("%s", wrong)
    end
end

function stage:begin(label, list)
    local name, count = label:match("^([^*:]+)%*?(%d*):$")
    local actor = { call = calls.of(list), found = {}, count = tonumber(count) or 1 }
    self.actors[name] = actor
    for i = 1, actor.count do
        self.world.spawn(function()
            actor.found[i] = self:make(actor.call, actor)
        end)
    end
end

function stage:collect(actor, expected)
    for i = 1, actor.count do
        self:wait(function()
            return actor.found[i]
        end, "it ends")
        check(actor.found[i], expected, actor.call)
    end
    return actor.found[actor.count]
end

-- Does what the line says; what came of its call, if it has one.
function stage:play(text)
    local list, expected = words.split(words.of(text), "->")
    local first = list[1].text
    if steps[first] then
        return steps[first](self, words.rest(list), expected)
    elseif first:find(":$") and not list[1].quoted then
        return self:begin(first, words.rest(list))
    elseif self.actors[first] and #list == 1 then
        return self:collect(self.actors[first], expected)
    end
    local call = calls.of(list)
    return check(self:make(call), expected, call)
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
            return stats.loads == stats.loads_stored + stats.loads_failed + stats.loads_lost + stats.loads_direct
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
