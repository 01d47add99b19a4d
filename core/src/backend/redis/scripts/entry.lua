-- Goes before every script.  The entry: a hash of value, lockUntil, lockOwner, meta (docs/protocol.md).
local key = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function whole(number)
    return string.format('%.0f', number)
end

-- UNIX seconds with three decimals, as text: a number would be stored with what binary fractions make of it.
local function lease_until(ms)
    return string.format('%.0f.%03.0f', math.floor(ms / 1000), ms % 1000)
end

local LOCKED = '10000000000'
local function is_locked(lease)
    local number = lease and tonumber(lease)
    return number ~= nil and number ~= false and number >= 10000000000
end

-- The end of a lease in ms; 0: none, void or no number.  Whole seconds, as other clients write them, last to their end.
local function lease_end(lease)
    local number = lease and tonumber(lease) or 0
    if number <= 0 then
        return 0
    end
    local ms = math.floor(number * 1000 + 0.5)
    if not string.find(lease, '.', 1, true) then
        ms = ms + 1000
    end
    return ms
end

-- meta: items joined by ';'.  t: until when a value that is no longer fresh may be served.
local function meta_item(meta, name)
    return meta and string.match(';' .. meta .. ';', ';' .. name .. '=(%w+);')
end

local function mark_of(meta)
    return tonumber(meta_item(meta, 't') or '')
end

local function with_mark(meta, ms)
    if meta and meta ~= '' then
        return meta .. ';t=' .. whole(ms)
    end
    return 't=' .. whole(ms)
end

-- The key lives at least that long.
local function live_at_least(ms)
    if redis.call('PTTL', key) < ms then
        redis.call('PEXPIRE', key, whole(ms))
    end
end

-- Tagged as deleted: no lease, no owner; at most `bound` ms to live since it was first no longer fresh.
-- An HSET that is refused for want of memory gives way to DEL, which never is.
local function invalidate(bound)
    local entry = redis.call('HMGET', key, 'value', 'meta')
    local mark = mark_of(entry[2])
    local left = bound
    if mark and mark - now < left then
        left = mark - now
    end
    if left <= 0 then
        redis.call('DEL', key)
        return
    end
    local done
    if entry[1] and not mark then
        done = redis.pcall('HSET', key, 'lockUntil', '0', 'meta', with_mark(entry[2], now + bound))
    else
        done = redis.pcall('HSET', key, 'lockUntil', '0')
    end
    if type(done) == 'table' and done.err then
        redis.call('DEL', key)
        return
    end
    redis.call('HDEL', key, 'lockOwner')
    local life = redis.call('PTTL', key)
    if life < 0 or life > left then
        redis.call('PEXPIRE', key, whole(left))
    end
end
