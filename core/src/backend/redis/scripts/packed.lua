-- The entry as one string, so that a hit is a GET.
local entry -- as parse found it; `tail` is the size of its trailer

local function trailer()
    local lease, owner, meta = entry.lockUntil or '', entry.lockOwner or '', entry.meta or ''
    local used = TAIL + #lease + #owner + #meta
    local padding = math.max(entry.tail - used, 0)
    entry.tail = used + padding
    return lease .. owner .. meta .. string.rep(';', padding)
        .. string.char(entry.valued and 1 or 0, #lease, #owner, #meta, math.floor(padding / 256), padding % 256) .. SIGN
end

-- What came before stays the end of the key's life.
local function rewrite(call, value)
    local life = life_left()
    entry.valued, entry.size, entry.tail = value ~= nil, #(value or ''), 0
    local text = (value or '') .. trailer()
    if life > 0 then
        return call('SET', key, text, 'PX', life)
    end
    return call('SET', key, text)
end

local function short(text)
    return text and #text <= 255 and text
end

-- Raises where the key is of another type.
local function convert()
    local found = redis.call('HMGET', key, 'value', 'lockUntil', 'lockOwner', 'meta')
    if not (found[1] or found[2]) then
        error('WRONGTYPE a hash that is no entry')
    end
    entry = { lockUntil = short(found[2]), lockOwner = short(found[3]), meta = short(found[4]) }
    if found[2] and not entry.lockUntil then
        entry.lockUntil = '0'
    end
    rewrite(redis.call, found[1] or nil)
end

local function read()
    if entry then
        return
    end
    local text = redis.pcall('GETRANGE', key, -TAIL_MAX, -1)
    if type(text) == 'table' then
        convert()
        return
    end
    entry = parse(text, #text < TAIL_MAX and #text or redis.call('STRLEN', key))
    if not entry and text ~= '' then
        error('WRONGTYPE a string that is no entry')
    end
    entry = entry or { size = 0, tail = 0 }
end

local function has_value()
    read()
    return entry.valued
end

local function value()
    if not has_value() then
        return false
    end
    return entry.size > 0 and redis.call('GETRANGE', key, 0, entry.size - 1) or ''
end

local function fields(...)
    read()
    local found = {}
    for i, name in ipairs({ ... }) do
        found[i] = (name == 'value' and value() or name ~= 'value' and entry[name]) or false
    end
    return found
end

local function exists()
    read()
    return entry.tail > 0
end

local function write(call, ...)
    read()
    local changes, value = { ... }, nil
    for i = 1, #changes, 2 do
        if changes[i] == 'value' then
            value = changes[i + 1]
        else
            entry[changes[i]] = changes[i + 1]
        end
    end
    if value then
        return rewrite(call, value)
    end
    return call('SETRANGE', key, entry.size, trailer())
end

local function set_fields(...)
    write(redis.call, ...)
end

-- Whether there was memory for it.
local function try_fields(...)
    local done = write(redis.pcall, ...)
    return not (type(done) == 'table' and done.err)
end

local function drop_fields(...)
    read()
    local drops_value = false
    for _, name in ipairs({ ... }) do
        drops_value = drops_value or name == 'value'
        entry[name] = false
    end
    if drops_value then
        rewrite(redis.call, nil)
    else
        redis.call('SETRANGE', key, entry.size, trailer())
    end
end

local function keep_fresh(value, meta, life)
    entry = { valued = true, size = #value, tail = 0, meta = meta }
    redis.call('SET', key, value .. trailer(), 'PX', life)
end
