-- A script as a server runs it, by the Lua that runs this file (5.1 to 5.4); what it calls goes out and the replies
-- come in, as RESP.  In: ["run", text, protocol, number of keys, keys...].  Out: ["call", words...], to be answered by
-- a reply, or a reply of the script behind ["done"].
local input, output = io.stdin, io.stdout
output:setvbuf('full')
local unpack = table.unpack or unpack
local load_text = loadstring or load

local function bulk(text)
    return '$' .. #text .. '\r\n' .. text .. '\r\n'
end

local function command(words)
    local parts = { '*' .. #words .. '\r\n' }
    for i = 1, #words do
        parts[i + 1] = bulk(words[i])
    end
    return table.concat(parts)
end

local function send(data)
    output:write(data)
    output:flush()
end

local function read()
    local line = input:read('*l')
    if not line then
        os.exit(0)
    end
    line = line:gsub('\r$', '')
    local kind, rest = line:sub(1, 1), line:sub(2)
    if kind == ':' then
        return math.floor(tonumber(rest))
    elseif kind == '$' and rest ~= '-1' then
        local text = tonumber(rest) > 0 and input:read(tonumber(rest)) or ''
        input:read(2)
        return text
    elseif kind == '*' and rest ~= '-1' then
        local list = {}
        for i = 1, tonumber(rest) do
            list[i] = read()
        end
        return list
    elseif kind == '+' then
        return { ok = rest }
    elseif kind == '-' then
        return { err = rest }
    end
    assert(kind == '_' or rest == '-1', line)
    return false
end

-- A number that has to be an integer: where there are floats of their own, 5.4 has both, and a server tells them apart.
local function integer(number, what)
    if (math.type and math.type(number) or number == math.floor(number) and 'integer') ~= 'integer' then
        error({ err = 'ERR a float as ' .. what .. ': ' .. tostring(number) })
    end
    return string.format('%d', number)
end

local function call(...)
    local words = { 'call', ... }
    for i = 2, select('#', ...) + 1 do
        if type(words[i]) == 'number' then
            words[i] = integer(words[i], 'an argument')
        elseif type(words[i]) ~= 'string' then
            error({ err = 'ERR Lua redis lib command arguments must be strings or integers' })
        end
    end
    send(command(words))
    return read()
end

local none -- as the client's protocol has it
local function encode(value)
    if type(value) == 'string' then
        return bulk(value)
    elseif type(value) == 'number' then
        return ':' .. integer(value, 'a reply') .. '\r\n'
    elseif value == true then
        return ':1\r\n'
    elseif type(value) ~= 'table' then
        return none
    elseif value.err then
        return '-' .. value.err .. '\r\n'
    elseif value.ok then
        return '+' .. value.ok .. '\r\n'
    end
    local parts = { '' }
    for i = 1, #value do -- as a server does: until the first nil
        if value[i] == nil then
            break
        end
        parts[#parts + 1] = encode(value[i])
    end
    parts[1] = '*' .. #parts - 1 .. '\r\n'
    return table.concat(parts)
end

local redis = {
    call = function(...)
        local reply = call(...)
        if type(reply) == 'table' and reply.err then
            error(reply)
        end
        return reply
    end,
    pcall = function(...)
        local ok, reply = pcall(call, ...)
        return reply
    end,
    error_reply = function(text)
        return { err = text }
    end,
    status_reply = function(text)
        return { ok = text }
    end,
}

local function protected()
    return setmetatable({ redis = redis }, {
        __index = function(_, name)
            return _G[name] or error({ err = "ERR Script attempted to access nonexistent global '" .. name .. "'" })
        end,
        __newindex = function(_, name)
            error({ err = "ERR Attempt to modify a readonly table: global '" .. name .. "'" })
        end,
    })
end

local function compiled(text, environment)
    if setfenv then
        local chunk, why = load_text(text, '@user_script')
        return chunk and setfenv(chunk, environment), why
    end
    return load_text(text, '@user_script', 't', environment)
end

local function run(text, count, words)
    local keys, arguments = {}, {}
    for i = 1, #words do
        table.insert(i <= count and keys or arguments, words[i])
    end
    local environment = protected()
    rawset(environment, 'KEYS', keys)
    rawset(environment, 'ARGV', arguments)
    local chunk, why = compiled(text, environment)
    if not chunk then
        return encode({ err = 'ERR Error compiling script: ' .. why })
    end
    local ok, reply = pcall(function()
        return encode((chunk()))
    end)
    return ok and reply or encode({ err = 'FAILED ' .. (type(reply) == 'table' and reply.err or tostring(reply)) })
end

while true do
    local words = read()
    none = words[3] == '3' and '_\r\n' or '$-1\r\n'
    local reply = run(words[2], tonumber(words[4]), { unpack(words, 5) })
    send(command({ 'done' }) .. reply)
end
