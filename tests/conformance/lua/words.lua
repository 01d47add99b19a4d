-- Cases as they are written: chapters, cases, lines, words.  docs/conformance.md has the grammar.
local words = {}

local NAMED = { n = "\n", t = "\t", r = "\r", ["0"] = "\0" }

local function unescaped(text)
    return (text:gsub("\\(x%x%x)", function(hex)
        return ("\\%03d"):format(tonumber(hex:sub(2), 16))
    end):gsub("\\(%d%d%d)", function(code)
        return string.char(tonumber(code))
    end):gsub("\\(.)", function(letter)
        return NAMED[letter] or letter
    end))
end

-- The position of the quote that ends the text which begins at `at`, or nil.
local function closing(line, at)
    while true do
        local byte = line:sub(at, at)
        if byte == "" or byte == '"' then
            return byte ~= "" and at or nil
        end
        at = at + (byte == "\\" and 2 or 1)
    end
end

local function read_quoted(line, at, found)
    local stop = closing(line, at + 1)
    if not stop then
        error("a quoted text without its end", 0)
    end
    local text = unescaped(line:sub(at + 1, stop - 1))
    local count, behind = line:match("^%*(%d+)()", stop + 1)
    found[#found + 1] = { text = text:rep(tonumber(count or 1)), quoted = true }
    return behind or stop + 1
end

-- key*3 is key1 key2 key3.
local function read_bare(line, at, found)
    local text, behind = line:match('^([^%s"]+)()', at)
    local name, count = text:match("^(.*)%*(%d+)$")
    if not name then
        found[#found + 1] = { text = text }
    end
    for number = 1, tonumber(count or 0) do
        found[#found + 1] = { text = name .. number }
    end
    return behind
end

function words.of(line)
    local found, at = {}, 1
    while true do
        at = line:match("^%s*()", at)
        local byte = line:sub(at, at)
        if byte == "" or byte == "#" then
            return found
        end
        at = (byte == '"' and read_quoted or read_bare)(line, at, found)
    end
end

-- What is before the bare word `at`, and what is behind it.
function words.split(list, at)
    local before, behind, target = {}, {}, nil
    target = before
    for _, word in ipairs(list) do
        if target == before and word.text == at and not word.quoted then
            target = behind
        else
            target[#target + 1] = word
        end
    end
    return before, behind
end

function words.rest(list, from)
    local rest = {}
    for i = from or 2, #list do
        rest[#rest + 1] = list[i]
    end
    return rest
end

-- The cases of these files: chapter, name, needs, and lines with their place.
function words.read_cases(paths)
    local cases = {}
    for _, path in ipairs(paths) do
        local chapter, number = "", 0
        for raw in io.lines(path) do
            number = number + 1
            local text = raw:match("^%s*(.-)%s*$")
            local first, behind = text:match("^(%S+)%s*(.*)")
            local case = cases[#cases]
            if not first or first:sub(1, 1) == "#" then
                first = nil
            elseif first == "chapter" then
                chapter = behind
            elseif first == "case" then
                cases[#cases + 1] = { chapter = chapter, name = behind, needs = {}, lines = {} }
            elseif first == "needs" then
                for need in behind:gmatch("%S+") do
                    case.needs[#case.needs + 1] = need
                end
            else
                local place = path:match("[^/]*$") .. ":" .. number
                case.lines[#case.lines + 1] = { place = place, text = text }
            end
        end
    end
    return cases
end

return words
