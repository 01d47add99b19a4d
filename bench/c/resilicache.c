/* Ours: one cache for all callers. */
#include "worker.h"

#include <resilicache.h>
#include <stdlib.h>

struct own {
    const struct task *task;
    rcache *cache;
    uint32_t *sizes; /* of a batch */
    rcache_value *values;
};

static void *open_cache(const struct task *task) {
    rcache *cache;
    rcache_error err;
    if (rcache_open(task->url, NULL, &cache, &err) != RCACHE_OK)
        die("%s", err.message);
    return cache;
}

static void *join(const struct task *task, void *all) {
    struct own *own = malloc(sizeof *own);
    uint32_t *sizes = calloc(task->batch + 1, sizeof *sizes);
    rcache_value *values = calloc(task->batch + 1, sizeof *values);
    if (own == NULL || sizes == NULL || values == NULL)
        die("no memory for a batch of %zu", task->batch);
    for (size_t i = 0; i < task->batch; i++)
        sizes[i] = (uint32_t)task->key_size;
    *own = (struct own){ task, all, sizes, values };
    return own;
}

static void set(void *arg, const char *key, size_t key_size, const char *value, size_t size) {
    struct own *own = arg;
    uint32_t sizes[] = { (uint32_t)key_size, (uint32_t)size };
    rcache_result *result;
    if (rcache_op_run(rcache_op_set(own->cache, key, &sizes[0], value, &sizes[1], 1, TTL_MS, NULL), NULL, NULL,
                      &result) != RCACHE_OK)
        die("set: %s", rcache_result_message(result, 0));
    rcache_result_free(result);
}

static void miss(rcache_load *load, void *arg) {
    (void)arg;
    for (size_t i = 0; i < rcache_load_count(load); i++)
        rcache_load_fail(load, i, "a miss where there has to be a hit");
    rcache_load_finish(load);
}

static size_t hit(void *arg, const char *key, size_t key_size) {
    struct own *own = arg;
    rcache_result *result;
    rcache_value value;
    if (rcache_fetch(own->cache, key, key_size, TTL_MS, miss, NULL, NULL, &result) != RCACHE_OK)
        die("fetch: %s", rcache_result_message(result, 0));
    rcache_result_values(result, &value, 1);
    rcache_result_free(result);
    return value.size;
}

static size_t batch(void *arg, size_t first, size_t count) {
    struct own *own = arg;
    rcache_result *result;
    size_t index = 0, there = 0;
    rcache_op *op = rcache_op_fetch(own->cache, task_key(own->task, first), own->sizes, count, TTL_MS, NULL);
    if (rcache_op_run(op, miss, NULL, &result) != RCACHE_OK && rcache_result_status(result, &index) != RCACHE_OK)
        die("fetch: %s", rcache_result_message(result, index));
    rcache_result_values(result, own->values, count);
    for (size_t i = 0; i < count; i++)
        there += own->values[i].size == own->task->size;
    rcache_result_free(result);
    return there;
}

const struct contender contender_resilicache = { "resilicache", open_cache, join, set, hit, batch };
