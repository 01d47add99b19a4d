-- owner.  What had only lapsed is again as it was; but not where it came from the other layout, without what makes
-- readers of a hash believe that it ends.
local entry = fields('lockUntil', 'lockOwner', 'meta')
if ARGV[1] == '' or entry[2] ~= ARGV[1] or is_locked(entry[1]) then
    return { 'LOST' }
end
local believed = layout() == 'packed' or meta_item(entry[3], 'n')
if has_value() and believed and has_lapsed(entry[3], entry[1]) then
    drop_fields('lockUntil', 'lockOwner')
else
    set_fields('lockUntil', '0')
    drop_fields('lockOwner')
end
return { 'DONE' }
