-- value, meta, life; whatever the key held is gone
remove()
keep_fresh(ARGV[1], ARGV[2], ARGV[3])
return { 'DONE' }
