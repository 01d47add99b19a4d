-- The entry as one string, so that a hit is a GET.
local LAYOUT, LARGE, TAIL_BEGIN = 'packed', 65536, whole(-TAIL_MAX)
local entry -- as parse found it; `tail` is the size of its trailer; `value` is nil until a large one is read

-- At most 255 bytes of padding make it as long as the one before, which it can then take the place of.
local function trailer()
    local lease, owner, meta = entry.lockUntil or '', entry.lockOwner or '', entry.meta or ''
    local used = TAIL + #lease + #owner + #meta
    local padding = math.min(math.max(entry.tail - used, 0), 255)
    entry.tail = used + padding
    return lease .. owner .. meta .. string.rep(';', padding)
        .. string.char((entry.valued and 128 or 0) + #lease, #owner, #meta, padding) .. SIGN
end

-- Its end is in `life` ms, if at all.
local function rewrite(call, value, life)
    entry.valued, entry.value, entry.size = value ~= false, value, value and #value or 0
    entry.tail, entry.hash = 0, nil
    local text = (value or '') .. trailer()
    if life >= 0 then
        return call('SET', key, text, 'PX', whole(math.max(life, 1)))
    end
    return call('SET', key, text)
end

-- For where moving the value about would take too long.  False: what is there is too long to be written over.
local function rewrite_trailer(call, life)
    local before = entry.tail
    local text = trailer()
    if #text < before then
        return false
    end
    local done = call('SETRANGE', key, entry.size, text)
    if life >= 0 and life_left() < 0 then -- it ended meanwhile, and what stands before the trailer is nothing but zeros
        remove()
    end
    return done
end

local function nothing()
    return { valued = false, value = false, size = 0, tail = 0 }
end

-- Of another type it raises.  An entry of the other layout is in `hash` until something changes.
local function read()
    if entry then
        return
    end
    local text = redis.pcall('GETRANGE', key, TAIL_BEGIN, '-1')
    if type(text) == 'table' then
        if not string.find(text.err, 'WRONGTYPE', 1, true) then
            error(text.err)
        end
        local found = redis.call('HMGET', key, 'value', 'lockUntil', 'lockOwner', 'meta')
        if not (found[1] or found[2]) and redis.call('EXISTS', key) == 1 then
            error('WRONGTYPE a hash that is no entry')
        elseif not (found[1] or found[2]) then -- it has ended meanwhile
            entry = nothing()
            return
        end
        local function short(field, longest)
            return field and #field <= longest and field
        end
        entry = {
            hash = true, size = 0, tail = 0, valued = found[1] ~= false, value = found[1],
            lockUntil = short(found[2], 127) or found[2] and '0', lockOwner = short(found[3], 255),
            meta = short(found[4], 200),
        }
        return
    end
    local is_whole = #text < TAIL_MAX
    entry = parse(text, is_whole and #text or redis.call('STRLEN', key))
    if not entry and text ~= '' then
        error('WRONGTYPE a string that is no entry')
    elseif not entry then
        entry = nothing()
    elseif is_whole or not entry.valued then
        entry.value = entry.valued and string.sub(text, 1, entry.size)
    end
end

local function has_value()
    read()
    return entry.valued
end

-- None where the key has ended since it was read.
local function value_of()
    read()
    if entry.value == nil then
        local value = redis.call('GETRANGE', key, 0, entry.size - 1)
        entry.value = #value == entry.size and value
    end
    return entry.value
end

local function fields(...)
    read()
    local found = { ... }
    for i = 1, #found do
        local name = found[i]
        found[i] = name == 'value' and value_of() or name ~= 'value' and entry[name] or false
    end
    return found
end

local function layout()
    return entry.hash and 'hash' or 'packed'
end

local function exists()
    read()
    return entry.hash or entry.tail > 0
end

-- How long the key lives from now on; without either bound, to the end that it has.
local function life_within(life, least, most)
    if least and life < least then
        return least
    end
    return most and (life < 0 or life > most) and most or life
end

-- Names and what they become; false: nothing.
local function change(call, changes, least, most)
    read()
    local life, value = life_left(), nil
    if life == -2 then
        entry = nothing() -- it may have ended since it was read
    end
    for i = 1, #changes, 2 do
        if changes[i] == 'value' then
            value = changes[i + 1]
        else
            entry[changes[i]] = changes[i + 1]
        end
    end
    if life == -2 and not (value or entry.lockUntil or entry.lockOwner or entry.meta) then
        return true -- nothing was there to be dropped
    end
    local lives = life_within(life, least, most)
    if value == nil and entry.size > LARGE and not entry.hash then
        local done = rewrite_trailer(call, life)
        if done then
            if lives ~= life and not is_refused(done) then
                live(whole(lives))
            end
            return done
        end
    end
    if value == nil then
        value = value_of()
    end
    return rewrite(call, value, lives)
end

local function set_fields(...)
    change(redis.call, { ... })
end

-- The same, and the key lives at least that long.
local function set_fields_for(least, ...)
    change(redis.call, { ... }, least)
end

-- Whether there was memory for it.
local function try_fields(...)
    return not is_refused(change(redis.pcall, { ... }))
end

-- The same; the owner goes, and the key lives at most that long.
local function try_without_owner(most, ...)
    return not is_refused(change(redis.pcall, { 'lockOwner', false, ... }, nil, most))
end

local function drop_fields(...)
    local changes = {}
    for _, name in ipairs({ ... }) do
        changes[#changes + 1] = name
        changes[#changes + 1] = false
    end
    change(redis.call, changes)
end

local function keep_fresh(value, meta, life)
    entry = { valued = true, value = value, size = #value, tail = 0, meta = meta }
    redis.call('SET', key, value .. trailer(), 'PX', life)
end
