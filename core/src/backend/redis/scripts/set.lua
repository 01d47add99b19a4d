-- value, meta, life; whatever the key held is gone.  It is fresh once it has an end.
redis.call('DEL', key)
redis.call('HSET', key, 'value', ARGV[1], 'meta', ARGV[2], 'lockUntil', '0')
redis.call('PEXPIRE', key, ARGV[3])
redis.call('HDEL', key, 'lockUntil')
return { 'DONE' }
