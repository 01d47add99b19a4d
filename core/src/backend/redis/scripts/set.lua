-- value, meta, life, fresh, version ('' where it is unknown); whatever the key held is gone, unless that is newer
local version = ARGV[5]
if version ~= '' then
    local is_entry, held = pcall(fields, 'meta')
    if is_entry and is_older(version, version_item(held[1])) then
        return { 'OUTDATED' }
    end
end
remove()
keep_fresh(ARGV[1], with_version(with_end(ARGV[2], ARGV[4]), version ~= '' and version), ARGV[3])
return { 'DONE' }
