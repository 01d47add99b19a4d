-- bound.  Without memory, beside another's lock for update only the value goes; where that needs memory, too, nothing
-- is done, and the error doesn't say OOM, for which the whole key would be deleted.
local entry = fields('lockUntil', 'lockOwner', 'meta')
if not exists() then
    return { 'MISS' }
end
if not (entry[2] and is_locked(entry[1])) then
    invalidate(tonumber(ARGV[1]))
elseif has_value() and not mark_of(entry[3], entry[1]) then
    if not keep_end(try_fields, 'meta', with_mark(entry[3], now + tonumber(ARGV[1])))
        and not pcall(drop_fields, 'value', 'meta') then
        return redis.error_reply('ERR not invalidated: the key is locked for update, and the server is out of memory')
    end
end
return { 'DONE' }
