-- owner, bound
local entry = fields('lockUntil', 'lockOwner')
if not exists() then
    return { 'DONE' }
end
if is_locked(entry[1]) and entry[2] and entry[2] ~= ARGV[1] then
    return { 'LOST' }
end
invalidate(tonumber(ARGV[2]))
return { 'DONE' }
