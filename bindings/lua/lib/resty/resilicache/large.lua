-- large: which keys had large values of late.  Two generations, so that it stays small.

local LARGE_SIZE = 65536 -- below, what a connection of its own costs is more than what others wait
local GENERATION_MAX = 1000

local Large = {}
Large.__index = Large

function Large:has(key)
    return self.young[key] or self.old[key] or false
end

function Large:has_any(keys)
    for i = 1, #keys do
        if self:has(tostring(keys[i])) then
            return true
        end
    end
    return false
end

--- This is its value now.
function Large:note(key, value)
    if #value < LARGE_SIZE then
        if self:has(key) then
            self.young[key], self.old[key] = nil, nil
        end
        return
    end
    if not self.young[key] then
        if self.count == GENERATION_MAX then
            self.old, self.young, self.count = self.young, {}, 0
        end
        self.young[key] = true
        self.count = self.count + 1
    end
end

function Large.new()
    return setmetatable({ young = {}, old = {}, count = 0 }, Large)
end

return Large
