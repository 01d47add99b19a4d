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

-- A packed entry is the value and its trailer: lockUntil, lockOwner, meta and padding, and in the last bytes whether
-- there is a value, the sizes of the four, and two that no text in UTF-8 has.
local TAIL, TAIL_MAX, SIGN = 8, 8 + 3 * 255, '\245\254'

-- From the end of the string, whose size is `size`; false where that is no entry.
local function parse(text, size)
    local valued, lease, owner, meta, high, low = string.byte(text, -TAIL, -3)
    if not valued or string.sub(text, -2) ~= SIGN then
        return false
    end
    local tail = TAIL + lease + owner + meta + high * 256 + low
    if tail > #text then
        return false
    end
    local at = #text - tail
    local function part(length)
        at = at + length
        return length > 0 and string.sub(text, at - length + 1, at)
    end
    local entry = { valued = valued == 1, size = size - tail, tail = tail }
    entry.lockUntil, entry.lockOwner, entry.meta = part(lease), part(owner), part(meta)
    return entry
end
