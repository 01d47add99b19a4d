-- The benchmark's worker in Lua:  worker.lua URL CONTENDER WORKLOAD CALLERS SIZE KEYS BATCH SECONDS
--
-- It says "ready" when its connection stands, measures once for each line that it is told, and prints a line of JSON.
-- Plain Lua has no clock that is fine enough for that: how long it took, the driver sees.
local resilicache = require "resilicache"

local url, contender, workload, callers, size, keys, _, seconds = (unpack or table.unpack)(arg)
size, keys, seconds = tonumber(size), tonumber(keys), tonumber(seconds)
assert(contender == "resilicache" and workload == "hit" and callers == "1", "it knows our hits, by one caller")

local TTL, CHUNK = 3600, 256
local cache = assert(resilicache.open(url))
local names = {}
for i = 1, keys do
    names[i] = ("bench:resilicache:%d:%012d"):format(size, i * 7919 % keys)
end

local function missed()
    return nil, "a miss where there has to be a hit"
end

-- In seconds since the machine's start, by hundredths.
local function now()
    local file = assert(io.open("/proc/uptime"))
    local text = file:read("*l")
    file:close()
    return tonumber(text:match("^%S+"))
end

local function run(duration)
    local begin, count, at = now(), 0, 0
    repeat
        for _ = 1, CHUNK do
            at = at % keys + 1
            assert(#assert(cache:fetch(names[at], TTL, missed)) == size)
        end
        count = count + CHUNK
    until now() - begin >= duration
    return count
end

run(seconds * 0.2)
io.write("ready\n")
io.flush()
for _ in io.lines() do
    local begin = os.clock()
    local count = run(seconds)
    -- os.clock is the process's time, user and system.
    io.write(('{"ops": %d, "user": %.6f, "system": 0}\n'):format(count, os.clock() - begin))
    io.flush()
end
