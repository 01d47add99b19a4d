-- The world of nginx: light threads, and refreshes in timers.
local resty = require "resty.resilicache"

local world = {
    now = ngx.now,
    lacks = {
        ["forgetting-fails"] = "a key that a batch loader leaves out is absent",
        cancel = "a call ends by its deadline alone",
        keeping = "what a request does by connections of its own is not kept for later",
        inline = "a refresh goes on behind",
        waiting = "who waits for a lock has no deadline of his own",
    },
    spawn = ngx.thread.spawn,
}

function world.open(url, options)
    options.url = url
    return resty.new(options)
end

function world.pause()
    ngx.sleep(0.003)
end

function world.terms()
    return {}
end

return world
