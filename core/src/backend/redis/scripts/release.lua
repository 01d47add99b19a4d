-- owner
local entry = redis.call('HMGET', key, 'lockUntil', 'lockOwner')
if ARGV[1] == '' or entry[2] ~= ARGV[1] or is_locked(entry[1]) then
    return { 'LOST' }
end
redis.call('HSET', key, 'lockUntil', '0')
redis.call('HDEL', key, 'lockOwner')
return { 'DONE' }
