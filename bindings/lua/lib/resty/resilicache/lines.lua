-- lines: "name value" texts, as tables.

local lines = {}

-- Whole numbers become numbers, but an owner stays a text.
function lines.parse(text)
    local found = {}
    for name, value in text:gmatch "([^ \n]+) ([^\n]*)" do
        local is_number = name ~= "owner" and #value <= 18 and value:find "^%-?%d+$"
        found[name] = is_number and tonumber(value) or value
    end
    return found
end

--- Adds the numbers of `more` to those of `sum`.
function lines.add(sum, more)
    for name, value in pairs(more) do
        sum[name] = (sum[name] or 0) + value
    end
    return sum
end

return lines
