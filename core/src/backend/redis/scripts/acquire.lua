-- owner, life, bound, strong ('1' or ''), seen, epoch ('' where the server tells none), previous ('' or the token of
-- the same request when it was sent before, and who asks does not know what became of it), window
local owner, life, bound, strong, seen, epoch = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local previous, window = ARGV[7], tonumber(ARGV[8])
local entry = fields('value', 'lockUntil', 'lockOwner', 'meta')
local value, lease, holder, meta = entry[1], entry[2], entry[3], entry[4]

local over = is_over(meta)
local written = meta_item(meta, 'e')
local of_epoch = epoch == '' or written == epoch or (not written and strong == '')
if value and not lease and of_epoch and not over then
    return { 'FRESH', value, meta }
end

local mark = mark_of(meta, lease)
local lapsed = value and of_epoch and has_lapsed(meta, lease)

-- The value, if it may be served: by its mark, and by the window behind its own time; and for how long.
local function what_is_served()
    local fresh_until = number_item(meta, 's')
    local window_ends = fresh_until and fresh_until + window
    local ends = mark and window_ends and math.min(mark, window_ends) or mark or window_ends
    if not value or (bound <= 0 and not lapsed) or (over and not lapsed and not mark) or (ends and now >= ends) then
        return false, -1
    end
    return value, ends and ends - now or -1
end

local function busy(remaining, backed_off)
    local stale, left = what_is_served()
    return { 'BUSY', stale, meta, left, remaining, lease, backed_off and 1 or 0 }
end

local ends = lease_end(lease)
local ours = holder and (holder == owner or holder == previous)
if holder and not ours and is_locked(lease) then
    return busy(life_left(), false)
end
if ends > now and not ours and lease ~= seen then
    local backed_off = not holder
    if not backed_off or strong == '' then
        return busy(ends - now, backed_off)
    end
end

local keeps_lock = ours and is_locked(lease)
lease = keeps_lock and lease or lease_until(now + life)
local settled = is_settled(meta)
if settled then
    meta = without_item(meta, 'i')
end
local first = value and not mark and not lapsed
if first then
    mark = now + bound
    meta = with_mark(meta, mark)
end
local least = keeps_lock and 1 or life + 1000
if first or settled then
    set_fields_for(least, 'lockUntil', lease, 'lockOwner', owner, 'meta', meta)
else
    set_fields_for(least, 'lockUntil', lease, 'lockOwner', owner)
end
if value and not lapsed and (bound <= 0 or now >= mark) then
    drop_value(meta)
    value = false
end
local stale, left = what_is_served()
return { 'OWNED', stale, meta, left }
