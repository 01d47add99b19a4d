-- owner, value, meta, life (0: nothing is to be kept), fresh
if ARGV[1] == '' or fields('lockOwner')[1] ~= ARGV[1] then
    return { 'LOST' }
end
if ARGV[4] == '0' then
    remove()
    return { 'STORED' }
end
keep_fresh(ARGV[2], with_end(ARGV[3], ARGV[5]), ARGV[4])
return { 'STORED' }
