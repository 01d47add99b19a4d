-- In this directory, with libresilicache installed in PREFIX:  luarocks make RESILICACHE_DIR=PREFIX
package = "resilicache"
version = "0.1.0-1"
source = { url = "file://resilicache-0.1.0.tar.gz" }
description = {
    summary = "Cache consistency for programs that keep their truth in a database and their speed in Redis",
    license = "Apache-2.0",
}
dependencies = { "lua >= 5.1, < 5.5", "lua ~= 5.2" }
external_dependencies = { RESILICACHE = { header = "resilicache.h", library = "resilicache" } }
build = {
    type = "builtin",
    modules = {
        resilicache = "lib/resilicache.lua",
        ["resilicache.arguments"] = "lib/resilicache/arguments.lua",
        ["resilicache.loads"] = "lib/resilicache/loads.lua",
        ["resty.resilicache"] = "lib/resty/resilicache.lua",
        ["resty.resilicache.calls"] = "lib/resty/resilicache/calls.lua",
        ["resty.resilicache.cdef"] = "lib/resty/resilicache/cdef.lua",
        ["resty.resilicache.ffi"] = "lib/resty/resilicache/ffi.lua",
        ["resty.resilicache.large"] = "lib/resty/resilicache/large.lua",
        ["resty.resilicache.lines"] = "lib/resty/resilicache/lines.lua",
        ["resty.resilicache.native"] = "lib/resty/resilicache/native.lua",
        ["resty.resilicache.owners"] = "lib/resty/resilicache/owners.lua",
        ["resty.resilicache.shared"] = "lib/resty/resilicache/shared.lua",
        ["resty.resilicache.socket"] = "lib/resty/resilicache/socket.lua",
        ["resty.resilicache.solo"] = "lib/resty/resilicache/solo.lua",
        ["resty.resilicache.step"] = "lib/resty/resilicache/step.lua",
        ["resty.resilicache.timer"] = "lib/resty/resilicache/timer.lua",
        ["resilicache.core"] = {
            sources = {
                "resilicache/arguments.c", "resilicache/cache.c", "resilicache/flight.c", "resilicache/lines.c",
                "resilicache/module.c",
            },
            libraries = { "resilicache" },
            incdirs = { "$(RESILICACHE_INCDIR)" },
            libdirs = { "$(RESILICACHE_LIBDIR)" },
        },
    },
}
