-- bound
local entry = redis.call('HMGET', key, 'value', 'lockUntil', 'lockOwner', 'meta')
if redis.call('EXISTS', key) == 0 then
    return { 'MISS' }
end
if not (entry[3] and is_locked(entry[2])) then
    invalidate(tonumber(ARGV[1]))
elseif entry[1] and not mark_of(entry[4]) then
    local done = redis.pcall('HSET', key, 'meta', with_mark(entry[4], now + tonumber(ARGV[1])))
    if type(done) == 'table' and done.err then
        redis.call('HDEL', key, 'value')
    end
end
return { 'DONE' }
