-- One of a fleet, that plays lines as they come:  lua agent.lua URL PREFIX
--
-- It answers each in one line.  What it has begun goes on while a line is played: there is one thread.
local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/?.lua;" .. package.path

local plain = require "plain"
local respond = require "respond"
local stage = require "stage"

plain.run(function()
    local scene = stage.new(plain, arg[1], arg[2])
    for line in io.lines() do
        print(respond(scene, line))
        io.stdout:flush()
    end
    scene:clear()
end)
