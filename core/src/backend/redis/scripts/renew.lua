-- owner, life
local entry = redis.call('HMGET', key, 'lockUntil', 'lockOwner', 'meta')
if ARGV[1] == '' or entry[2] ~= ARGV[1] then
    return { 'LOST' }
end
if is_locked(entry[1]) then
    redis.call('PEXPIRE', key, ARGV[2])
    return { 'OWNED' }
end
local life = tonumber(ARGV[2])
redis.call('HSET', key, 'lockUntil', lease_until(now + life))
live_at_least(life + 1000)
local mark = mark_of(entry[3])
if mark and now >= mark then
    redis.call('HDEL', key, 'value')
end
return { 'OWNED' }
