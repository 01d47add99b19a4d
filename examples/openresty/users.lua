-- The users of a program: rows of a database, cached.
local url = os.getenv "RESILICACHE_URL" or "redis://127.0.0.1:6379"
local cache = assert(require("resty.resilicache").new {
    url = url, prefix = "resilicache-openresty:", lock_expire = "3s",
})
local rows = ngx.shared.database

local users = { cache = cache }

-- What /database does: it takes a while, and counts.
function users.database()
    ngx.sleep(0.05)
    rows:incr("reads", 1, 0)
    local name = rows:get("name of " .. ngx.var.arg_id)
    ngx.status = name and 200 or 404
    ngx.print(name or "")
end

-- A loader may yield: here it waits for another location; a database client does the same.
local function load(key)
    local answer = ngx.location.capture("/database", { args = { id = key:match "^user:(.*)$" } })
    if answer.status == 200 then
        return answer.body
    elseif answer.status == 404 then
        return nil -- there is no such user, which is remembered, too
    end
    return nil, "the database says " .. answer.status
end

-- A refresh behind an older value runs in a timer, where there are no locations: so this one is done by a light thread
-- of the request.  A loader that needs no request would need no `defer`.
local function defer(refresh)
    ngx.thread.spawn(refresh)
end

--- The user's name; nil: there is none; nil and why not.  `strong`: as it is now, whatever that takes.
function users.name(id, strong)
    return cache:fetch("user:" .. id, 60, load, { strong = strong, defer = not strong and defer or nil })
end

--- The database commits, then the key is tagged as deleted, and only then the writer reports success.
function users.rename(id, name)
    rows:set("name of " .. id, name)
    return cache:invalidate("user:" .. id)
end

local function answer(status, text)
    ngx.status = status
    ngx.say(text)
end

function users.serve()
    local id = ngx.var.arg_id
    if not id then
        return answer(400, "which user? /user?id=1")
    end
    if ngx.req.get_method() == "POST" then
        local ok, err = users.rename(id, ngx.var.arg_name or "")
        return answer(ok and 200 or 503, ok and "renamed" or err)
    end
    local name, err = users.name(id)
    if err then
        return answer(503, err)
    end
    return answer(name and 200 or 404, name or "no such user")
end

return users
