/* arguments: Lua values as the engine wants them. */
#include "binding.h"

#include <string.h>

#define SECONDS_MAX 1e12
#define VERSION_MAX 9007199254740992.0 /* up to here Lua's numbers are whole in all its versions */

static uint32_t text_size(lua_State *L, int index, size_t size) {
    luaL_argcheck(L, size <= UINT32_MAX, index, "more than 4 GiB");
    return (uint32_t)size;
}

struct text argument_text(lua_State *L, int index) {
    size_t size;
    const char *data = luaL_checklstring(L, index, &size);
    return (struct text){ .data = data, .size = text_size(L, index, size) };
}

int64_t argument_ms(lua_State *L, int index) {
    lua_Number seconds = luaL_checknumber(L, index);
    /* Written so that "not a number" fails, too. */
    luaL_argcheck(L, seconds > 0 && seconds < SECONDS_MAX, index, "a time in seconds, above 0, expected");
    int64_t ms = (int64_t)(seconds * 1000 + 0.5);
    return ms > 0 ? ms : 1;
}

uint64_t argument_version(lua_State *L, int index) {
    if (lua_isnoneornil(L, index))
        return 0;
    lua_Number version = luaL_checknumber(L, index);
    bool whole = version >= 1 && version <= VERSION_MAX && version == (lua_Number)(uint64_t)version;
    luaL_argcheck(L, whole, index, "a version, a whole number from 1 to 2^53, expected");
    return (uint64_t)version;
}

int64_t argument_optional_ms(lua_State *L, int index) {
    return lua_isnoneornil(L, index) ? 0 : argument_ms(L, index);
}

/* Pushes key number `i` of those at `index`: of a table, or of the arguments themselves. */
static struct text push_key(lua_State *L, int index, size_t i) {
    bool in_table = lua_istable(L, index);
    int argument = in_table ? index : index + (int)i;
    if (in_table)
        lua_rawgeti(L, index, (int)i + 1);
    else
        lua_pushvalue(L, argument);
    size_t size = 0;
    const char *data = lua_tolstring(L, -1, &size);
    if (data == NULL)
        luaL_argerror(L, argument, lua_pushfstring(L, in_table ? "key %d is a %s, not a string"
                                                               : "string expected", (int)i + 1, luaL_typename(L, -1)));
    return (struct text){ .data = data, .size = text_size(L, argument, size) };
}

struct keys argument_keys(lua_State *L, int index) {
    luaL_checkany(L, index);
    size_t count = (size_t)(lua_istable(L, index) ? (int)lua_rawlen(L, index) : lua_gettop(L) - index + 1);
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += push_key(L, index, i).size;
        lua_pop(L, 1);
    }
    uint32_t *sizes = lua_newuserdata(L, count * sizeof *sizes + total + 1);
    char *data = (char *)(sizes + count);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct text key = push_key(L, index, i);
        memcpy(data + used, key.data, key.size);
        used += key.size;
        sizes[i] = key.size;
        lua_pop(L, 1);
    }
    return (struct keys){ .data = data, .sizes = sizes, .count = count };
}
