-- The product in a minute:  curl http://127.0.0.1:8080/walkthrough
local users = require "users"
local cache, rows = users.cache, ngx.shared.database

local walkthrough = {}

local function show(what, value, expected)
    ngx.say(("  %-50s %s"):format(what, tostring(value)))
    if value ~= expected then
        error(("This is not what should have happened.  %s: expected %s"):format(what, tostring(expected)), 0)
    end
end

local function forget_all()
    assert(cache:delete("user:1", "user:2", "user:3", "user:99"))
    rows:flush_all()
    for id = 1, 3 do
        rows:set("name of " .. id, "tester " .. id)
    end
end

local function one_key()
    ngx.say "\nOne key: the value in the cache, the truth in the database"
    show("the first request asks the database", users.name(1), "tester 1")
    show("the second does not", users.name(1), "tester 1")
    show("how often the database was asked", rows:get "reads", 1)
    show("a user that is not there", users.name(99), nil)
    show("... is remembered, too", users.name(99), nil)
    show("how often the database was asked", rows:get "reads", 2)
end

local function stampede()
    ngx.say "\nTwenty at once want what is not cached: one load, and the others wait for it without blocking"
    local threads = {}
    for i = 1, 20 do
        threads[i] = ngx.thread.spawn(users.name, 2)
    end
    local alike = 0
    for i = 1, 20 do
        local ok, name = ngx.thread.wait(threads[i])
        alike = alike + (ok and name == "tester 2" and 1 or 0)
    end
    show("how many got the name", alike, 20)
    show("how often the database was asked", rows:get "reads", 3)
end

local function invalidation()
    ngx.say "\nThe row changes: the writer commits, then tags the key as deleted"
    assert(users.rename(1, "Tester"))
    show("the old name, at once, and a new one loaded behind", users.name(1), "tester 1")
    show("who must have the new one waits for it", users.name(1, true), "Tester")
    show("... and all have it", users.name(1), "Tester")
end

local function batch()
    ngx.say "\nThree keys at once: the loader is asked for those that are missing"
    local asked
    local values = assert(cache:fetch_batch({ "user:1", "user:2", "user:3" }, 60, function(indexes)
        asked = table.concat(indexes, " ")
        return { [3] = "tester 3" }
    end))
    show("fetch_batch", table.concat(values, ", "), "Tester, tester 2, tester 3")
    show("the loader was asked for", asked, "3")
end

local function locks()
    ngx.say "\nA lock for update: nobody stores an old value while the row is being written"
    assert(cache:lock_for_update("user:1", "writer 1"))
    show("another writer's lock", select(3, cache:lock_for_update("user:1", "writer 2")), "RCACHE_E_LOST")
    assert(cache:unlock_for_update("user:1", "writer 1"))
    show("update: lock, transaction, unlock", cache:update("user:1", function(fence)
        return fence > 0 -- UPDATE ... SET fence = ? WHERE fence < ?
    end), true)
end

local function failure()
    ngx.say "\nThe database is away: the caller is told why"
    local value, err = cache:fetch("nobody", 10, function()
        return nil, "no connection to the database"
    end)
    show("fetch", value, nil)
    show("... and the error", err, "no connection to the database")
end

local function play()
    forget_all()
    one_key()
    stampede()
    invalidation()
    batch()
    locks()
    failure()
    assert(cache:delete("user:1", "user:2", "user:3", "user:99"))
end

function walkthrough.serve()
    ngx.say(tostring(cache))
    local ok, failed = pcall(play) -- and not ngx.exit, which can't be while a loader waits for its location
    ngx.say("\n", ok and "All as it should be." or tostring(failed))
end

return walkthrough
