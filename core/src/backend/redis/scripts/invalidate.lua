-- bound, version ('' where it is unknown), settle.  Without memory, beside another's lock for update only the value
-- goes; where that needs memory, too, or there is something to keep in mind, the error doesn't say OOM, for which the
-- whole key would be deleted.
local bound, version, settle = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local entry = fields('lockUntil', 'lockOwner', 'meta')
local there, locked = entry[3] or exists(), entry[2] and is_locked(entry[1])
if not there and version == '' and settle == 0 then
    return { 'MISS' }
end
local done = true
if there and not locked then
    invalidate(bound, entry[3], entry[1])
elseif there and has_value() and not mark_of(entry[3], entry[1]) then
    done = keep_end(try_fields, 'meta', with_mark(entry[3], now + bound)) or pcall(drop_value, entry[3])
end
if not (done and remember(entry[3], locked, bound, version, settle)) then
    return redis.error_reply('ERR not invalidated: the key is locked for update, and the server is out of memory')
end
return { 'DONE' }
