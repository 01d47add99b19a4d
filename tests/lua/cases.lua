-- The Lua binding against one server:  lua cases.lua URL
-- Prints a line for each case and exits 1 if one failed.
local scene = require "scene"

local run = ("lua-test:%s:%d:"):format(tostring({}):match("0x(%x+)") or "0", os.time())
local count, failures = 0, 0
scene.url = arg[1]

-- Each case has a cache and a prefix of its own.
local function try(name, case)
    count = count + 1
    scene.prefix = run .. count .. ":"
    local cache = scene.open()
    local ok, message = xpcall(function()
        case(cache)
    end, debug.traceback)
    cache:close()
    print(ok and "ok      " .. name or "FAILED  " .. name .. "\n" .. message)
    failures = failures + (ok and 0 or 1)
end

for _, group in ipairs { "values", "loaders", "updates", "lifetimes", "mistakes" } do
    for name, case in pairs(require(group)) do
        try(group .. "." .. name, case)
    end
end
print(("%d cases, %d failed"):format(count, failures))

-- Some are left for the end of the state, in whatever order that comes.
leftover = { scene.open(), coroutine.wrap(function()
    scene.open():fetch("end", 10, coroutine.yield)
end) }
leftover[2]()
if failures > 0 then
    os.exit(1)
end
