-- owner, life
local entry = fields('lockUntil', 'lockOwner', 'meta')
if ARGV[1] == '' or entry[2] ~= ARGV[1] then
    return { 'LOST' }
end
local life = tonumber(ARGV[2])
if is_locked(entry[1]) then
    live(ARGV[2])
elseif not entry[1] then
    keep_end(set_fields, 'meta', with_item(entry[3], 'r', now + life))
else
    set_fields('lockUntil', lease_until(now + life))
    live_at_least(life + 1000)
end
local mark = mark_of(entry[3], entry[1])
if mark and now >= mark then
    drop_value(entry[3])
end
return { 'OWNED' }
