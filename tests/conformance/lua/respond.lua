-- What an agent of a fleet says to a line: "ok WHAT" or "no WHY".  The line "calls" is about how often loaders were
-- called.
local calls = require "calls"
local steps = require "steps"
local attempt = require("suite").attempt

return function(scene, line)
    local ok, found = true, { count = scene.called }
    if line ~= "calls" then
        ok, found = attempt(steps.play, scene, line)
    end
    local answer = ok and "ok " .. calls.show(found or { done = true }) or "no " .. tostring(found)
    return (answer:gsub("\n", " "))
end
