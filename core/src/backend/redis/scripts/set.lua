-- value, meta, life, fresh, version ('' where it is unknown); whatever the key held is gone, be it no entry, unless its
-- version is newer
local version = ARGV[5]
local is_entry, held = pcall(fields, 'meta')
local before = is_entry and held[1]
if version ~= '' and is_older(version, digits_item(before, 'v')) then
    return { 'OUTDATED' }
end
remove()
local meta = with_version(with_end(ARGV[2], ARGV[4]), version ~= '' and version)
keep_fresh(ARGV[1], with_fence(meta, before), ARGV[3])
return { 'DONE' }
