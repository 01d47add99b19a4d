/* cache: what resilicache.open returns, and the methods that need no loader. */
#include "binding.h"

#include <string.h>

#define CACHE "resilicache.cache"
#define OPTIONS "resilicache.options"

struct cache {
    rcache *handle; /* NULL once closed */
};

static struct cache *self(lua_State *L) {
    return luaL_checkudata(L, 1, CACHE);
}

bool cache_is_closed(lua_State *L, int index) {
    struct cache *cache = luaL_checkudata(L, index, CACHE);
    return cache->handle == NULL;
}

rcache *cache_at(lua_State *L, int index) {
    struct cache *cache = luaL_checkudata(L, index, CACHE);
    if (cache->handle == NULL)
        luaL_error(L, "attempt to use a closed cache");
    return cache->handle;
}

/* ---- opening and closing ---- */

static int options_collect(lua_State *L) {
    rcache_options **options = luaL_checkudata(L, 1, OPTIONS);
    rcache_options_free(*options);
    *options = NULL;
    return 0;
}

/* Pushes an empty set of options. */
static rcache_options *push_options(lua_State *L) {
    rcache_options **options = lua_newuserdata(L, sizeof *options);
    *options = NULL;
    luaL_getmetatable(L, OPTIONS);
    lua_setmetatable(L, -2);
    *options = rcache_options_new();
    if (*options == NULL)
        luaL_error(L, "not enough memory");
    return *options;
}

/* The option value on top of the stack, of the argument, as the engine wants it; what is none raises. */
static const char *option_text(lua_State *L, int argument, const char *name) {
    int type = lua_type(L, -1);
    if (type == LUA_TBOOLEAN)
        return lua_toboolean(L, -1) ? "yes" : "no";
    if (type != LUA_TSTRING && type != LUA_TNUMBER)
        luaL_argerror(L, argument, lua_pushfstring(L, "option '%s' is a %s, not a string, number or boolean", name,
                                                   luaL_typename(L, -1)));
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (strlen(text) != size)
        luaL_argerror(L, argument, lua_pushfstring(L, "option '%s' has a zero byte", name));
    return text;
}

/* Sets the options of the table at index 2. */
static int32_t read_options(lua_State *L, rcache_options *options, rcache_error *err) {
    lua_pushnil(L);
    while (lua_next(L, 2) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_argerror(L, 2, "names of options are strings");
        const char *name = lua_tostring(L, -2);
        int32_t status = rcache_options_set(options, name, option_text(L, 2, name), err);
        if (status != RCACHE_OK)
            return status;
        lua_pop(L, 1);
    }
    return RCACHE_OK;
}

static int return_error(lua_State *L, const rcache_error *err) {
    lua_pushnil(L);
    lua_pushstring(L, err->message);
    lua_pushstring(L, rcache_status_name(err->status));
    return 3;
}

/* Pushes the URL without user, password and options.  The URL was opened, so it has no '@' behind its host. */
static void push_shown_url(lua_State *L, const char *url) {
    size_t shown = strcspn(url, "?");
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    lua_pushlstring(L, url, (size_t)(host - url));
    for (const char *at = host; at < url + shown; at++) {
        if (*at == '@')
            host = at + 1;
    }
    lua_pushlstring(L, host, (size_t)(url + shown - host));
    lua_concat(L, 2);
}

/* open(url, options): a cache, or nil, the message and the status. */
int cache_open(lua_State *L) {
    size_t size;
    const char *url = luaL_checklstring(L, 1, &size);
    luaL_argcheck(L, strlen(url) == size, 1, "a zero byte in the URL");
    rcache_error err = RCACHE_ERROR_INIT;
    rcache_options *options = NULL;
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        options = push_options(L);
        if (read_options(L, options, &err) != RCACHE_OK)
            return return_error(L, &err);
    }
    struct cache *cache = lua_newuserdata(L, sizeof *cache);
    cache->handle = NULL;
    luaL_getmetatable(L, CACHE);
    lua_setmetatable(L, -2);
    if (rcache_open(url, options, &cache->handle, &err) != RCACHE_OK)
        return return_error(L, &err);
    push_shown_url(L, url);
    compat_anchor(L);
    return 1;
}

/* Ends what is under way; may be called again. */
static int cache_close(lua_State *L) {
    struct cache *cache = self(L);
    rcache *handle = cache->handle;
    cache->handle = NULL;
    rcache_close(handle);
    lua_pushboolean(L, true);
    return 1;
}

static int cache_to_string(lua_State *L) {
    bool closed = self(L)->handle == NULL;
    compat_push_anchored(L, 1);
    lua_pushfstring(L, "resilicache.cache (%s%s)", lua_tostring(L, -1), closed ? ", closed" : "");
    return 1;
}

static int cache_stats(lua_State *L) {
    rcache *cache = cache_at(L, 1);
    size_t capacity = rcache_stats(cache, NULL, 0) + 64; /* numbers may grow meanwhile */
    char *text = lua_newuserdata(L, capacity);
    rcache_stats(cache, text, capacity);
    lines_push(L, text, strlen(text));
    return 1;
}

static const char *optional_word(lua_State *L, int index) {
    size_t size;
    const char *word = luaL_optlstring(L, index, NULL, &size);
    luaL_argcheck(L, word == NULL || strlen(word) == size, index, "a zero byte in it");
    return word;
}

/* cache:credentials(user, password): true.  For connections that are opened from now on; nil: what URL and options
 * say. */
static int cache_credentials(lua_State *L) {
    rcache_error err = RCACHE_ERROR_INIT;
    if (rcache_credentials(cache_at(L, 1), optional_word(L, 2), optional_word(L, 3), &err) != RCACHE_OK)
        return return_error(L, &err);
    lua_pushboolean(L, true);
    return 1;
}

/* cache:set_option(name, value): true.  disable_cache_read and disable_cache_delete alone. */
static int cache_set_option(lua_State *L) {
    rcache_error err = RCACHE_ERROR_INIT;
    const char *name = luaL_checkstring(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    if (rcache_set_option(cache_at(L, 1), name, option_text(L, 3, name), &err) != RCACHE_OK)
        return return_error(L, &err);
    lua_pushboolean(L, true);
    return 1;
}

/* cache:session_token(): what this cache has written lately, a text. */
static int cache_session_token(lua_State *L) {
    char token[RCACHE_SESSION_SIZE];
    rcache_error err = RCACHE_ERROR_INIT;
    if (rcache_session_token(cache_at(L, 1), token, &err) != RCACHE_OK)
        return return_error(L, &err);
    lua_pushstring(L, token);
    return 1;
}

/* cache:join_session(token): true.  Fetches see what the cache that it is of had written. */
static int cache_join_session(lua_State *L) {
    rcache_error err = RCACHE_ERROR_INIT;
    if (rcache_session_join(cache_at(L, 1), luaL_checkstring(L, 2), &err) != RCACHE_OK)
        return return_error(L, &err);
    lua_pushboolean(L, true);
    return 1;
}

/* ---- values ---- */

static int set(lua_State *L, uint32_t flags) {
    rcache *cache = cache_at(L, 1);
    struct text key = argument_text(L, 2), value = argument_text(L, 3);
    int64_t ttl_ms = argument_ms(L, 4);
    rcache_call call = { .struct_size = sizeof call, .flags = flags, .version = argument_version(L, 5) };
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_set(cache, key.data, &key.size, value.data, &value.size, 1, ttl_ms, &call);
    flight_run(flight);
    return flight_return_done(L, flight);
}

static int get(lua_State *L, uint32_t flags) {
    rcache *cache = cache_at(L, 1);
    struct text key = argument_text(L, 2);
    rcache_call call = { .struct_size = sizeof call, .flags = flags };
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_get(cache, key.data, &key.size, 1, &call);
    flight_run(flight);
    return flight_return_value(L, flight);
}

/* cache:set(key, value, ttl): true */
static int cache_set(lua_State *L) {
    return set(L, 0);
}

static int cache_raw_set(lua_State *L) {
    return set(L, RCACHE_RAW);
}

/* cache:get(key): the value, or nil where there is none */
static int cache_get(lua_State *L) {
    return get(L, 0);
}

static int cache_raw_get(lua_State *L) {
    return get(L, RCACHE_RAW);
}

/* cache:delete(key, ...) or of a table of keys: how many were there */
static int cache_delete(lua_State *L) {
    rcache *cache = cache_at(L, 1);
    struct keys keys = argument_keys(L, 2);
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_delete(cache, keys.data, keys.sizes, keys.count, NULL);
    flight_run(flight);
    return flight_return_count(L, flight);
}

/* cache:invalidate(key, ...) or of a table of keys: true */
static int cache_invalidate(lua_State *L) {
    rcache *cache = cache_at(L, 1);
    struct keys keys = argument_keys(L, 2);
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_invalidate(cache, keys.data, keys.sizes, keys.count, NULL);
    flight_run(flight);
    return flight_return_done(L, flight);
}

/* cache:invalidate_version(version, key, ...) or of a table of keys: true */
static int cache_invalidate_version(lua_State *L) {
    rcache *cache = cache_at(L, 1);
    rcache_call call = { .struct_size = sizeof call, .version = argument_version(L, 2) };
    lua_remove(L, 2);
    struct keys keys = argument_keys(L, 2);
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_invalidate(cache, keys.data, keys.sizes, keys.count, &call);
    flight_run(flight);
    return flight_return_done(L, flight);
}

/* cache:inspect(key): a table, or nil where there is no entry */
static int cache_inspect(lua_State *L) {
    rcache *cache = cache_at(L, 1);
    struct text key = argument_text(L, 2);
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_inspect(cache, key.data, &key.size, 1, NULL);
    flight_run(flight);
    return flight_return_lines(L, flight);
}

/* ---- locks for update ---- */

/* cache:lock_for_update(key, owner, lease, wait, intent): its fence, more than that of any lock of this key before.
 * `wait` waits for another's lock to end; with `intent` nobody is given the value that is to be replaced. */
static int cache_lock(lua_State *L) {
    rcache *cache = cache_at(L, 1);
    struct text key = argument_text(L, 2), owner = argument_text(L, 3);
    int64_t lease_ms = argument_optional_ms(L, 4);
    rcache_call call = { .struct_size = sizeof call, .flags = lua_toboolean(L, 5) ? RCACHE_WAIT : 0 };
    call.flags |= lua_toboolean(L, 6) ? RCACHE_INTENT : 0;
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_lock(cache, key.data, &key.size, 1, owner.data, owner.size, lease_ms, &call);
    flight_run(flight);
    return flight_return_fence(L, flight);
}

/* cache:renew_for_update(key, owner, lease): true.  The lock lives for the lease from now. */
static int cache_renew(lua_State *L) {
    rcache *cache = cache_at(L, 1);
    struct text key = argument_text(L, 2), owner = argument_text(L, 3);
    int64_t lease_ms = argument_optional_ms(L, 4);
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_renew(cache, key.data, &key.size, 1, owner.data, owner.size, lease_ms, NULL);
    flight_run(flight);
    return flight_return_done(L, flight);
}

/* cache:unlock_for_update(key, owner): true */
static int cache_unlock(lua_State *L) {
    rcache *cache = cache_at(L, 1);
    struct text key = argument_text(L, 2), owner = argument_text(L, 3);
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_unlock(cache, key.data, &key.size, 1, owner.data, owner.size, NULL);
    flight_run(flight);
    return flight_return_done(L, flight);
}

void cache_register(lua_State *L) {
    static const luaL_Reg methods[] = {
        { "set", cache_set },         { "get", cache_get },         { "raw_set", cache_raw_set },
        { "raw_get", cache_raw_get }, { "delete", cache_delete },   { "invalidate", cache_invalidate },
        { "invalidate_version", cache_invalidate_version },
        { "inspect", cache_inspect }, { "stats", cache_stats },     { "lock_for_update", cache_lock },
        { "close", cache_close },     { "unlock_for_update", cache_unlock },
        { "renew_for_update", cache_renew }, { "credentials", cache_credentials },
        { "session_token", cache_session_token },
        { "join_session", cache_join_session }, { "set_option", cache_set_option },  { NULL, NULL },
    };
    static const luaL_Reg events[] = {
        { "__gc", cache_close }, { "__close", cache_close }, { "__tostring", cache_to_string }, { NULL, NULL },
    };
    luaL_newmetatable(L, OPTIONS);
    lua_pushcfunction(L, options_collect);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newmetatable(L, CACHE);
    compat_set_functions(L, events);
    lua_newtable(L);
    compat_set_functions(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
