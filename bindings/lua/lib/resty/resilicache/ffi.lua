-- The library: where it is found, whether the declarations fit it, and what to call it with.

local ffi = require "ffi"
local cdef = require "resty.resilicache.cdef"

local SONAME = "libresilicache.so.0"

if not pcall(ffi.typeof, "rcache_event") then
    ffi.cdef(cdef.text)
    ffi.cdef "int memcmp(const void *, const void *, size_t);"
end

-- In lua_package_cpath, where an installation in a place of its own can be named; else where the linker looks.
local function load_library()
    local path = package.searchpath("libresilicache", package.cpath) or SONAME
    local ok, found = pcall(ffi.load, path)
    if not ok then
        error(("resty.resilicache needs %s: install it where the linker looks, or name its directory in " ..
            "lua_package_cpath, as \"/opt/resilicache/lib/?.so;;\" (%s)"):format(SONAME, found), 0)
    end
    return found
end

local C = load_library()

local function minor_of(version)
    return ("%d.%d"):format(math.floor(version / 1000000), math.floor(version / 1000) % 1000)
end

-- Before 1.0, a minor version may change anything.
local function check_version(version)
    if minor_of(version) ~= minor_of(cdef.version) then
        error(("resty.resilicache was made for libresilicache %s, but finds %s: install those that belong together")
            :format(minor_of(cdef.version), minor_of(version)), 0)
    end
end

check_version(C.rcache_version())

local library = {
    C = C,
    memcmp = ffi.C.memcmp,
    version = ("%s.%d"):format(minor_of(cdef.version), cdef.version % 1000),
}

local failure = ffi.new "rcache_error"

local function failed()
    return nil, ffi.string(failure.message), ffi.string(C.rcache_status_name(failure.status))
end

-- A cache and its stepper; `options` is a table of name and text.
function library.open(url, options)
    local set = ffi.gc(C.rcache_options_new(), C.rcache_options_free)
    for name, text in pairs(options) do
        if C.rcache_options_set(set, name, text, failure) ~= C.RCACHE_OK then
            return failed()
        end
    end
    local cache, stepper = ffi.new "rcache *[1]", ffi.new "rcache_stepper *[1]"
    if C.rcache_open(url, set, cache, failure) ~= C.RCACHE_OK then
        return failed()
    end
    cache = ffi.gc(cache[0], C.rcache_close)
    if C.rcache_stepper_new(cache, stepper, failure) ~= C.RCACHE_OK then
        return failed()
    end
    return cache, ffi.gc(stepper[0], C.rcache_stepper_free)
end

local function done(status)
    if status ~= C.RCACHE_OK then
        return failed()
    end
    return true
end

--- Of `cache`: true, or nil, a message and the status.
function library.set_option(cache, name, text)
    return done(C.rcache_set_option(cache, name, text, failure))
end

--- For the connections that `cache` will open: true, or nil, a message and the status.
function library.credentials(cache, identity)
    return done(C.rcache_credentials(cache, identity.user, identity.password, failure))
end

local token = ffi.new("char[?]", C.RCACHE_SESSION_SIZE)

--- What `cache` has written lately, and those that it shares a session with; or nil, a message and the status.
function library.session_token(cache)
    if C.rcache_session_token(cache, token, failure) ~= C.RCACHE_OK then
        return failed()
    end
    return ffi.string(token)
end

--- true, or nil, a message and the status.
function library.join_session(cache, text)
    return done(C.rcache_session_join(cache, text, failure))
end

--- `other`, which has not been used yet, gets the session of `cache`: true, or nil, a message and the status.
function library.share_session(cache, other)
    return done(C.rcache_session_share(other, cache, failure))
end

local index = ffi.new "size_t[1]"

-- Of the first key that failed: nil, the message and the name of the status; nothing where none did.
function library.failure_of(result)
    local status = C.rcache_result_status(result, index)
    if status ~= C.RCACHE_OK then
        local message = ffi.string(C.rcache_result_message(result, index[0]))
        local name = ffi.string(C.rcache_status_name(status))
        return message ~= "" and message or name, name
    end
end

return library
