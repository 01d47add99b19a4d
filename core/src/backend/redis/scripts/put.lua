-- owner, value, meta, life (0: nothing is to be kept), fresh, version ('' where it is unknown), settle: what tells no
-- version and may have been read before the last invalidation reached the whole database lives for that long only
local entry = fields('lockOwner', 'meta')
if ARGV[1] == '' or entry[1] ~= ARGV[1] then
    return { 'LOST' }
end
local version, known = ARGV[6], digits_item(entry[2], 'v')
if version ~= '' and is_older(version, known) then
    return { 'OUTDATED' }
end
if ARGV[4] == '0' then
    remove()
    return { 'STORED' }
end
local meta, life = with_version(with_end(ARGV[3], ARGV[5]), version ~= '' and version or known), ARGV[4]
local settles, settle = number_item(entry[2], 'i'), tonumber(ARGV[7])
if settles and settle > 0 and version == '' then
    meta = with_item(meta, 'i', settles)
    life = whole(math.min(tonumber(life), settle))
end
keep_fresh(ARGV[2], with_fence(meta, entry[2]), life)
return { 'STORED' }
