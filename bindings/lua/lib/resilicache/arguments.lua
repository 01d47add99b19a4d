-- What callers pass: each check tells what is wrong as a text, or nothing.

local SECONDS_MAX = 1e12

local arguments = {}

local function kind_of(value)
    return value == nil and "no value" or type(value)
end

function arguments.is_text(value)
    return type(value) == "string" or type(value) == "number"
end

local is_text = arguments.is_text

function arguments.text(text)
    if not is_text(text) then
        return "string expected, got " .. kind_of(text)
    end
end

-- One that may be missing, and goes on as C's text.
function arguments.word(word)
    local problem = word ~= nil and arguments.text(word)
    return problem or word and tostring(word):find("\0", 1, true) and "a zero byte in it" or nil
end

function arguments.keys(keys)
    if type(keys) ~= "table" then
        return "table of keys expected, got " .. kind_of(keys)
    end
    for i = 1, #keys do
        if not is_text(keys[i]) then
            return ("key %d is a %s, not a string"):format(i, type(keys[i]))
        end
    end
end

function arguments.seconds(seconds)
    if type(seconds) ~= "number" then
        return "number of seconds expected, got " .. kind_of(seconds)
    elseif not (seconds > 0 and seconds < SECONDS_MAX) then
        return "a time in seconds, above 0, expected"
    end
end

-- Up to 2^53 Lua's numbers are whole in all its versions.
function arguments.is_version(version)
    return type(version) == "number" and version >= 1 and version <= 2 ^ 53 and version % 1 == 0
end

-- One that may be missing.
function arguments.version(version)
    if version ~= nil and not arguments.is_version(version) then
        return "a version, a whole number from 1 to 2^53, expected"
    end
end

function arguments.loader(loader)
    local meta = getmetatable(loader)
    if type(loader) ~= "function" and not (type(meta) == "table" and meta.__call) then
        return "function expected, the loader, got " .. kind_of(loader)
    end
end

-- `kinds` has the type of each field that there may be, and `names` all of them in words.
function arguments.call(call, kinds, names)
    if type(call) ~= "table" then
        return call ~= nil and "table expected, got " .. type(call) or nil
    end
    for name, value in pairs(call) do
        if not kinds[name] then
            return ("'%s' is none of %s"):format(tostring(name), names)
        elseif type(value) ~= kinds[name] then
            return ("%s is a %s, not a %s"):format(name, kinds[name], type(value))
        end
    end
    return call.deadline and arguments.seconds(call.deadline) or call.lease and arguments.seconds(call.lease) or nil
end

-- Raises where the method was called.
function arguments.refuse(problem, position, method)
    if problem then
        error(("bad argument #%d to '%s' (%s)"):format(position, method, problem), 3)
    end
end

return arguments
