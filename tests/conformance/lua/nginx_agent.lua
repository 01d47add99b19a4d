-- One of a fleet in an nginx worker.  It lives in a timer, so that what it has begun goes on from one request, which
-- brings a line, to the next.
local respond = require "respond"
local semaphore = require "ngx.semaphore"
local stage = require "stage"
local world = require "nginx_world"

local LINE_SECONDS = 60

local agent = {}
local asked, answered = semaphore.new(0), semaphore.new(0)
local line, answer

local function live(_, url, prefix)
    local scene = stage.new(world, url, prefix)
    while asked:wait(LINE_SECONDS) and line do
        answer = respond(scene, line)
        answered:post()
    end
    scene:clear()
    answer = "ok"
    answered:post()
end

function agent.start(url, prefix)
    assert(ngx.timer.at(0, live, url, prefix))
end

-- nil ends it.
function agent.play(words)
    line = words
    asked:post()
    assert(answered:wait(LINE_SECONDS))
    return answer
end

return agent
