-- One of a fleet, that plays lines as they come:  lua agent.lua URL PREFIX
--
-- It tells of each in one line what came of it: "ok WHAT" or "no WHY".  The line "calls" is about how often loaders
-- were called.  What it has begun goes on while a line is played: there is one thread.
local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/?.lua;" .. package.path

local calls = require "calls"
local plain = require "plain"
local stage = require "stage"
local steps = require "steps"
local attempt = require("suite").attempt

plain.run(function()
    local scene = stage.new(plain, arg[1], arg[2])
    for line in io.lines() do
        local ok, found = true, { count = scene.called }
        if line ~= "calls" then
            ok, found = attempt(steps.play, scene, line)
        end
        local answer = ok and "ok " .. calls.show(found or { done = true }) or "no " .. tostring(found)
        print((answer:gsub("\n", " ")))
        io.stdout:flush()
    end
    scene:clear()
end)
