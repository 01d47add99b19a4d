-- bound
local entry = redis.call('HMGET', key, 'lockUntil', 'lockOwner', 'meta')
if redis.call('EXISTS', key) == 0 then
    return { 'MISS' }
end
if not (entry[2] and is_locked(entry[1])) then
    invalidate(tonumber(ARGV[1]))
elseif redis.call('HEXISTS', key, 'value') == 1 and not mark_of(entry[3], entry[1]) then
    local done = redis.pcall('HSET', key, 'meta', with_mark(entry[3], now + tonumber(ARGV[1])))
    if type(done) == 'table' and done.err then
        redis.call('HDEL', key, 'value', 'meta')
    end
end
return { 'DONE' }
