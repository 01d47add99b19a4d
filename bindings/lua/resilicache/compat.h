/* compat: where the C API of Lua 5.4 differs from that of Lua 5.1 and LuaJIT. */
#ifndef RESILICACHE_LUA_COMPAT_H
#define RESILICACHE_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM == 501

#  define lua_rawlen lua_objlen

static inline void compat_set_functions(lua_State *L, const luaL_Reg *functions) {
    luaL_register(L, NULL, functions);
}

/* Pops a value, which then lives as long as the userdata below it. */
static inline void compat_anchor(lua_State *L) {
    lua_createtable(L, 1, 0);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
    lua_setfenv(L, -2);
}

static inline void compat_push_anchored(lua_State *L, int index) {
    lua_getfenv(L, index);
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
}

#elif LUA_VERSION_NUM >= 503

static inline void compat_set_functions(lua_State *L, const luaL_Reg *functions) {
    luaL_setfuncs(L, functions, 0);
}

static inline void compat_anchor(lua_State *L) {
    lua_setuservalue(L, -2);
}

static inline void compat_push_anchored(lua_State *L, int index) {
    lua_getuservalue(L, index);
}

#else
#  error "this binding knows Lua 5.1, 5.3, 5.4 and LuaJIT"
#endif

#endif
