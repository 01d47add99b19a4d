-- owner, bound.  DONE tells whether the owner still had it.
local entry = fields('lockUntil', 'lockOwner')
if not exists() then
    return { 'DONE', 0 }
end
local held = is_locked(entry[1]) and entry[2]
if held and held ~= ARGV[1] then
    return { 'LOST' }
end
invalidate(tonumber(ARGV[2]))
return { 'DONE', held and 1 or 0 }
