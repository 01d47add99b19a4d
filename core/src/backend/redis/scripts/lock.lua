-- owner, life.  First a lease that ends by itself, and a lock only once the key has an end: a server that stops in the
-- middle leaves nothing locked for good.
local life = math.max(tonumber(ARGV[2]), 1)
local entry = redis.call('HMGET', key, 'lockUntil', 'lockOwner')
if is_locked(entry[1]) and entry[2] and entry[2] ~= ARGV[1] then
    return { 'BUSY', redis.call('PTTL', key), entry[1] }
end
redis.call('HSET', key, 'lockUntil', lease_until(now + life), 'lockOwner', ARGV[1])
redis.call('PEXPIRE', key, whole(life))
redis.call('HSET', key, 'lockUntil', LOCKED)
return { 'OWNED' }
