#include "abi/handle.h"

#include "base/clock.h"

size_t rcache_load_count(const rcache_load *load) {
    return load != NULL ? load_of_const(load)->count : 0;
}

const void *rcache_load_key(const rcache_load *handle, size_t index, size_t *size) {
    const struct load *load = load_of_const(handle);
    bool exists = load != NULL && index < load->count;
    struct slice key = exists ? op_key(load->op, load->items[index].position) : slice_of(NULL, 0);
    if (size != NULL)
        *size = key.size;
    return key.data;
}

size_t rcache_load_position(const rcache_load *handle, size_t index) {
    const struct load *load = load_of_const(handle);
    return load != NULL && index < load->count ? load->items[index].position : SIZE_MAX;
}

uint64_t rcache_load_fence(const rcache_load *handle) {
    return handle != NULL ? (uint64_t)load_of_const(handle)->op->slots[0].fence : 0;
}

int32_t rcache_load_wanted(const rcache_load *handle) {
    return handle != NULL && load_of_const(handle)->wanted > 0;
}

int32_t rcache_load_primary(const rcache_load *handle) {
    return handle != NULL && load_of_const(handle)->primary;
}

static int32_t answer(rcache_load *handle, size_t index, enum answer_kind kind, const void *data, size_t size,
                      int64_t ttl_ms) {
    struct load *load = load_of(handle);
    if (load == NULL || index >= load->count || ttl_ms < 0 || (data == NULL && size > 0))
        return RCACHE_E_INVALID;
    if (size > VALUE_SIZE_MAX)
        return RCACHE_E_LIMIT;
    struct blob *value = kind == ANSWER_ABSENT ? NULL : blob_copy(data, size);
    if (value == NULL && kind != ANSWER_ABSENT)
        return RCACHE_E_NOMEM;
    struct load_item *item = &load->items[index];
    blob_drop(item->value);
    item->value = value;
    item->answer = kind;
    item->ttl_ms = ttl_ms;
    return RCACHE_OK;
}

int32_t rcache_load_value(rcache_load *load, size_t index, const void *data, size_t size, int64_t ttl_ms) {
    return answer(load, index, ANSWER_VALUE, data, size, ttl_ms);
}

int32_t rcache_load_absent(rcache_load *load, size_t index) {
    return answer(load, index, ANSWER_ABSENT, NULL, 0, 0);
}

int32_t rcache_load_version(rcache_load *handle, size_t index, uint64_t version) {
    struct load *load = load_of(handle);
    if (load == NULL || index >= load->count || version > INT64_MAX)
        return RCACHE_E_INVALID;
    load->items[index].version = (int64_t)version;
    return RCACHE_OK;
}

static int32_t fail(rcache_load *load, size_t index, enum answer_kind kind, const char *message) {
    message = message != NULL && message[0] != '\0' ? message : "the loader failed";
    return answer(load, index, kind, message, strlen(message), 0);
}

int32_t rcache_load_fail(rcache_load *load, size_t index, const char *message) {
    return fail(load, index, ANSWER_FAILED, message);
}

int32_t rcache_load_fail_permanent(rcache_load *load, size_t index, const char *message) {
    return fail(load, index, ANSWER_REFUSED, message);
}

void rcache_load_finish(rcache_load *handle) {
    struct load *load = load_of(handle);
    if (load == NULL)
        return;
    struct rcache *cache = load->driver;
    if (cache_forked(cache))
        return; /* the load is the parent's: here it is only a copy */
    struct op *op = op_hold(load->op); /* its call may be the one that is attended */
    struct call *attended = call_attends(call_of(op));
    engine_finish_load(cache_lock_engine(cache), load, clock_now_ms());
    if (op->unsettled == 0) /* its thread has nothing to wait for: others, who go again, must be made to lead */
        attended = NULL;
    cache_unlock_engine(cache, attended);
    op_drop(op);
    cache_drop(cache);
}
