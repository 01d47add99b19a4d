-- One line of a case: what it says is done, on a stage.
local calls = require "calls"
local stage = require "stage"
local words = require "words"

local unexpected = stage.unexpected
local steps = {}

local function check(found, expected, call)
    if not calls.meets(found, expected, call) then
        unexpected("what came is %s", calls.show(found))
    end
    return found
end

local step = {}

function step:options(list, expected)
    return step.cache(self, { { text = "main" }, (unpack or table.unpack)(list) }, expected)
end

function step:cache(list, expected)
    local cache, err, status = self:open(words.rest(list))
    self.caches[list[1].text] = cache
    check(cache and { done = true } or calls.failed(status, err), expected)
end

function step:close(list)
    self.caches[list[1].text]:close()
    self.caches[list[1].text] = nil
end

-- FROM [at CACHE]: the cache takes up the token of the cache FROM, or the one that is written there between quotes.
function step:join(list, expected)
    local from, at = words.split(list, "at")
    local ok, token, err, status = nil, from[1].text, nil, nil
    if not from[1].quoted then
        token, err, status = self:cache(token):session_token()
    end
    if token then
        ok, err, status = self:cache(at[1] and at[1].text or "main"):join_session(token)
    end
    check(ok and { done = true } or calls.failed(status, err), expected)
end

function step:row(list)
    self.rows[list[1].text] = list[2].text
end

function step:rows(list)
    for _, word in ipairs(list) do
        self.rows[word.text] = word.text
    end
end

function step:tell(list)
    self.told[list[1].text] = true
end

function step:called(list)
    if self.called ~= tonumber(list[1].text) then
        unexpected("the loaders were called %d times", self.called)
    end
end

function step:asked(list)
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

function step:stat(list)
    local count = self:counter(list[1].text, list[4] and list[4].text)
    if count ~= tonumber(list[2].text) then
        unexpected("it is %d", count)
    end
end

function step:await(list)
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

function step:eventually(list, expected)
    local between, found
    expected, between = words.split(expected, "between")
    local call = calls.of(list)
    local met = self:wait(function()
        found = self:make(call)
        if not calls.meets(found, expected, call) and between[1] then
            self:make(calls.of(between))
        end
        return calls.meets(found, expected, call)
    end)
    return met and found or unexpected("it is still %s", calls.show(found))
end

function step:ttls(list)
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
function step:storm(list)
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

local function begin(self, label, list)
    local name, count = label:match("^([^*:]+)%*?(%d*):$")
    local actor = { call = calls.of(list), found = {}, count = tonumber(count) or 1 }
    self.actors[name] = actor
    for i = 1, actor.count do
        self.world.spawn(function()
            actor.found[i] = self:make(actor.call, actor)
        end)
    end
end

local function collect(self, actor, expected)
    for i = 1, actor.count do
        self:wait(function()
            return actor.found[i]
        end, "it ends")
        check(actor.found[i], expected, actor.call)
    end
    return actor.found[actor.count]
end

-- Does what the line says; what came of its call, if it has one.
function steps.play(self, text)
    local list, expected = words.split(words.of(text), "->")
    local first = list[1].text
    if step[first] then
        return step[first](self, words.rest(list), expected)
    elseif first:find(":$") and not list[1].quoted then
        return begin(self, first, words.rest(list))
    elseif self.actors[first] and #list == 1 then
        return collect(self, self.actors[first], expected)
    end
    local call = calls.of(list)
    return check(self:make(call), expected, call)
end

return steps
