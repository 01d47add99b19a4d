-- native: arguments as the library takes them.  It copies them, so that these cells serve one call after the other.

local ffi = require "ffi"
local C = require("resty.resilicache.ffi").C

local native = {}

--- Seconds as milliseconds; nil as 0, which is the default.
function native.ms(seconds)
    return seconds and math.max(math.floor(seconds * 1000 + 0.5), 1) or 0
end

local function sizes_of_one()
    local cell = ffi.new "uint32_t[1]"
    return function(text)
        cell[0] = #text
        return cell
    end
end

native.key_size, native.value_size = sizes_of_one(), sizes_of_one()

--- All keys in one, their sizes, and how many they are.
function native.batch(keys)
    local sizes = ffi.new("uint32_t[?]", #keys)
    for i = 1, #keys do
        sizes[i - 1] = #tostring(keys[i])
    end
    return table.concat(keys), sizes, #keys
end

local function new_call(flags)
    return ffi.new("rcache_call", { struct_size = ffi.sizeof "rcache_call", flags = flags })
end

native.raw_call = new_call(C.RCACHE_RAW)

local fetch_call, version_call, lock_call = new_call(0), new_call(0), new_call(0)

function native.lock_call(wait, intent)
    lock_call.flags = (wait and C.RCACHE_WAIT or 0) + (intent and C.RCACHE_INTENT or 0)
    return lock_call
end

--- nil where there is no version.
function native.version_call(version)
    if not version then
        return nil
    end
    version_call.version = version
    return version_call
end

function native.fetch_call(call)
    if not call then
        return nil
    end
    fetch_call.flags = call.strong == nil and 0 or call.strong and C.RCACHE_STRONG or C.RCACHE_EVENTUAL
    fetch_call.deadline_ms = native.ms(call.deadline)
    fetch_call.session = call.session
    return fetch_call
end

local update_call = new_call(0)

--- Begins an update.
function native.update(handle, request)
    update_call.flags = request.intent and C.RCACHE_INTENT or 0
    update_call.deadline_ms = native.ms(request.deadline)
    local owner = request.owner or ""
    return C.rcache_op_update(handle, request.key, #request.key, owner, #owner, native.ms(request.lease), update_call)
end

return native
