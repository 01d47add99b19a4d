-- A worker under load that asks the judge by lines:  agent.lua URL SEED KEYS...
local resilicache = require "resilicache"

local cache = assert(resilicache.open(arg[1], { deadline = "5s" }))
local keys = { (table.unpack or unpack)(arg, 3) }
local TTL = 60
math.randomseed(tonumber(arg[2]))
io.stdout:setvbuf("line")

local function ask(...)
    print(table.concat({ ... }, " "))
    return io.read()
end

-- The number of a call; nil when it is time to go.
local function begin(what, key)
    local number = ask("begin", what, key)
    return number ~= "stop" and number or nil
end

local function close(number, value, why)
    if why then
        ask("fail", number, (tostring(why):gsub("\n", " ")))
        ask("pause")
    else
        ask("end", number, value)
    end
    return not why
end

local function fetch(what, key)
    local number = begin(what, key)
    if number then
        local value, why = cache:fetch(key, TTL, function()
            return ask("read", key)
        end, { strong = what == "strong" })
        close(number, value or "", why)
    end
    return number
end

local function write(key)
    local version = ask("commit", key)
    local number = begin("invalidate", key)
    if number then
        local _, why = cache:invalidate(key)
        if close(number, "", why) then
            ask("acknowledge", key, version)
        end
    end
    return number
end

local going = true
while going do
    local chance, key = math.random(), keys[math.random(#keys)]
    if chance < 0.15 then
        going = write(key)
    else
        going = fetch(chance < 0.6 and "strong" or "eventual", key)
    end
end
cache:close()
