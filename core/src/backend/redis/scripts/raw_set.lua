-- value, life; of meta only the mark stays: the rest was about the old value.  The end comes before the value.
local entry = redis.call('HMGET', key, 'meta', 'lockUntil')
local mark = mark_of(entry[1], entry[2])
if redis.call('PEXPIRE', key, ARGV[2]) == 0 then
    redis.call('HSET', key, 'meta', '')
    redis.call('PEXPIRE', key, ARGV[2])
end
if mark then
    redis.call('HSET', key, 'value', ARGV[1], 'meta', with_mark(false, mark))
else
    redis.call('HSET', key, 'value', ARGV[1])
    redis.call('HDEL', key, 'meta')
end
return { 'DONE' }
