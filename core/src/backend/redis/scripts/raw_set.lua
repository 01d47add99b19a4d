-- value, life; meta is left, and no longer fits
redis.call('HSET', key, 'value', ARGV[1])
redis.call('PEXPIRE', key, ARGV[2])
return { 'DONE' }
