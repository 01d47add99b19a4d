/* binding: what the files of the Lua module share.
 *
 * Any call into Lua may raise, and that is a longjmp.  So every handle of the engine lies in a userdata that frees it
 * before the next such call, and no Lua code runs while the engine's does. */
#ifndef RESILICACHE_LUA_BINDING_H
#define RESILICACHE_LUA_BINDING_H

#include "compat.h"

#include <resilicache.h>
#include <stdbool.h>

#ifdef __GNUC__
#  pragma GCC visibility push(hidden)
#endif

/* ---- arguments: those that are of no use raise ---- */

struct text { /* a view, valid while the Lua value is on the stack */
    const char *data;
    uint32_t size;
};

struct keys { /* a flat batch, in a userdata on the stack */
    const char *data;
    const uint32_t *sizes;
    size_t count;
};

struct text argument_text(lua_State *L, int index);
/* Seconds, in milliseconds. */
int64_t argument_ms(lua_State *L, int index);
/* nil is 0: unknown. */
uint64_t argument_version(lua_State *L, int index);
/* As argument_ms; nil is 0, which the engine takes for the default. */
int64_t argument_optional_ms(lua_State *L, int index);
/* One key, a table of keys at `index`, or all arguments from there on; pushes what holds them. */
struct keys argument_keys(lua_State *L, int index);

/* ---- the cache: what resilicache.open returns ---- */

void cache_register(lua_State *L);
int cache_open(lua_State *L);
/* Raises if it is none, or a closed one. */
rcache *cache_at(lua_State *L, int index);
bool cache_is_closed(lua_State *L, int index);

/* ---- a flight: an op on its way, the load at hand, the result in the end ---- */

struct flight {
    rcache_op *op;
    rcache_load *load;
    rcache_result *result;
};

void flight_register(lua_State *L);
/* Pushes one; the cache at `cache_index` lives as long. */
struct flight *flight_new(lua_State *L, int cache_index);
/* Runs an op that needs no loader. */
void flight_run(struct flight *flight);
/* Lands: the functions below push the result, free it, and return how many values they pushed:
 * the value, nil where there is none, or nil, the message and the status of the first failure. */
int flight_return_value(lua_State *L, struct flight *flight);
/* true, for ops that only do something. */
int flight_return_done(lua_State *L, struct flight *flight);
/* The fence of the lock, a number. */
int flight_return_fence(lua_State *L, struct flight *flight);
/* How many of the keys were there. */
int flight_return_count(lua_State *L, struct flight *flight);
/* A table of the "name value" lines that the value consists of. */
int flight_return_lines(lua_State *L, struct flight *flight);

/* fetch(cache, key or keys, ttl, strong, inline, deadline): pushes a flight for the loop in resilicache.lua,
 * or nothing if the cache is closed. */
int flight_fetch(lua_State *L);

/* update(cache, key, owner, lease, deadline): as flight_fetch, for an update. */
int flight_update(lua_State *L);

/* Pushes a table of "name value" lines; whole numbers become numbers, but an owner stays text. */
void lines_push(lua_State *L, const char *text, size_t size);

#ifdef __GNUC__
#  pragma GCC visibility pop
#endif
#endif
