-- What the cases share.
local resilicache = require "resilicache"

-- Set by cases.lua: the server, and where the case at hand may write.
local scene = { url = nil, prefix = nil }

local function show(value)
    return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

function scene.equal(found, expected, what)
    if found ~= expected then
        error(("%s: found %s, expected %s"):format(what or "value", show(found), show(expected)), 2)
    end
end

function scene.has(text, part)
    if type(text) ~= "string" or not text:find(part, 1, true) then
        error(("found %s, expected something with %q"):format(show(text), part), 2)
    end
end

-- What the call raises.
function scene.raised(call, ...)
    local ok, message = pcall(call, ...)
    if ok then
        error("nothing was raised", 2)
    end
    return message
end

function scene.collect()
    collectgarbage()
    collectgarbage()
end

function scene.open(options)
    options = options or {}
    options.prefix = scene.prefix
    return assert(resilicache.open(scene.url, options))
end

function scene.returns(value)
    return function()
        return value
    end
end

function scene.unexpected()
    error("this loader should not have been called")
end

return scene
