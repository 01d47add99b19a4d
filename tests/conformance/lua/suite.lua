-- The suite: all cases in one world, some at once, for they spend their time waiting.
local stage = require "stage"
local steps = require "steps"

local AT_ONCE = 8
local NEEDS = {}
for need in ([[server memory nonsense throwing partial counting inline cancel waiting renewing keeping
    forgetting-fails forgetting-is-absent]]):gmatch("%S+") do
    NEEDS[need] = true
end

local suite = {}

-- As pcall, for what may yield: in Lua 5.1, nothing yields across pcall.
function suite.attempt(run, ...)
    if _VERSION ~= "Lua 5.1" or jit then
        return pcall(run, ...)
    end
    local thread = coroutine.create(run)
    local ok, result = coroutine.resume(thread, ...)
    while ok and coroutine.status(thread) ~= "dead" do
        coroutine.yield()
        ok, result = coroutine.resume(thread)
    end
    return ok, result
end

local function lack_of(case, world, url)
    local in_memory = url:find("^memory:") ~= nil
    for _, need in ipairs(case.needs) do
        if not NEEDS[need] then
            return nil, "it needs " .. need .. ", which nobody knows"
        elseif need == "server" and in_memory then
            return "a memory:// cache has no second one on the same keys"
        elseif need == "memory" and not in_memory then
            return "about memory:// alone"
        elseif world.lacks[need] then
            return world.lacks[need]
        end
    end
end

local function verdict_of(case, world, url, prefix)
    local lack, mistake = lack_of(case, world, url)
    if lack or mistake then
        return lack and "n/a" or "FAILED", lack or mistake
    end
    local scene = stage.new(world, url, prefix)
    local reason
    for _, line in ipairs(case.lines) do
        local ok, problem = suite.attempt(steps.play, scene, line.text)
        if not ok then
            reason = ("%s: %s: %s"):format(line.place, line.text, tostring(problem))
            break
        end
    end
    local ok, problem = suite.attempt(scene.clear, scene)
    reason = reason or (not ok and tostring(problem)) or nil
    return reason and "FAILED" or "ok", reason or ""
end

local function quoted(text)
    return '"' .. text:gsub('[%c"\\]', function(byte)
        return ("\\u%04x"):format(byte:byte())
    end) .. '"'
end

local function json(case, verdict, reason)
    return ('{"chapter": %s, "case": %s, "verdict": "%s", "reason": %s}'):format(quoted(case.chapter),
        quoted(case.name), verdict, quoted(reason))
end

-- Plays them all, tells of each by `say`, a line of JSON, and returns how many failed.
function suite.play(cases, world, url, prefix, say)
    local next_case, playing, failed = 0, 0, 0
    local function play_some()
        while next_case < #cases do
            next_case = next_case + 1
            local case = cases[next_case]
            local verdict, reason = verdict_of(case, world, url, prefix .. next_case .. ":")
            failed = failed + (verdict == "FAILED" and 1 or 0)
            say(json(case, verdict, reason))
        end
        playing = playing - 1
    end
    for _ = 1, AT_ONCE do
        playing = playing + 1
        world.spawn(play_some)
    end
    while playing > 0 do
        world.pause()
    end
    return failed
end

return suite
