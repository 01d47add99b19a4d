-- owner, value, meta, life (0: nothing is to be kept), fresh, version ('' where it is unknown)
local entry = fields('lockOwner', 'meta')
if ARGV[1] == '' or entry[1] ~= ARGV[1] then
    return { 'LOST' }
end
local version, known = ARGV[6], version_item(entry[2])
if version ~= '' and is_older(version, known) then
    return { 'OUTDATED' }
end
if ARGV[4] == '0' then
    remove()
    return { 'STORED' }
end
keep_fresh(ARGV[2], with_fence(with_version(with_end(ARGV[3], ARGV[5]), version ~= '' and version or known), entry[2]),
    ARGV[4])
return { 'STORED' }
