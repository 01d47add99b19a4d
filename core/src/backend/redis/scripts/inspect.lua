local entry = fields('value', 'lockUntil', 'lockOwner', 'meta')
if not exists() then
    return { 'MISS' }
end
local lease = entry[2]
local ends = lease_end(lease)
local state, left = 'invalidated', -1
if not lease then
    state = not entry[1] and 'empty' or is_over(entry[4]) and 'lapsed' or 'fresh'
elseif entry[3] and is_locked(lease) then
    state = 'locked'
    left = life_left()
elseif ends > now then
    state = entry[3] and 'leased' or 'backoff'
    left = ends - now
end
return { 'ENTRY', state, entry[1], life_left(), left, entry[3], lease, entry[4], layout(),
    number_item(entry[4], 's') and number_item(entry[4], 's') - now }
