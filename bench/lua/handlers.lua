-- What the benchmark's nginx does for a request: each looks a key up, checks the value, and answers "x".
local handlers = {}

local TTL = 3600
local port, size, keys, cache, redis, ml
local has_redis, resty_redis = pcall(require, "nginx.redis") -- Debian's name for lua-resty-redis
local has_mlcache, resty_mlcache = pcall(require, "resty.mlcache")

function handlers.open(task)
    port, size, keys = task.port, task.size, task.keys
    cache = assert(require("resty.resilicache").new { url = "redis://127.0.0.1:" .. port })
    redis = has_redis and resty_redis or nil
    if has_mlcache then
        ml = assert(resty_mlcache.new("bench", "mlcache", {
            lru_size = 1, -- so that hits are those of the shared dictionary
            ttl = TTL,
            shm_locks = "mlcache_locks",
        }))
    end
end

local function key(of)
    return ("bench:%s:%d:%012d"):format(of, size, math.random(0, keys - 1))
end

local function answer(value, err)
    if not value or #value ~= size then
        ngx.log(ngx.ERR, "no value: ", err or "of the right size")
        return ngx.exit(500)
    end
    ngx.say("x")
end

function handlers.say()
    answer(("x"):rep(size), key "resilicache")
end

local function missed()
    return nil, "a miss where there has to be a hit"
end

function handlers.resilicache()
    answer(cache:fetch(key "resilicache", TTL, missed))
end

local function ask_redis(ask)
    local client = redis:new()
    client:set_timeout(10000)
    local ok, err = client:connect("127.0.0.1", port)
    if not ok then
        return answer(nil, err)
    end
    local reply, failure = ask(client)
    client:set_keepalive(60000, 128)
    answer(reply, failure)
end

function handlers.redis_hash()
    ask_redis(function(client)
        local fields, failure = client:hmget(key "hash", "value", "lockUntil", "lockOwner")
        return fields and fields[1], failure
    end)
end

function handlers.redis()
    ask_redis(function(client)
        return client:get(key "hiredis")
    end)
end

function handlers.mlcache()
    answer(ml:get(key "resilicache", nil, function()
        return ("x"):rep(size)
    end))
end

return handlers
