-- The entry as a hash of its fields, as other clients know it.
local LAYOUT = 'hash'
local packed -- it, where the key holds one: as parse found it, and its value

-- A field can't tell that a value stands for "there is none": such a value is none here.
local function find_packed()
    local text = redis.call('GET', key)
    packed = text and parse(text, #text)
    if packed then
        local means_absent = string.find(';' .. (packed.meta or '') .. ';', ';a;', 1, true)
        packed.value = packed.valued and not means_absent and string.sub(text, 1, packed.size)
    end
    return packed
end

-- What changes is rewritten in this layout.
local function settle()
    if not packed then
        return
    end
    local life, found = life_left(), packed
    packed = nil
    if life == -2 then -- it has ended since it was read
        return
    end
    remove()
    for _, name in ipairs({ 'value', 'lockUntil', 'lockOwner', 'meta' }) do
        if found[name] then
            redis.call('HSET', key, name, found[name])
        end
    end
    if life >= 0 then
        live(math.max(life, 1))
    end
end

local function fields(...)
    local found = not packed and redis.pcall('HMGET', key, ...)
    if found and not found.err then
        return found
    elseif not (packed or find_packed()) then
        return redis.call('HMGET', key, ...)
    end
    found = { ... }
    for i = 1, #found do
        found[i] = packed[found[i]] or false
    end
    return found
end

-- Once fields have been asked for.
local function has_value()
    if packed then
        return packed.value ~= false
    end
    return redis.call('HEXISTS', key, 'value') == 1
end

local function layout()
    return packed and 'packed' or 'hash'
end

local function exists()
    return redis.call('EXISTS', key) == 1
end

local function set_fields(...)
    settle()
    redis.call('HSET', key, ...)
end

-- The same, and the key lives at least that long.
local function set_fields_for(least, ...)
    set_fields(...)
    live_at_least(least)
end

-- Whether there was memory for it.
local function try_fields(...)
    settle()
    return not is_refused(redis.pcall('HSET', key, ...))
end

-- The same; the owner goes, and the key lives at most that long.
local function try_without_owner(most, ...)
    local done = try_fields(...)
    if done then
        redis.call('HDEL', key, 'lockOwner')
        live_at_most(most)
    end
    return done
end

local function drop_fields(...)
    settle()
    redis.call('HDEL', key, ...)
end

-- It is fresh once it has an end.
local function keep_fresh(value, meta, life)
    settle()
    redis.call('HSET', key, 'value', value, 'meta', meta, 'lockUntil', '0')
    live(life)
    redis.call('HDEL', key, 'lockUntil', 'lockOwner')
end
