-- owner, life
local entry = redis.call('HMGET', key, 'lockUntil', 'lockOwner', 'meta')
if ARGV[1] == '' or entry[2] ~= ARGV[1] then
    return { 'LOST' }
end
local life = tonumber(ARGV[2])
if is_locked(entry[1]) then
    redis.call('PEXPIRE', key, ARGV[2])
else
    redis.call('HSET', key, 'lockUntil', lease_until(now + life))
    live_at_least(life + 1000)
end
local mark = mark_of(entry[3], entry[1])
if mark and now >= mark then
    redis.call('HDEL', key, 'value', 'meta')
end
return { 'OWNED' }
