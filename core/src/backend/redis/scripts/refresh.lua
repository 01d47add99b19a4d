-- owner, life, strong ('1' or ''), epoch ('' where the server tells none).  A mark beside a fresh value, which stays
-- so: its owner may put, and until r nobody else is to refresh it.  What lies in the other layout stays there.
local owner, life, strong, epoch = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local entry = fields('lockUntil', 'lockOwner', 'meta')
local meta = entry[3]
local written = meta_item(meta, 'e')
local of_epoch = epoch == '' or written == epoch or (not written and strong == '')
if entry[1] or not of_epoch or is_over(meta) or not has_value() or layout() ~= LAYOUT then
    return { 'LOST' }
end
local ends = number_item(meta, 'r') or 0
if ends > now and entry[2] ~= owner then
    return { 'BUSY', ends - now, '' }
end
if is_settled(meta) then
    meta = without_item(meta, 'i')
end
set_fields('lockOwner', owner, 'meta', with_item(meta, 'r', now + life))
if not has_value() then -- it ended meanwhile
    remove()
    return { 'LOST' }
end
return { 'OWNED' }
