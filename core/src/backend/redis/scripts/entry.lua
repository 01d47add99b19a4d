-- Goes before every script.  The entry: value, lockUntil, lockOwner, meta (docs/protocol.md), wherever they lie.
local function in_ms(time)
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local time = redis.call('TIME')
local now = in_ms(time)

-- UNIX seconds with three decimals, as text: a number would be stored with what binary fractions make of it.
local function lease_until(ms)
    return string.format('%d.%03d', math.floor(ms / 1000), ms % 1000)
end

local LOCKED = '10000000000'
-- What no client writes has ended: 'inf' and 'nan' are numbers to Lua.
local function seconds_of(lease)
    local plain = lease and #lease < 24 and string.find(lease, '^%d+%.?%d*$')
    return plain and math.min(tonumber(lease), 1e10) or 0
end

local function is_locked(lease)
    return seconds_of(lease) == 1e10
end

-- The end of a lease in ms; 0: none, void or no number.  Whole seconds, as other clients write them, last to their end.
local function lease_end(lease)
    local ms = math.floor(seconds_of(lease) * 1000 + 0.5)
    return ms > 0 and not string.find(lease, '.', 1, true) and ms + 1000 or ms
end

-- meta: items joined by ';'.  s: until when the value is fresh, where its entry lives on.  t: until when a value that
-- was invalidated may be served.  r: until when nobody is to refresh a fresh value, but the owner that it has.  b: how
-- many loads have failed since the last that brought something.  Three outlive values: v: the newest version of the row
-- that is known; f: the fence of the last lock for update; i: until when a load may have read what was before the last
-- invalidation.
local function meta_item(meta, name)
    return meta and string.match(';' .. meta .. ';', ';' .. name .. '=(%w+);')
end

-- Most often it has no such item, which is told at little cost.
local function may_have(meta, name)
    return meta and string.find(meta, name .. '=', 1, true)
end

-- As text: versions are too large for Lua's numbers.
local function digits_item(meta, name)
    return may_have(meta, name) and string.match(';' .. meta .. ';', ';' .. name .. '=(%d+);') or false
end

local function number_item(meta, name)
    local number = digits_item(meta, name)
    return number and #number < 16 and tonumber(number) or false
end

-- Without a lease it is left from a value that another client has replaced.
local function mark_of(meta, lease)
    return lease and number_item(meta, 't')
end

local function is_over(meta)
    local fresh_until = number_item(meta, 's')
    return fresh_until and now >= fresh_until
end

-- Of a value whose time is over: nothing has invalidated it.
local function has_lapsed(meta, lease)
    return is_over(meta) and not mark_of(meta, lease) and (not lease or lease_end(lease) > 0)
end

local function without_item(meta, name)
    if not may_have(meta, name) then
        return meta
    end
    local rest = string.gsub(';' .. meta, ';' .. name .. '=[^;]*', '')
    return string.sub(rest, 2)
end

local function with_text(meta, name, text)
    local rest = meta and without_item(meta, name) or ''
    return (rest ~= '' and rest .. ';' or '') .. name .. '=' .. text
end

local function with_item(meta, name, number)
    return with_text(meta, name, whole(number))
end

-- Of versions, which have no zero before them.
local function is_older(version, known)
    return known and (#version < #known or #version == #known and version < known)
end

-- Microseconds have 16 digits.
local function fence_of(meta)
    local number = digits_item(meta, 'f')
    return number and #number < 17 and tonumber(number) or 0
end

-- `meta` of another value, with the fence that was there before.
local function with_fence(meta, before)
    local fence = fence_of(before)
    return fence > 0 and with_item(meta, 'f', fence) or meta
end

-- Whether or not there is one.
local function with_version(meta, version)
    return version and with_text(meta, 'v', version) or meta
end

-- What of meta outlives the value; false: nothing.
local function kept_meta(meta)
    local kept, settles = with_fence(with_version(false, digits_item(meta, 'v')), meta), number_item(meta, 'i')
    return settles and with_item(kept, 'i', settles) or kept
end

-- For a load that begins now.
local function is_settled(meta)
    local settles = number_item(meta, 'i')
    return settles and now >= settles
end

local function drop_value(meta)
    local kept = kept_meta(meta)
    if kept then
        drop_fields('value')
        keep_end(set_fields, 'meta', kept)
    else
        drop_fields('value', 'meta')
    end
end

local function with_mark(meta, ms)
    return with_item(meta, 't', ms)
end

-- What to write for a value that is fresh for so long, or ('') as long as it lives: most often that needs no clock.
local function with_end(meta, fresh)
    return fresh == '' and meta or with_item(meta, 's', in_ms(redis.call('TIME')) + tonumber(fresh))
end

-- Tagged as deleted: no lease, no owner; at most `bound` ms to live since it was first no longer fresh.
-- What is refused for want of memory gives way to DEL, which never is.
local function invalidate(bound, meta, lease)
    local valued = has_value()
    local mark = valued and mark_of(meta, lease)
    local left = bound
    if mark and mark - now < left then
        left = mark - now
    end
    if left <= 0 then
        remove()
        return
    end
    local done
    if valued and not mark then
        done = try_without_owner(left, 'lockUntil', '0', 'meta', with_mark(meta, now + bound))
    else
        done = try_without_owner(left, 'lockUntil', '0')
    end
    if not done then
        remove()
    end
end

-- Behind an invalidation that found `before` as meta: the newest version that is known, `version` ('' where it is
-- unknown) or that, is kept in mind for `bound` ms at least, and for `settle` ms (0: not at all) that it was
-- invalidated, in a key made for that if need be.  False: there is no memory for it, beside a lock, which stays.
local function remember(before, locked, bound, version, settle)
    local known = digits_item(before, 'v')
    if version == '' and not known and settle == 0 then
        return true
    end
    if version == '' or is_older(version, known) then
        version = known
    end
    local left, meta = life_left(), fields('meta')[1]
    if left == -2 then
        meta = kept_meta(before)
    elseif not locked and has_value() then -- it is served no longer for that
        meta = with_mark(meta, now + left)
    end
    meta = with_version(meta, version)
    if settle > 0 then
        meta = with_item(meta, 'i', math.max(now + settle, number_item(before, 'i') or 0))
    end
    if left == -2 then
        set_fields('lockUntil', '0', 'meta', meta)
    elseif not locked then
        set_fields('meta', meta)
    elseif not try_fields('meta', meta) then
        return false
    end
    if not locked or life_left() == -1 then
        live_at_least(math.max(version and bound or 0, settle))
    end
    return true
end
