-- socket: one connection of a step, over a cosocket, whoever owns it.

local library = require "resty.resilicache.ffi"

local C = library.C
local tonumber = tonumber

local CHUNK_SIZE = 65536
local SEND_MS = 10000
local READ_MS_MAX = 2 ^ 31 - 1

local socket = {}

-- Where nginx lets Lua wait for something.
local WAITING_PHASES = {
    rewrite = true, access = true, content = true, timer = true, server_rewrite = true, precontent = true,
    ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true,
}

--- Whether the phase at hand has sockets and can wait; else why not, and the status.
function socket.available()
    local phase = ngx.get_phase()
    if WAITING_PHASES[phase] then
        return true
    end
    return nil, ("not available in %s_by_lua, where nginx has no sockets"):format(phase), "RCACHE_E_UNSUPPORTED"
end

-- Host and port, or a path, as cosockets take them.  They ask a name server for names, and it may not know this one.
local function target_of(address)
    local path = address:match "^unix://(.*)$"
    if path then
        return "unix:" .. path
    end
    local host, port = address:match "^%w+://(.*):(%d+)$"
    return host == "localhost" and "127.0.0.1" or host, tonumber(port)
end

--- TLS where the address wants it, which a pooled connection has already.  nginx says whom to trust.
local function encrypt(sock, address)
    local host = address:match "^rediss://%[?(.-)%]?:%d+$"
    if not host then
        return true
    end
    -- Some versions of lua-resty-core raise an assertion where a certificate is refused.
    local done, ok, err = pcall(sock.sslhandshake, sock, nil, host, true)
    if done and ok then
        return true
    end
    sock:close()
    return nil, ("no TLS: %s; lua_ssl_trusted_certificate in nginx.conf names the CAs that are trusted"):format(
        done and err or "the handshake failed")
end

local function words_of(err)
    if err:find("no resolver defined", 1, true) then
        return err .. ": name a resolver in nginx.conf, or write the server's address as a number"
    end
    return err
end

--- Connects link.socket, from the pool of that name, if it is given.  Returns nil and why not, where it fails.
function socket.connect(link, pool, pool_size)
    local sock = ngx.socket.tcp()
    sock:settimeouts(math.max(link.connect_ms, 1), SEND_MS, READ_MS_MAX)
    local host, port = target_of(link.address)
    local options = pool and { pool = pool, pool_size = pool_size } or nil
    local ok, err
    if port then
        ok, err = sock:connect(host, port, options)
    else
        ok, err = sock:connect(host, options)
    end
    if not ok then
        return nil, words_of(err)
    end
    ok, err = encrypt(sock, link.address)
    if not ok then
        return nil, err
    end
    link.socket = sock
    return true
end

--- How long to wait for bytes, in seconds.
function socket.set_patience(link, seconds)
    link.socket:settimeouts(SEND_MS, SEND_MS, math.ceil(seconds * 1000))
end

--- Sends what has gathered.  Returns nil and why not, where it fails.
function socket.send(link)
    local out = link.out
    link.out = {}
    return link.socket:send(#out == 1 and out[1] or out)
end

local function hand_over(step, link, data)
    return tonumber(C.rcache_stepper_receive(step.stepper, link.node, data, #data))
end

-- In the middle of a large value, its rest comes in one piece.  Others need not wait for it.
local function hand_over_all(step, link, data)
    local size, err, part = hand_over(step, link, data), nil, nil
    while size > 0 and not err do
        step:drain()
        data, err, part = link.socket:receive(size)
        size = hand_over(step, link, data or part or "")
    end
    return not err, err, data
end

--- Waits for what has come, and hands it over.  Returns nil and why not, where it fails.
function socket.receive(step, link)
    local data, err = link.socket:receiveany(CHUNK_SIZE)
    if not data then
        return nil, err
    end
    return hand_over_all(step, link, data)
end

--- As receive, but line by line, so that a large value is read in one piece from its first byte on.  Returns that.
function socket.receive_line(step, link)
    link.read_line = link.read_line or link.socket:receiveuntil "\r\n"
    local line, err, part = link.read_line()
    if not line then
        hand_over(step, link, part or "")
        return nil, err
    end
    line = line .. "\r\n"
    local ok, body
    ok, err, body = hand_over_all(step, link, line)
    return ok, err, body ~= line and body or nil
end

return socket
