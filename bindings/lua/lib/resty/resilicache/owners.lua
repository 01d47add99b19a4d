-- owners: who does what a call asks for: the connections that the worker shares, or one of the request's own.  What one
-- of them has written is seen by all of them: they share a session, which is kept by a handle that does nothing else.

local library = require "resty.resilicache.ffi"
local lines = require "resty.resilicache.lines"
local Shared = require "resty.resilicache.shared"
local socket = require "resty.resilicache.socket"
local Solo = require "resty.resilicache.solo"
local timer = require "resty.resilicache.timer"

local SOLOS_KEPT = 16

local owners = {}

local first_request = setmetatable({}, { __mode = "v" })
local lives_on = false

-- With `lua_code_cache off`, each request has a Lua state of its own, which should not be kept by a timer.  So there
-- are none before a second request.
local function outlives_a_request()
    if not lives_on then
        local context = ngx.ctx
        lives_on = first_request.seen and first_request.context ~= context or false
        first_request.seen, first_request.context = true, context
    end
    return lives_on
end

-- The handle that keeps the worker's session; or nil, why not, and the status.
local function session_of(cache)
    if not cache.session then
        if ngx.get_phase() == "init" then
            return nil, "not available in init_by_lua, before there are workers", "RCACHE_E_UNSUPPORTED"
        end
        local err, status
        cache.session, err, status = library.open(cache.url, cache.options)
        return cache.session, err, status
    end
    return cache.session
end

--- Has the library do `what` with it; or nil, why not, and the status.
function owners.ask_session(cache, what, ...)
    local session, err, status = session_of(cache)
    if not session then
        return nil, err, status
    end
    return library[what](session, ...)
end

local function opened(cache, owner, err, status)
    if owner and cache.has_session then
        local ok
        ok, err, status = owners.ask_session(cache, "share_session", owner.handle)
        if not ok then
            owner:close()
            return nil, err, status
        end
    end
    if owner and cache.identity then
        owner:credentials(cache.identity)
    end
    return owner, err, status
end

local function solo(cache, by_lines)
    local owner = table.remove(cache.spare)
    if not owner then
        local err, status
        owner, err, status = opened(cache, Solo.new(cache.url, cache.options, cache.pool))
        if not owner then
            return nil, err, status
        end
        cache.solos[owner] = true
    end
    owner.by_lines = by_lines
    return owner
end

-- Opened by the worker that uses it, as nothing that nginx's master opened would be of use to it.
local function shared(cache)
    if not cache.shared then
        local err, status
        cache.shared, err, status = opened(cache, Shared.new(cache.url, cache.options, cache.is_local))
        return cache.shared, err, status
    end
    return cache.shared
end

-- What is in the process needs no sockets, and no master.
local function local_owner(cache)
    if ngx.get_phase() == "init" then
        return socket.available()
    end
    return shared(cache)
end

--- Returns an owner; or nil, why not, and the status.
function owners.of(cache, is_large)
    if cache.closed then
        return nil, "the cache was closed", "RCACHE_E_CLOSED"
    elseif cache.is_local then
        return local_owner(cache)
    end
    local ok, err, status = socket.available()
    if not ok then
        return nil, err, status
    elseif is_large or timer.exiting or not outlives_a_request() then
        return solo(cache, is_large)
    end
    local owner
    owner, err, status = shared(cache)
    if owner and not owner:start() then
        return solo(cache, is_large)
    end
    return owner, err, status
end

function owners.release(cache, owner)
    if owner == cache.shared then
        return
    end
    local is_settled = owner:release()
    if is_settled and not cache.closed and #cache.spare < SOLOS_KEPT then
        cache.spare[#cache.spare + 1] = owner
    elseif owner.handle then
        lines.add(cache.past, owner:stats())
        owner:close()
    end
end

--- Whether there are shared connections to be had.
function owners.can_share()
    return lives_on and not timer.exiting
end

return owners
