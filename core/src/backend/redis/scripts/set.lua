-- value, meta, life, fresh; whatever the key held is gone
remove()
keep_fresh(ARGV[1], with_end(ARGV[2], ARGV[4]), ARGV[3])
return { 'DONE' }
