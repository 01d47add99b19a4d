-- owner, bound, settle.  DONE tells whether the owner still had it.
local entry = fields('lockUntil', 'lockOwner', 'meta')
local there, held = exists(), is_locked(entry[1]) and entry[2]
if held and held ~= ARGV[1] then
    return { 'LOST' }
end
if there then
    invalidate(tonumber(ARGV[2]), entry[3], entry[1])
end
remember(entry[3], false, tonumber(ARGV[2]), '', tonumber(ARGV[3]))
return { 'DONE', held and 1 or 0 }
