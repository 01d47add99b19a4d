/* module: resilicache.core, for resilicache.lua, which has what calls loaders. */
#include "binding.h"

#define EXPORT __attribute__((visibility("default")))

/* Before 1.0, a minor version may change anything. */
static void check_version(lua_State *L) {
    uint32_t version = rcache_version();
    if (version / 1000 != RCACHE_VERSION / 1000)
        luaL_error(L, "resilicache was built for libresilicache %d.%d, but finds %d.%d: rebuild it",
                   RCACHE_VERSION_MAJOR, RCACHE_VERSION_MINOR, (int)(version / 1000000),
                   (int)(version / 1000 % 1000));
}

EXPORT int luaopen_resilicache_core(lua_State *L);

int luaopen_resilicache_core(lua_State *L) {
    static const luaL_Reg functions[] = { { "open", cache_open }, { "fetch", flight_fetch },
                                          { "update", flight_update }, { NULL, NULL } };
    check_version(L);
    cache_register(L);
    flight_register(L);
    lua_newtable(L);
    compat_set_functions(L, functions);
    lua_pushfstring(L, "%d.%d.%d", RCACHE_VERSION_MAJOR, RCACHE_VERSION_MINOR, RCACHE_VERSION_PATCH);
    lua_setfield(L, -2, "version");
    luaL_getmetatable(L, "resilicache.cache");
    lua_getfield(L, -1, "__index");
    lua_setfield(L, -3, "methods");
    lua_pop(L, 1);
    return 1;
}
