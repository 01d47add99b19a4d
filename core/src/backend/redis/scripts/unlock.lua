-- owner, bound
local entry = redis.call('HMGET', key, 'lockUntil', 'lockOwner')
if redis.call('EXISTS', key) == 0 then
    return { 'DONE' }
end
if is_locked(entry[1]) and entry[2] and entry[2] ~= ARGV[1] then
    return { 'LOST' }
end
invalidate(tonumber(ARGV[2]))
return { 'DONE' }
