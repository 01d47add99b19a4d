-- value, meta, life; whatever the key held is gone
redis.call('DEL', key)
redis.call('HSET', key, 'value', ARGV[1], 'meta', ARGV[2])
redis.call('PEXPIRE', key, ARGV[3])
return { 'DONE' }
