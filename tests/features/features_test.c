/* What the product promises, a test for each promise, on every store. */
#include "support/scene.h"
#include "support/stores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Eventual consistency: after an invalidation, readers see the new value; the old one only until it is loaded. */
static void eventual_consistency(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    assert_string_equal(fetch(cache, key, &database, 0).text, "v1");
    database.row = 2;
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    struct answer stale = fetch(cache, key, &database, 0);
    assert_int_equal(stale.outcome, RCACHE_STALE);
    assert_string_equal(stale.text, "v1");
    wait_for(strcmp(fetch(cache, key, &database, 0).text, "v2") == 0);
    assert_int_equal(database.loads, 2);
    rcache_close(cache);
}

/* ... even if a loader that read the old row finishes after the invalidation. */
static void eventual_consistency_against_a_late_loader(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1, .held = true };
    struct errand late = { .cache = cache, .key = key_of("user"), .database = &database };
    errand_begin(&late);
    wait_for(database.reading == 1);
    database.row = 2;
    assert_int_equal(invalidate(cache, late.key).status, RCACHE_OK);
    database.held = false;
    assert_string_equal(errand_end(&late).text, "v1");
    assert_string_equal(fetch(cache, late.key, &database, 0).text, "v2");
    assert_int_equal(fetch(cache, late.key, &database, 0).outcome, RCACHE_HIT);
    assert_int_equal(counter(cache, "loads_lost"), 1);
    rcache_close(cache);
}

/* Strong consistency: a fetch begun after an invalidation was acknowledged never returns what was before. */
static void strong_consistency(void **state) {
    (void)state;
    rcache *cache = scene_open("strong_consistency=yes");
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    for (int row = 1; row <= 20; row++) {
        char expected[32];
        database.row = row;
        assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
        snprintf(expected, sizeof expected, "v%d", row);
        for (int i = 0; i < 3; i++)
            assert_string_equal(fetch(cache, key, &database, 0).text, expected);
    }
    assert_int_equal(database.loads, 20);
    rcache_close(cache);
}

struct watched {
    rcache *cache;
    const char *key;
    struct database *database;
    _Atomic int acknowledged;
    _Atomic bool over;
    _Atomic int wrong;
};

static void *read_strongly(void *arg) {
    struct watched *watched = arg;
    while (!watched->over) {
        int least = watched->acknowledged;
        struct answer answer = fetch(watched->cache, watched->key, watched->database, RCACHE_STRONG);
        if (answer.status != RCACHE_OK || atoi(answer.text + 1) < least)
            watched->wrong++;
    }
    return NULL;
}

static void strong_consistency_under_load(void **state) {
    (void)state;
    enum { READERS = 6, WRITES = 60 };
    struct database database = { .row = 1 };
    struct watched watched = {
        .cache = scene_open(NULL), .key = key_of("user"), .database = &database, .acknowledged = 1
    };
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_strongly, &watched), 0);
    for (int i = 0; i < WRITES; i++) {
        database.row++;
        assert_int_equal(invalidate(watched.cache, watched.key).status, RCACHE_OK);
        watched.acknowledged = database.row;
    }
    watched.over = true;
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(watched.wrong, 0);
    rcache_close(watched.cache);
}

/* Anti-breakdown: of all who want a cold key, in all processes, one loads. */
static void anti_breakdown(void **state) {
    (void)state;
    enum { CALLERS = 64 };
    bool memory = store_now->program == NULL;
    rcache *caches[2] = { scene_open(NULL), memory ? NULL : scene_open(NULL) };
    struct database database = { .row = 7, .slow_ms = 50 };
    static struct errand errands[CALLERS];
    const char *key = key_of("hot");
    for (int i = 0; i < CALLERS; i++) {
        errands[i] = (struct errand){ .cache = memory ? caches[0] : caches[i % 2], .key = key, .database = &database,
                                      .flags = i % 3 == 0 ? RCACHE_STRONG : 0 };
        errand_begin(&errands[i]);
    }
    for (int i = 0; i < CALLERS; i++)
        assert_string_equal(errand_end(&errands[i]).text, "v7");
    assert_int_equal(database.loads, 1);
    rcache_close(caches[0]);
    rcache_close(caches[1]);
}

/* Anti-penetration: that the database has no such row is remembered, too. */
static void anti_penetration(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .absent = true };
    const char *key = key_of("nobody");
    for (int i = 0; i < 10; i++)
        assert_int_equal(fetch(cache, key, &database, 0).outcome, RCACHE_ABSENT);
    assert_int_equal(database.loads, 1);
    rcache_close(cache);
    cache = scene_open("empty_expire=0");
    const char *other = key_of("nobody else");
    for (int i = 0; i < 3; i++)
        assert_int_equal(fetch(cache, other, &database, 0).outcome, RCACHE_ABSENT);
    assert_int_equal(database.loads, 4);
    rcache_close(cache);
}

/* Anti-avalanche: what was stored together doesn't expire together. */
static void anti_avalanche(void **state) {
    (void)state;
    enum { KEYS = 200 };
    rcache *cache = scene_open("random_expire_adjustment=0.1");
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < KEYS; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        const char *key = key_of(name);
        assert_int_equal(set(cache, key, "x", 100000).status, RCACHE_OK);
        int64_t ttl_ms = strtoll(inspect(cache, key, "ttl_ms"), NULL, 10);
        assert_in_range(ttl_ms, 88000, 100000);
        least = ttl_ms < least ? ttl_ms : least;
        most = ttl_ms > most ? ttl_ms : most;
    }
    assert_true(most - least > 5000);
    rcache_close(cache);
}

/* Batch query: one loader call for all that is missing, and only for that. */
static void batch_query(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 3 };
    char keys[256] = "";
    uint32_t sizes[4];
    const char *names[4] = { "a", "b", "c", "a" };
    for (int i = 0; i < 4; i++) {
        const char *key = key_of(names[i]);
        sizes[i] = (uint32_t)strlen(key);
        strcat(keys, key);
    }
    set(cache, key_of("b"), "cached", 100000);
    rcache_result *result;
    rcache_value values[4];
    assert_int_equal(rcache_op_run(rcache_op_fetch(cache, keys, sizes, 4, 100000, NULL), load_row, &database, &result),
                     0);
    assert_int_equal(rcache_result_values(result, values, 4), 4);
    const int32_t outcomes[] = { RCACHE_LOADED, RCACHE_HIT, RCACHE_LOADED, RCACHE_LOADED };
    for (int i = 0; i < 4; i++)
        assert_int_equal(values[i].outcome, outcomes[i]);
    assert_memory_equal(values[1].data, "cached", 6);
    rcache_result_free(result);
    assert_int_equal(database.loads, 1);
    assert_int_equal(rcache_op_run(rcache_op_invalidate(cache, keys, sizes, 3, NULL), NULL, NULL, NULL), 0);
    rcache_call strong = { .struct_size = sizeof strong, .flags = RCACHE_STRONG };
    database.row = 4;
    rcache_op_run(rcache_op_fetch(cache, keys, sizes, 4, 100000, &strong), load_row, &database, &result);
    rcache_result_values(result, values, 4);
    for (int i = 0; i < 4; i++)
        assert_memory_equal(values[i].data, "v4", 2);
    rcache_result_free(result);
    assert_int_equal(database.loads, 2);
    rcache_close(cache);
}

static void batch_of_ten_thousand_keys(void **state) {
    (void)state;
    enum { KEYS = 10000 };
    rcache *cache = scene_open("op_timeout=10s&deadline=60s&lock_expire=30s");
    struct database database = { .row = 5 };
    static char keys[KEYS * 48];
    static uint32_t sizes[KEYS];
    static rcache_value values[KEYS];
    size_t used = 0;
    for (int i = 0; i < KEYS; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        const char *key = key_of(name);
        sizes[i] = (uint32_t)strlen(key);
        memcpy(keys + used, key, sizes[i]);
        used += sizes[i];
    }
    for (int round = 0; round < 2; round++) {
        rcache_result *result;
        int32_t status =
            rcache_op_run(rcache_op_fetch(cache, keys, sizes, KEYS, 100000, NULL), load_row, &database, &result);
        if (status != RCACHE_OK)
            fail_msg("%s", rcache_result_message(result, 0));
        assert_int_equal(rcache_result_values(result, values, KEYS), KEYS);
        for (int i = 0; i < KEYS; i++) {
            assert_int_equal(values[i].outcome, round == 0 ? RCACHE_LOADED : RCACHE_HIT);
            assert_memory_equal(values[i].data, "v5", 2);
        }
        rcache_result_free(result);
    }
    assert_int_equal(database.loads, 1);
    rcache_close(cache);
}

/* Values of every size, keys of every byte. */
static void any_bytes(void **state) {
    (void)state;
    rcache *cache = scene_open("memory_max_bytes=400mb&op_timeout=10s&deadline=60s");
    const size_t sizes[] = { 0, 1, 255, 256, 257, 65535, 65537, 1 << 20, 64 << 20 };
    char key[256];
    for (int i = 0; i < 256; i++)
        key[i] = (char)i;
    const uint32_t key_size = sizeof key;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t size = (uint32_t)sizes[i];
        char *bytes = malloc(size + 1);
        for (uint32_t j = 0; j < size; j++)
            bytes[j] = (char)(j * 31 + j / 251);
        rcache_result *result;
        rcache_value value;
        int32_t status =
            rcache_op_run(rcache_op_set(cache, key, &key_size, bytes, &size, 1, 100000, NULL), NULL, NULL, &result);
        if (status != RCACHE_OK)
            fail_msg("%u bytes: %s", size, rcache_result_message(result, 0));
        rcache_result_free(result);
        rcache_op_run(rcache_op_get(cache, key, &key_size, 1, NULL), NULL, NULL, &result);
        rcache_result_values(result, &value, 1);
        assert_int_equal(value.outcome, RCACHE_HIT);
        assert_int_equal(value.size, size);
        assert_true(size == 0 || memcmp(value.data, bytes, size) == 0);
        rcache_result_free(result);
        free(bytes);
    }
    rcache_op_run(rcache_op_delete(cache, key, &key_size, 1, NULL), NULL, NULL, NULL);
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eventual_consistency),
        cmocka_unit_test(eventual_consistency_against_a_late_loader),
        cmocka_unit_test(strong_consistency),
        cmocka_unit_test(strong_consistency_under_load),
        cmocka_unit_test(anti_breakdown),
        cmocka_unit_test(anti_penetration),
        cmocka_unit_test(anti_avalanche),
        cmocka_unit_test(batch_query),
        cmocka_unit_test(batch_of_ten_thousand_keys),
        cmocka_unit_test(any_bytes),
    };
    const struct scene_tests group = { "features", tests, sizeof tests / sizeof tests[0], false };
    return scene_run(&group, 1);
}
