-- owner, pause (0: none), pause_max, drops ('1' or '').  What had only lapsed, or was fresh, is again as it was; but
-- what came from the other layout only if readers of a hash believe that it ends.  A pause is a lease without an owner,
-- twice as long each time; the key lives on for as long again, so that the count isn't lost.
local pause, pause_max, drops = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local entry = fields('lockUntil', 'lockOwner', 'meta')
if ARGV[1] == '' or entry[2] ~= ARGV[1] or is_locked(entry[1]) then
    return { 'LOST' }
end
local meta = entry[3]
local valued, believed = has_value(), LAYOUT == 'packed' or meta_item(meta, 'n')
if valued and drops then
    drop_value(meta)
    valued = false
end
local failures = number_item(meta, 'b') or 0
pause = math.min(pause * 2 ^ math.min(failures, 40), pause_max)
if valued and not entry[1] and not is_over(meta) then
    meta = without_item(meta or '', 'r')
    if pause > 0 then
        meta = with_item(with_item(meta, 'b', failures + 1), 'r', now + pause)
    end
    keep_end(set_fields, 'meta', meta)
    drop_fields('lockOwner')
elseif pause > 0 then
    meta = with_item(valued and meta or kept_meta(meta), 'b', failures + 1)
    local lease = lease_until(now + pause)
    if lease == entry[1] then -- else who waits for that one could not tell
        lease = lease_until(now + pause + 1)
    end
    set_fields('lockUntil', lease, 'meta', meta)
    drop_fields('lockOwner')
    live_at_least(2 * pause)
elseif valued and believed and has_lapsed(meta, entry[1]) then
    drop_fields('lockUntil', 'lockOwner')
else
    keep_end(set_fields, 'lockUntil', '0')
    drop_fields('lockOwner')
end
return { 'DONE' }
