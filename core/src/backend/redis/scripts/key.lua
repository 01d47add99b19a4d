-- Goes first: the key, and what is the same in every layout.
local key = KEYS[1]

local function remove()
    redis.call('DEL', key)
end

-- In ms; below 0: without an end, or no key.
local function life_left()
    return redis.call('PTTL', key)
end

-- 0: there is no key.
local function live(ms)
    return redis.call('PEXPIRE', key, ms)
end

-- As text, which a server takes with less effort than a number.
local function whole(number)
    return string.format('%d', number)
end

-- The key lives at least that long.
local function live_at_least(ms)
    if life_left() < ms then
        live(whole(ms))
    end
end

-- At most.
local function live_at_most(ms)
    local life = life_left()
    if life < 0 or life > ms then
        live(whole(ms))
    end
end

-- A change of what is there: where the key has ended meanwhile, as on some servers it may while a script runs, nothing
-- is left of it, and what was written has no end.
local function keep_end(write, ...)
    local endless = life_left() == -1
    local done = write(...)
    if not endless and life_left() == -1 then
        remove()
    end
    return done
end

-- What pcall returns where there was no memory for it.
local function is_refused(done)
    return type(done) == 'table' and done.err
end

-- A packed entry is the value and its trailer: lockUntil, lockOwner, meta and padding, and in the last bytes the sizes
-- of the four, with 128 more in the first where there is a value, and two that no text in UTF-8 has.
local TAIL, SIGN = 6, '\245\254'
local TAIL_MAX = TAIL + 127 + 3 * 255

-- From the end of the string, whose size is `size`; false where that is no entry.
local function parse(text, size)
    local lease, owner, meta, padding = string.byte(text, -TAIL, -3)
    if not padding or string.sub(text, -2) ~= SIGN then
        return false
    end
    local valued = lease >= 128
    lease = lease % 128
    local tail = TAIL + lease + owner + meta + padding
    if tail > #text then
        return false
    end
    local at = #text - tail
    return {
        valued = valued, size = size - tail, tail = tail,
        lockUntil = lease > 0 and string.sub(text, at + 1, at + lease),
        lockOwner = owner > 0 and string.sub(text, at + lease + 1, at + lease + owner),
        meta = meta > 0 and string.sub(text, at + lease + owner + 1, at + lease + owner + meta),
    }
end
