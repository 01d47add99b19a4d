-- A call as a case writes it, and what came of it.
--
-- What came is a table: value, absent, done, count, entry, failed (the status) and message; or many of them.
local calls = {}

local TTL = 60
local UNITS = { ms = 0.001, s = 1 }

function calls.seconds(word)
    local number, unit = word.text:match("^(%d+)(m?s)$")
    if not number then
        error(word.text .. " is no time: write 250ms or 3s", 0)
    end
    return tonumber(number) * UNITS[unit]
end

local function text_of(word)
    return word.text
end

local VERBS = {}
for verb in ("fetch batch get set raw-get raw-set invalidate delete inspect lock renew unlock update"):gmatch("%S+") do
    VERBS[verb] = true
end

local MANY = { batch = true, invalidate = true, delete = true }

local FLAGS = {
    strong = { "strong", true }, eventual = { "strong", false }, waiting = { "waiting", true },
    intent = { "intent", true }, inline = { "inline", true }, nonsense = { "nonsense", true },
    permanently = { "permanently", true },
}

local ATTRIBUTES = {
    at = { "at", text_of }, by = { "owner", text_of }, to = { "value", text_of },
    after = { "after", text_of }, seeing = { "seeing", function(word) return word end }, fails = { "fails", text_of },
    throws = { "throws", text_of }, ttl = { "ttl", calls.seconds }, lease = { "lease", calls.seconds },
    deadline = { "deadline", calls.seconds },
    version = { "version", function(word) return tonumber(word.text) end },
    primary = { "primary", function(word) return tonumber(word.text) end },
}

local function is_attribute(word)
    return not word.quoted and (FLAGS[word.text] or ATTRIBUTES[word.text] or word.text == "forgetting")
end

local function take_plain(words, at, into)
    while words[at] and not is_attribute(words[at]) do
        into[#into + 1] = words[at].text
        at = at + 1
    end
    return at
end

function calls.of(words)
    local call = { verb = words[1] and words[1].text, keys = {}, at = "main", ttl = TTL, forgotten = {} }
    if not call.verb or words[1].quoted or not VERBS[call.verb] then
        error(tostring(call.verb) .. " is neither a step nor a call", 0)
    end
    local at = take_plain(words, 2, call.keys)
    if call.verb == "set" or call.verb == "raw-set" then
        call.value = table.remove(call.keys)
    end
    if #call.keys ~= 1 and not MANY[call.verb] then
        error(call.verb .. " wants one key, or this is something that no call has", 0)
    end
    while words[at] do
        local name = words[at].text
        local flag, attribute = FLAGS[name], ATTRIBUTES[name]
        if flag then
            call[flag[1]] = flag[2]
            at = at + 1
        elseif attribute and words[at + 1] then
            call[attribute[1]] = attribute[2](words[at + 1])
            at = at + 2
        elseif name == "forgetting" then
            local forgotten = {}
            at = take_plain(words, at + 1, forgotten)
            for _, key in ipairs(forgotten) do
                call.forgotten[key] = true
            end
        else
            error(name .. " is nothing that a call has, or wants something behind it", 0)
        end
    end
    return call
end

-- ---- what came of it ----

function calls.failed(status, message)
    return { failed = status, message = tostring(message) }
end

local function first_failure(found)
    if not found.many then
        return found.failed and found
    end
    for i = 1, found.many do
        if found[i].failed then
            return found[i]
        end
    end
end

function calls.succeeded(found)
    return not first_failure(found)
end

local function meets_one(found, word)
    if word.quoted then
        return found.value == word.text
    elseif word.text:find("^RCACHE_") then
        return found.failed == word.text
    elseif word.text == "absent" or word.text == "done" then
        return found[word.text] == true
    end
    return found.count ~= nil and found.count == tonumber(word.text)
end

local function line_meets(line, word)
    local least, most = word.text:match("^(%d+)%.%.(%d+)$")
    if least then
        return type(line) == "number" and line >= tonumber(least) and line <= tonumber(most)
    end
    return line ~= nil and tostring(line) == word.text
end

local function entry_meets(entry, expected)
    for i = 1, #expected, 2 do
        if not expected[i + 1] or not line_meets(entry[expected[i].text], expected[i + 1]) then
            return false
        end
    end
    return true
end

local function many_meet(found, expected, call)
    if #expected == 1 and expected[1].text == "named" then
        for i, key in ipairs(call.keys) do
            if found[i].value ~= key then
                return false
            end
        end
        return found.many == #call.keys
    end
    for i, word in ipairs(expected) do
        if not found[i] or not meets_one(found[i], word) then
            return false
        end
    end
    return found.many == #expected
end

function calls.meets(found, expected, call)
    local first, said = expected[1], #expected == 3 and expected[2].text == "saying"
    if not first then
        return calls.succeeded(found)
    elseif not first.quoted and first.text:find("^RCACHE_") and (#expected == 1 or said) then
        local failure = first_failure(found)
        return failure and meets_one(failure, first)
            and (not said or failure.message:find(expected[3].text, 1, true) ~= nil)
    elseif found.entry then
        return #expected > 1 and entry_meets(found.entry, expected)
    elseif found.many then
        return many_meet(found, expected, call)
    end
    return #expected == 1 and meets_one(found, first)
end

local function show_entry(entry)
    local lines = {}
    for name, value in pairs(entry) do
        lines[#lines + 1] = name .. " " .. tostring(value)
    end
    table.sort(lines)
    return table.concat(lines, ", ")
end

function calls.show(found)
    if found.value then
        return #found.value <= 60 and ('"%s"'):format(found.value)
            or ('"%s..." of %d bytes'):format(found.value:sub(1, 60), #found.value)
    elseif found.failed then
        return ("%s (%s)"):format(found.failed, found.message)
    elseif found.entry then
        return show_entry(found.entry)
    elseif found.many then
        local shown = {}
        for i = 1, math.min(found.many, 20) do
            shown[i] = calls.show(found[i])
        end
        return table.concat(shown, " ")
    end
    return found.absent and "absent" or found.done and "done" or tostring(found.count)
end

return calls
