-- The product in a minute:  lua examples/lua/walkthrough.lua [URL]
--
-- Runs on memory:// or, with a URL, on a server; touches only keys below its own prefix, and removes them at the end.
local resilicache = require "resilicache"

local url = arg[1] or "memory://"
local prefix = ("resilicache-walkthrough:%s:%d:"):format(tostring({}):match("0x(%x+)") or "0", os.time())
local USER = "user:01J61BPPHMFH9VSF2T1R2ZXDA2"
local USERS = { "user:01J61C9MEM", "user:01J61CH3XE", "user:01J61CHNPX" }

local function show(what, value, expected)
    print(("  %-46s %s"):format(what, tostring(value)))
    if value ~= expected then
        print(("\nThis is not what should have happened.  %s: expected %s"):format(what, tostring(expected)))
        os.exit(1, true)
    end
end

-- Stands for a real one: to be asked as rarely as possible.
local database = { version = 1, reads = 0 }

local function read()
    database.reads = database.reads + 1
    return "tester v" .. database.version
end

local function one_key(cache)
    print("\nOne key: the value in the cache, the truth in the database")
    assert(cache:set(USER, "tester", 10))
    show("set, then get", cache:get(USER), "tester")
    show("delete: how many were there", cache:delete(USER), 1)
    show("get", cache:get(USER), nil)
    show("fetch: the loader runs", cache:fetch(USER, 10, read), "tester v1")
    show("fetch: from the cache", cache:fetch(USER, 10, read), "tester v1")
    show("how often the database was read", database.reads, 1)
end

local function invalidation(cache)
    print("\nThe row changes: the writer commits, then tags the key as deleted")
    database.version = 2
    assert(cache:invalidate(USER))
    local refresh
    local function defer(load)
        refresh = load
    end
    show("fetch: the old value, at once", cache:fetch(USER, 10, read, { defer = defer }), "tester v1")
    show("... and a new one loaded behind it", refresh(), true)
    show("get", cache:get(USER), "tester v2")
    database.version = 3
    assert(cache:invalidate(USER))
    show("fetch, strong: never the old one", cache:fetch(USER, 10, read, { strong = true }), "tester v3")
end

local function locks(cache)
    print("\nA lock for update: nobody stores an old value while the row is being written")
    assert(cache:lock_for_update(USER, "writer 1"))
    show("another writer's lock", select(3, cache:lock_for_update(USER, "writer 2")), "RCACHE_E_LOST")
    database.version = 4
    assert(cache:unlock_for_update(USER, "writer 1"))
    show("unlocked, fetch, strong", cache:fetch(USER, 10, read, { strong = true }), "tester v4")
    show("update: lock, transaction, unlock", cache:update(USER, function(fence)
        database.version = 5 -- UPDATE ... SET fence = ? WHERE fence < ?
        return fence > 0
    end), true)
    show("fetch, strong", cache:fetch(USER, 10, read, { strong = true }), "tester v5")
end

local function batch(cache)
    print("\nThree keys at once: the loader is asked for those that are missing")
    assert(cache:set(USERS[2], "tester_2", 10))
    local asked
    local function load(indexes)
        asked = table.concat(indexes, " ")
        local values = {}
        for _, i in ipairs(indexes) do
            values[i] = "tester_" .. i
        end
        return values
    end
    local values = assert(cache:fetch_batch(USERS, 10, load))
    show("fetch_batch", table.concat(values, " "), "tester_1 tester_2 tester_3")
    show("the loader was asked for", asked, "1 3")
    assert(cache:invalidate(USERS))
    assert(cache:fetch_batch(USERS, 10, load, { strong = true }))
    show("all tagged as deleted: asked for", asked, "1 2 3")
end

local function failure(cache)
    print("\nThe database is away: the caller is told why")
    local value, err = cache:fetch("nobody", 10, function()
        return nil, "no connection to the database"
    end)
    show("fetch", value, nil)
    show("... and the error", err, "no connection to the database")
end

local cache = assert(resilicache.open(url, { prefix = prefix, lock_expire = "3s" }))
print("resilicache on " .. tostring(cache))
one_key(cache)
invalidation(cache)
locks(cache)
batch(cache)
failure(cache)
assert(cache:delete(USER, USERS[1], USERS[2], USERS[3]))
assert(cache:close())
print("\nAll as it should be.")
