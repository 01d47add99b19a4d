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

-- Until when the value may be served: by its mark, and by the window behind its own time.
local function serve_until()
    local fresh_until = number_item(meta, 's')
    local window_ends = fresh_until and fresh_until + window
    return mark and window_ends and math.min(mark, window_ends) or mark or window_ends
end

local function what_is_served()
    local ends = serve_until()
    if not value or (bound <= 0 and not lapsed) or (over and not lapsed and not mark) or (ends and now >= ends) then
        return false, -1
    end
    return value, ends and ends - now or -1
end

local ends = lease_end(lease)
local ours = holder and (holder == owner or holder == previous)
local stale, left = what_is_served()
if holder and not ours and is_locked(lease) then
    return { 'BUSY', stale, meta, left, life_left(), lease, 0 }
end
if ends > now and not ours and lease ~= seen then
    local backed_off = not holder
    if not backed_off or strong == '' then
        return { 'BUSY', stale, meta, left, ends - now, lease, backed_off and 1 or 0 }
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
if first or settled then
    set_fields('lockUntil', lease, 'lockOwner', owner, 'meta', meta)
else
    set_fields('lockUntil', lease, 'lockOwner', owner)
end
live_at_least(keeps_lock and 1 or life + 1000)
if value and not lapsed and (bound <= 0 or now >= mark) then
    drop_value(meta)
    value = false
end
stale, left = what_is_served()
return { 'OWNED', stale, meta, left }
