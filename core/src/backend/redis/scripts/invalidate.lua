-- bound
local entry = fields('lockUntil', 'lockOwner', 'meta')
if not exists() then
    return { 'MISS' }
end
if not (entry[2] and is_locked(entry[1])) then
    invalidate(tonumber(ARGV[1]))
elseif has_value() and not mark_of(entry[3], entry[1]) then
    if not keep_end(try_fields, 'meta', with_mark(entry[3], now + tonumber(ARGV[1]))) then
        drop_fields('value', 'meta')
    end
end
return { 'DONE' }
