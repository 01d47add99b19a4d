-- bound, version ('' where it is unknown): kept in mind for that long at least, in a key made for that if need be.
-- Without memory, beside another's lock for update only the value goes; where that needs memory, too, nothing is done,
-- and the error doesn't say OOM, for which the whole key would be deleted.
local bound, version = tonumber(ARGV[1]), ARGV[2]
local entry = fields('lockUntil', 'lockOwner', 'meta')
local there, locked = exists(), entry[2] and is_locked(entry[1])
if not there and version == '' then
    return { 'MISS' }
end
if there and not locked then
    invalidate(bound)
elseif there and has_value() and not mark_of(entry[3], entry[1]) then
    if not keep_end(try_fields, 'meta', with_mark(entry[3], now + bound)) and not pcall(drop_value, entry[3]) then
        return redis.error_reply('ERR not invalidated: the key is locked for update, and the server is out of memory')
    end
end
if version == '' then
    return { 'DONE' }
end
local known = version_item(entry[3])
version = is_older(version, known) and known or version
local left, meta = life_left(), fields('meta')[1]
if left == -2 then
    set_fields('lockUntil', '0', 'meta', 'v=' .. version)
else
    if not locked and has_value() then -- it is served no longer for that
        meta = with_mark(meta, now + left)
    end
    set_fields('meta', with_version(meta, version))
end
if not locked or life_left() == -1 then
    live_at_least(bound)
end
return { 'DONE' }
