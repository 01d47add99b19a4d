-- owner, life
local entry = redis.call('HMGET', key, 'lockUntil', 'lockOwner')
if is_locked(entry[1]) and entry[2] and entry[2] ~= ARGV[1] then
    return { 'BUSY', redis.call('PTTL', key) }
end
redis.call('HSET', key, 'lockUntil', LOCKED, 'lockOwner', ARGV[1])
redis.call('PEXPIRE', key, ARGV[2])
return { 'OWNED' }
