-- owner, life, bound, strong ('1' or ''), seen, epoch ('' where the server tells none), previous ('' or the token of
-- the same request when it was sent before, and who asks does not know what became of it)
local owner, life, bound, strong, seen, epoch = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local previous = ARGV[7]
local entry = fields('value', 'lockUntil', 'lockOwner', 'meta')
local value, lease, holder, meta = entry[1], entry[2], entry[3], entry[4]

if value and not lease then
    local written = meta_item(meta, 'e')
    if epoch == '' or written == epoch or (not written and strong == '') then
        return { 'FRESH', value, meta }
    end
end

local mark = mark_of(meta, lease)
local ends = lease_end(lease)
local ours = holder and (holder == owner or holder == previous)
local stale = bound > 0 and not (mark and now >= mark) and value
if holder and not ours and is_locked(lease) then
    return { 'BUSY', stale, meta, mark and mark - now or -1, life_left(), lease }
end
if ends > now and not ours and lease ~= seen then
    local backed_off = not holder
    if not backed_off or (strong == '' and value) then
        return { 'BUSY', stale, meta, mark and mark - now or -1, ends - now, lease }
    end
end

local keeps_lock = ours and is_locked(lease)
lease = keeps_lock and lease or lease_until(now + life)
if value and not mark then
    mark = now + bound
    meta = with_mark(meta, mark)
    set_fields('lockUntil', lease, 'lockOwner', owner, 'meta', meta)
else
    set_fields('lockUntil', lease, 'lockOwner', owner)
end
live_at_least(keeps_lock and 1 or life + 1000)
if value and (bound <= 0 or now >= mark) then
    drop_fields('value', 'meta')
    value = false
end
return { 'OWNED', value, meta, value and mark - now or -1 }
