#define _GNU_SOURCE
#include "support/scene.h"

#include "base/clock.h"
#include "support/stores.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int test_number; /* keeps the keys of tests apart */

int64_t scene_now_ms(void) {
    return clock_now_ms();
}

void scene_pause_ms(int ms) {
    usleep((useconds_t)ms * 1000);
}

rcache *scene_open(const char *options) {
    char url[512];
    const char *sign = options == NULL ? "" : strchr(store_now->url, '?') != NULL ? "&" : "?";
    snprintf(url, sizeof url, "%s%s%s", store_now->url, sign, options != NULL ? options : "");
    rcache *cache;
    rcache_error err;
    if (rcache_open(url, NULL, &cache, &err) != RCACHE_OK)
        fail_msg("%s: %s", url, err.message);
    return cache;
}

const char *key_of(const char *name) {
    static char keys[8][128];
    static size_t next;
    char *key = keys[next++ % 8];
    snprintf(key, 128, "test:%d:%d:%s", (int)getpid(), test_number, name);
    return key;
}

/* Runs the op to its end; what became of its one key. */
static struct answer answer_of(rcache_op *op, rcache_loader loader, void *arg) {
    struct answer answer = { 0 };
    rcache_result *result;
    rcache_value value;
    answer.status = rcache_op_run(op, loader, arg, &result);
    rcache_result_values(result, &value, 1);
    answer.outcome = value.outcome;
    if (value.size > 0)
        memcpy(answer.text, value.data, value.size < sizeof answer.text ? value.size : sizeof answer.text - 1);
    snprintf(answer.message, sizeof answer.message, "%s", rcache_result_message(result, 0));
    rcache_result_free(result);
    return answer;
}

struct answer run_one(rcache_op *op) {
    return answer_of(op, NULL, NULL);
}

void load_row(rcache_load *load, void *arg) {
    struct database *database = arg;
    char row[32];
    int size = database->empty ? 0 : snprintf(row, sizeof row, "v%d", database->row);
    database->loads++;
    database->reading++;
    while (database->held)
        scene_pause_ms(1);
    database->reading--;
    if (database->slow_ms > 0)
        scene_pause_ms(database->slow_ms);
    for (size_t i = 0; i < rcache_load_count(load); i++) {
        if (database->fails)
            rcache_load_fail(load, i, "the database is away");
        else if (database->absent)
            rcache_load_absent(load, i);
        else
            rcache_load_value(load, i, row, (size_t)size, 0);
    }
    rcache_load_finish(load);
}

struct answer fetch_until(rcache *cache, const char *key, struct database *database, uint32_t flags,
                          int64_t deadline_ms) {
    rcache_call call = { .struct_size = sizeof call, .flags = flags, .deadline_ms = deadline_ms };
    uint32_t size = (uint32_t)strlen(key);
    return answer_of(rcache_op_fetch(cache, key, &size, 1, 100000, &call), load_row, database);
}

struct answer fetch_seeing(rcache *cache, const char *key, struct database *database, const char *token) {
    rcache_call call = { .struct_size = sizeof call, .session = token };
    uint32_t size = (uint32_t)strlen(key);
    return answer_of(rcache_op_fetch(cache, key, &size, 1, 100000, &call), load_row, database);
}

struct answer fetch(rcache *cache, const char *key, struct database *database, uint32_t flags) {
    return fetch_until(cache, key, database, flags, 0);
}

struct answer get(rcache *cache, const char *key) {
    uint32_t size = (uint32_t)strlen(key);
    return run_one(rcache_op_get(cache, key, &size, 1, NULL));
}

struct answer set(rcache *cache, const char *key, const char *value, int64_t ttl_ms) {
    uint32_t size = (uint32_t)strlen(key), value_size = (uint32_t)strlen(value);
    return run_one(rcache_op_set(cache, key, &size, value, &value_size, 1, ttl_ms, NULL));
}

struct answer invalidate(rcache *cache, const char *key) {
    uint32_t size = (uint32_t)strlen(key);
    return run_one(rcache_op_invalidate(cache, key, &size, 1, NULL));
}

struct answer delete_key(rcache *cache, const char *key) {
    uint32_t size = (uint32_t)strlen(key);
    return run_one(rcache_op_delete(cache, key, &size, 1, NULL));
}

struct answer lock(rcache *cache, const char *key, const char *owner, int64_t lease_ms, uint32_t flags) {
    uint32_t size = (uint32_t)strlen(key);
    rcache_call call = { .struct_size = sizeof call, .flags = flags };
    return run_one(rcache_op_lock(cache, key, &size, 1, owner, strlen(owner), lease_ms, &call));
}

struct answer unlock(rcache *cache, const char *key, const char *owner) {
    uint32_t size = (uint32_t)strlen(key);
    return run_one(rcache_op_unlock(cache, key, &size, 1, owner, strlen(owner), NULL));
}

/* The rest of the line that starts with the word. */
static const char *line_of(const char *lines, const char *word) {
    static char found[128];
    size_t size = strlen(word);
    for (const char *at = lines; at != NULL && *at != '\0'; at = strchr(at, '\n'), at = at != NULL ? at + 1 : NULL)
        if (strncmp(at, word, size) == 0 && at[size] == ' ') {
            snprintf(found, sizeof found, "%.*s", (int)strcspn(at + size + 1, "\n"), at + size + 1);
            return found;
        }
    return "";
}

const char *inspect(rcache *cache, const char *key, const char *line) {
    static char lines[2048];
    uint32_t size = (uint32_t)strlen(key);
    rcache_result *result;
    rcache_value value;
    rcache_op_run(rcache_op_inspect(cache, key, &size, 1, NULL), NULL, NULL, &result);
    rcache_result_values(result, &value, 1);
    snprintf(lines, sizeof lines, "%.*s", (int)value.size, value.size > 0 ? (const char *)value.data : "");
    rcache_result_free(result);
    return line_of(lines, line);
}

int64_t counter(rcache *cache, const char *name) {
    char text[4096];
    rcache_stats(cache, text, sizeof text);
    long long number = -1;
    sscanf(line_of(text, name), "%lld", &number);
    return number;
}

static void *run_errand(void *arg) {
    struct errand *errand = arg;
    errand->answer = fetch(errand->cache, errand->key, errand->database, errand->flags);
    return NULL;
}

void errand_begin(struct errand *errand) {
    assert_int_equal(pthread_create(&errand->thread, NULL, run_errand, errand), 0);
}

struct answer errand_end(struct errand *errand) {
    pthread_join(errand->thread, NULL);
    return errand->answer;
}

static int next_test(void **state) {
    (void)state;
    test_number++;
    return 0;
}

static int run_group(const struct scene_tests *group) {
    char name[128];
    struct CMUnitTest tests[64];
    for (size_t i = 0; i < group->count; i++) {
        tests[i] = group->tests[i];
        tests[i].setup_func = next_test;
    }
    snprintf(name, sizeof name, "%s on %s", group->name, store_now->name);
    return _cmocka_run_group_tests(name, tests, group->count, NULL, NULL);
}

int scene_run_on(struct store *store, const struct scene_tests *groups, size_t count) {
    int failed = 0;
    store_now = store;
    for (size_t i = 0; i < count; i++)
        if (store->program != NULL || !groups[i].servers_only)
            failed += run_group(&groups[i]);
    return failed;
}

int scene_run(const struct scene_tests *groups, size_t count) {
    static struct store stores[STORES_MAX];
    size_t store_count = stores_start(stores);
    int failed = 0;
    for (size_t i = 0; i < store_count; i++)
        failed += scene_run_on(&stores[i], groups, count);
    stores_stop(stores, store_count);
    return failed;
}
