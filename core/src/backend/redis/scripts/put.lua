-- owner, value, meta, life (0: nothing is to be kept)
if ARGV[1] == '' or redis.call('HGET', key, 'lockOwner') ~= ARGV[1] then
    return { 'LOST' }
end
if ARGV[4] == '0' then
    redis.call('DEL', key)
    return { 'STORED' }
end
redis.call('HSET', key, 'value', ARGV[2], 'meta', ARGV[3])
redis.call('PEXPIRE', key, ARGV[4])
redis.call('HDEL', key, 'lockUntil', 'lockOwner')
return { 'STORED' }
