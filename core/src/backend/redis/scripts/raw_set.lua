-- value, life; of meta only mark, version and fence stay: the rest was about the old value.  The end comes before the
-- value; that of a lock for update stays, so that it ends when its holder said.
local entry = fields('meta', 'lockUntil', 'lockOwner')
local mark = mark_of(entry[1], entry[2])
local locked = is_locked(entry[2]) and entry[3]
if not locked and live(ARGV[2]) == 0 then
    set_fields('meta', '')
    live(ARGV[2])
end
local kept = kept_meta(entry[1])
if mark or kept then
    set_fields('value', ARGV[1], 'meta', mark and with_mark(kept, mark) or kept)
else
    set_fields('value', ARGV[1])
    drop_fields('meta')
end
if life_left() == -1 then -- what was there has ended meanwhile
    live(ARGV[2])
end
return { 'DONE' }
