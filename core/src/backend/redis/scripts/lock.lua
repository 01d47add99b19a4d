-- owner, life, intent ('1' or '').  First a lease that ends by itself, and a lock only once the key has an end: a
-- server that stops in the middle leaves nothing locked for good.  The fence is more than the last, and the time in us:
-- the last may be gone.  With an intent no reader is to have what is being replaced.
local life = math.max(tonumber(ARGV[2]), 1)
local entry = fields('lockUntil', 'lockOwner', 'meta')
if is_locked(entry[1]) and entry[2] and entry[2] ~= ARGV[1] then
    return { 'BUSY', life_left(), entry[1] }
end
local fence = math.max(fence_of(entry[3]) + 1, tonumber(time[1]) * 1000000 + tonumber(time[2]))
local meta = with_item(entry[3], 'f', fence)
set_fields('lockUntil', lease_until(now + life), 'lockOwner', ARGV[1], 'meta', meta)
live(whole(life))
if ARGV[3] == '1' and has_value() then
    drop_value(meta)
end
set_fields('lockUntil', LOCKED, 'lockOwner', ARGV[1])
if life_left() == -1 then -- it ended meanwhile
    live(whole(life))
end
return { 'OWNED', fence }
