/* flight: an op on its way.  What it leaves behind when it is forgotten halfway, __gc ends. */
#include "binding.h"

#include <string.h>

#define FLIGHT "resilicache.flight"
#define SLICE_MS 1 /* enough to have a look at the sockets */

static struct flight *flight_at(lua_State *L, int index) {
    return luaL_checkudata(L, index, FLIGHT);
}

struct flight *flight_new(lua_State *L, int cache_index) {
    struct flight *flight = lua_newuserdata(L, sizeof *flight);
    *flight = (struct flight){ 0 };
    luaL_getmetatable(L, FLIGHT);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, cache_index);
    compat_anchor(L);
    return flight;
}

static void finish_load(struct flight *flight) {
    rcache_load_finish(flight->load);
    flight->load = NULL;
}

static void free_result(struct flight *flight) {
    rcache_result_free(flight->result);
    flight->result = NULL;
}

static int flight_collect(lua_State *L) {
    struct flight *flight = flight_at(L, 1);
    finish_load(flight);
    free_result(flight);
    rcache_op_free(flight->op);
    flight->op = NULL;
    return 0;
}

/* Waits for one event, if need be, and keeps what comes with it. */
static void step(struct flight *flight, int64_t timeout_ms) {
    rcache_event event;
    if (rcache_op_wait(flight->op, timeout_ms, &event) == RCACHE_EVENT_DONE) {
        flight->op = NULL;
        flight->result = event.result;
    }
    flight->load = event.load;
}

void flight_run(struct flight *flight) {
    while (flight->op != NULL)
        step(flight, -1);
}

static int push_fence(lua_State *L, uint64_t fence) {
    if (sizeof(lua_Integer) >= sizeof fence)
        lua_pushinteger(L, (lua_Integer)fence);
    else
        lua_pushnumber(L, (lua_Number)fence);
    return 1;
}

/* ---- loads: for the loop in resilicache.lua ---- */

/* Which keys the load at hand is for: their indexes, from 1, in the caller's table. */
static void push_indexes(lua_State *L, const rcache_load *load) {
    size_t count = rcache_load_count(load);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)rcache_load_position(load, i) + 1);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* flight:step(in_slices): whether it has landed, and the indexes of the keys to load, or nil. */
static int flight_step(lua_State *L) {
    struct flight *flight = flight_at(L, 1);
    bool in_slices = lua_toboolean(L, 2);
    if (flight->load != NULL || flight->op == NULL)
        return luaL_error(L, "resilicache: a flight goes on when its load is finished, and ends once");
    step(flight, in_slices ? SLICE_MS : -1);
    lua_pushboolean(L, flight->op == NULL);
    if (flight->load == NULL)
        return 1;
    push_indexes(L, flight->load);
    return 2;
}

static int flight_indexes(lua_State *L) {
    push_indexes(L, flight_at(L, 1)->load);
    return 1;
}

static size_t answer_index(lua_State *L, struct flight *flight) {
    lua_Integer index = luaL_checkinteger(L, 2);
    luaL_argcheck(L, index >= 1 && (size_t)index <= rcache_load_count(flight->load), 2, "not a key of this load");
    return (size_t)index - 1;
}

/* flight:answer(i, value): the i-th key of the load has this value; nil: has none.  Returns why not. */
static int flight_answer(lua_State *L) {
    struct flight *flight = flight_at(L, 1);
    size_t index = answer_index(L, flight);
    if (lua_isnoneornil(L, 3)) {
        rcache_load_absent(flight->load, index);
        return 0;
    }
    size_t size;
    const char *value = luaL_checklstring(L, 3, &size);
    int32_t status = rcache_load_value(flight->load, index, value, size, 0);
    if (status == RCACHE_OK)
        return 0;
    lua_pushfstring(L, "the loader's value of %d bytes can't be kept: %s", (int)size, rcache_status_name(status));
    return 1;
}

/* flight:version(i, version): that of the answer to the i-th key of the load. */
static int flight_version(lua_State *L) {
    struct flight *flight = flight_at(L, 1);
    rcache_load_version(flight->load, answer_index(L, flight), argument_version(L, 3));
    return 0;
}

/* flight:primary(): whether the load at hand is to read the primary database. */
static int flight_primary(lua_State *L) {
    lua_pushboolean(L, rcache_load_primary(flight_at(L, 1)->load));
    return 1;
}

/* flight:fail(message, permanent): no key of the load at hand gets a value. */
static int flight_fail(lua_State *L) {
    struct flight *flight = flight_at(L, 1);
    const char *message = luaL_checkstring(L, 2);
    bool permanent = lua_toboolean(L, 3);
    for (size_t i = 0; i < rcache_load_count(flight->load); i++)
        if (permanent)
            rcache_load_fail_permanent(flight->load, i, message);
        else
            rcache_load_fail(flight->load, i, message);
    return 0;
}

/* flight:fence(): of the lock that the load at hand is under. */
static int flight_fence(lua_State *L) {
    return push_fence(L, rcache_load_fence(flight_at(L, 1)->load));
}

/* flight:wanted(): whether the load at hand still has its lease or lock. */
static int flight_wanted(lua_State *L) {
    lua_pushboolean(L, rcache_load_wanted(flight_at(L, 1)->load));
    return 1;
}

static int flight_finish(lua_State *L) {
    finish_load(flight_at(L, 1));
    return 0;
}

/* ---- results ---- */

static int push_failure(lua_State *L, struct flight *flight) {
    size_t index = 0;
    int32_t status = rcache_result_status(flight->result, &index);
    const char *message = rcache_result_message(flight->result, index);
    lua_pushnil(L);
    lua_pushstring(L, message[0] != '\0' ? message : rcache_status_name(status));
    lua_pushstring(L, rcache_status_name(status));
    free_result(flight);
    return 3;
}

static bool failed(const struct flight *flight) {
    return rcache_result_status(flight->result, NULL) != RCACHE_OK;
}

static bool has_value(const rcache_value *value) {
    return value->outcome == RCACHE_HIT || value->outcome == RCACHE_LOADED || value->outcome == RCACHE_STALE;
}

static void push_value(lua_State *L, const rcache_value *value) {
    if (has_value(value))
        lua_pushlstring(L, value->size > 0 ? value->data : "", value->size);
    else
        lua_pushnil(L);
}

/* All values, in a userdata that is pushed. */
static rcache_value *push_values(lua_State *L, const struct flight *flight, size_t *count) {
    *count = rcache_result_values(flight->result, NULL, 0);
    rcache_value *values = lua_newuserdata(L, *count * sizeof *values + 1);
    rcache_result_values(flight->result, values, *count);
    return values;
}

int flight_return_value(lua_State *L, struct flight *flight) {
    if (failed(flight))
        return push_failure(L, flight);
    rcache_value value = { 0 };
    rcache_result_values(flight->result, &value, 1);
    push_value(L, &value);
    free_result(flight);
    return 1;
}

int flight_return_done(lua_State *L, struct flight *flight) {
    if (failed(flight))
        return push_failure(L, flight);
    free_result(flight);
    lua_pushboolean(L, true);
    return 1;
}

int flight_return_fence(lua_State *L, struct flight *flight) {
    if (failed(flight))
        return push_failure(L, flight);
    uint64_t fence = rcache_result_fence(flight->result, 0);
    free_result(flight);
    return push_fence(L, fence);
}

int flight_return_count(lua_State *L, struct flight *flight) {
    if (failed(flight))
        return push_failure(L, flight);
    size_t count;
    const rcache_value *values = push_values(L, flight, &count);
    lua_Integer done = 0;
    for (size_t i = 0; i < count; i++)
        done += values[i].outcome == RCACHE_DONE;
    free_result(flight);
    lua_pushinteger(L, done);
    return 1;
}

int flight_return_lines(lua_State *L, struct flight *flight) {
    if (failed(flight))
        return push_failure(L, flight);
    rcache_value value = { 0 };
    rcache_result_values(flight->result, &value, 1);
    if (has_value(&value))
        lines_push(L, value.data, value.size);
    else
        lua_pushnil(L);
    free_result(flight);
    return 1;
}

static int flight_value(lua_State *L) {
    return flight_return_value(L, flight_at(L, 1));
}

/* Pushes a table of index and value, without those that are absent or failed. */
static void push_value_table(lua_State *L, const struct flight *flight) {
    size_t count;
    const rcache_value *values = push_values(L, flight, &count);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_value(L, &values[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* flight:values(): a table of index and value, without those that are absent; where keys failed, nil, the message and
 * the status of the first, and the table of the others. */
static int flight_values(lua_State *L) {
    struct flight *flight = flight_at(L, 1);
    push_value_table(L, flight);
    if (!failed(flight)) {
        free_result(flight);
        return 1;
    }
    int table = lua_gettop(L);
    int count = push_failure(L, flight);
    lua_pushvalue(L, table);
    return count + 1;
}

/* flight:done(): true, or nil, the message and the status. */
static int flight_done(lua_State *L) {
    return flight_return_done(L, flight_at(L, 1));
}

/* ---- fetch, update ---- */

int flight_fetch(lua_State *L) {
    if (cache_is_closed(L, 1))
        return 0;
    rcache *cache = cache_at(L, 1);
    bool is_batch = lua_istable(L, 2);
    int64_t ttl_ms = argument_ms(L, 3);
    rcache_call call = { .struct_size = sizeof call, .deadline_ms = argument_optional_ms(L, 6) };
    if (!lua_isnoneornil(L, 4))
        call.flags |= lua_toboolean(L, 4) ? RCACHE_STRONG : RCACHE_EVENTUAL;
    if (lua_toboolean(L, 5))
        call.flags |= RCACHE_INLINE;
    if (!lua_isnoneornil(L, 7))
        call.session = luaL_checkstring(L, 7);
    if (is_batch) {
        struct keys keys = argument_keys(L, 2);
        struct flight *flight = flight_new(L, 1);
        flight->op = rcache_op_fetch(cache, keys.data, keys.sizes, keys.count, ttl_ms, &call);
    } else {
        struct text key = argument_text(L, 2);
        struct flight *flight = flight_new(L, 1);
        flight->op = rcache_op_fetch(cache, key.data, &key.size, 1, ttl_ms, &call);
    }
    return 1;
}

int flight_update(lua_State *L) {
    if (cache_is_closed(L, 1))
        return 0;
    rcache *cache = cache_at(L, 1);
    struct text key = argument_text(L, 2), owner = { NULL, 0 };
    if (!lua_isnoneornil(L, 3))
        owner = argument_text(L, 3);
    int64_t lease_ms = argument_optional_ms(L, 4);
    rcache_call call = { .struct_size = sizeof call, .deadline_ms = argument_optional_ms(L, 5) };
    call.flags = lua_toboolean(L, 6) ? RCACHE_INTENT : 0;
    struct flight *flight = flight_new(L, 1);
    flight->op = rcache_op_update(cache, key.data, key.size, owner.data, owner.size, lease_ms, &call);
    return 1;
}

void flight_register(lua_State *L) {
    static const luaL_Reg methods[] = {
        { "step", flight_step },   { "answer", flight_answer }, { "fail", flight_fail }, { "finish", flight_finish },
        { "version", flight_version },
        { "primary", flight_primary },
        { "value", flight_value }, { "values", flight_values }, { "indexes", flight_indexes },
        { "fence", flight_fence },
        { "wanted", flight_wanted }, { "done", flight_done },     { NULL, NULL },
    };
    luaL_newmetatable(L, FLIGHT);
    lua_pushcfunction(L, flight_collect);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    compat_set_functions(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
