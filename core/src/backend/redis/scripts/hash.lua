-- The entry as a hash of its fields, as other clients know it.

-- What no field of a hash can tell goes: that a value stands for "there is none".
local function convert()
    local text = redis.call('GET', key)
    local found = parse(text, #text)
    if not found then
        return
    end
    local life, means_absent = life_left(), string.find(';' .. (found.meta or '') .. ';', ';a;', 1, true)
    remove()
    if found.valued and not means_absent then
        redis.call('HSET', key, 'value', string.sub(text, 1, found.size))
    elseif not found.lockUntil then
        return
    end
    for _, name in ipairs({ 'lockUntil', 'lockOwner', 'meta' }) do
        if found[name] then
            redis.call('HSET', key, name, found[name])
        end
    end
    if life > 0 then
        redis.call('PEXPIRE', key, life)
    end
end

local function fields(...)
    local found = redis.pcall('HMGET', key, ...)
    if not found.err then
        return found
    end
    convert()
    return redis.call('HMGET', key, ...)
end

local function has_value()
    return redis.call('HEXISTS', key, 'value') == 1
end

local function exists()
    return redis.call('EXISTS', key) == 1
end

local function set_fields(...)
    redis.call('HSET', key, ...)
end

-- Whether there was memory for it.
local function try_fields(...)
    local done = redis.pcall('HSET', key, ...)
    return not (type(done) == 'table' and done.err)
end

local function drop_fields(...)
    redis.call('HDEL', key, ...)
end

-- It is fresh once it has an end.
local function keep_fresh(value, meta, life)
    redis.call('HSET', key, 'value', value, 'meta', meta, 'lockUntil', '0')
    redis.call('PEXPIRE', key, life)
    redis.call('HDEL', key, 'lockUntil', 'lockOwner')
end
