-- owner
local entry = fields('lockUntil', 'lockOwner')
if ARGV[1] == '' or entry[2] ~= ARGV[1] or is_locked(entry[1]) then
    return { 'LOST' }
end
set_fields('lockUntil', '0')
drop_fields('lockOwner')
return { 'DONE' }
