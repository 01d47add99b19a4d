/* What becomes of loads: in time or late, stored or not. */
#include "support/scene.h"
#include "support/stores.h"

#include <string.h>

/* One that is given with the call counts the loader, too; what that brings late is kept for others. */
static void a_deadline_of_the_call_counts_its_loader(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1, .slow_ms = 60 };
    const char *key = key_of("user");
    assert_int_equal(fetch_until(cache, key, &database, 0, 50).status, RCACHE_E_TIMEOUT);
    assert_int_equal(counter(cache, "timeouts"), 1);
    wait_for(fetch(cache, key, &database, 0).outcome == RCACHE_HIT);
    assert_int_equal(database.loads, 1);
    rcache_close(cache);
    database.slow_ms = 600;
    cache = scene_open("deadline=500ms");
    assert_string_equal(fetch(cache, key_of("other"), &database, 0).text, "v1");
    rcache_close(cache);
}

static int64_t unfinished(rcache *cache) {
    return counter(cache, "loads") - counter(cache, "loads_stored") - counter(cache, "loads_failed") -
           counter(cache, "loads_lost") - counter(cache, "loads_direct");
}

/* Every load that was made has ended in one way: what is left over is a leak. */
static void every_load_ends_in_one_way(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    fetch(cache, key_of("stored"), &database, 0);
    struct errand late = { .cache = cache, .key = key_of("lost"), .database = &database };
    database.held = true;
    errand_begin(&late);
    wait_for(database.reading == 1);
    assert_int_equal(unfinished(cache), 1);
    invalidate(cache, late.key);
    database.held = false;
    errand_end(&late);
    database.fails = true;
    fetch(cache, key_of("failed"), &database, 0);
    database.fails = false;
    database.absent = true;
    fetch(cache, key_of("absent"), &database, 0);
    assert_int_equal(counter(cache, "loads"), 4);
    assert_int_equal(unfinished(cache), 0);
    rcache_close(cache);
    cache = scene_open("disable_cache_read=yes");
    fetch(cache, key_of("direct"), &database, 0);
    assert_int_equal(counter(cache, "loads"), 1);
    assert_int_equal(unfinished(cache), 0);
    rcache_close(cache);
}

/* A replica of the database that lags; the primary has the version after it. */
static void load_from_replica(rcache_load *load, void *arg) {
    _Atomic int *loads = arg;
    assert_int_equal(rcache_load_primary(load), *loads > 0);
    assert_int_equal(rcache_load_value(load, 0, "old", 3, 0), RCACHE_OK);
    assert_int_equal(rcache_load_version(load, 0, 6), RCACHE_OK);
    (*loads)++;
    rcache_load_finish(load);
}

static int32_t fetch_from_replica(rcache *cache, const char *key, uint32_t flags, int32_t *outcome) {
    _Atomic int loads = 0;
    const rcache_call call = { .struct_size = sizeof call, .flags = flags };
    rcache_result *result;
    rcache_value value;
    int32_t status = rcache_fetch(cache, key, strlen(key), 10000, load_from_replica, &loads, &call, &result);
    assert_int_equal(rcache_result_values(result, &value, 1), 1);
    rcache_result_free(result);
    assert_int_equal(loads, 3);
    *outcome = value.outcome;
    return status;
}

static void an_older_version_is_told_from_what_was_loaded(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const rcache_call call = { .struct_size = sizeof call, .version = 7 };
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key);
    int32_t outcome;
    assert_int_equal(run_one(rcache_op_invalidate(cache, key, &size, 1, &call)).status, RCACHE_OK);
    assert_int_equal(fetch_from_replica(cache, key, 0, &outcome), RCACHE_OK);
    assert_int_equal(outcome, RCACHE_STALE);
    assert_int_equal(fetch_from_replica(cache, key, RCACHE_STRONG, &outcome), RCACHE_E_OUTDATED);
    assert_int_equal(outcome, RCACHE_FAILED);
    assert_int_equal(unfinished(cache), 0);
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_of_the_call_counts_its_loader),
        cmocka_unit_test(every_load_ends_in_one_way),
        cmocka_unit_test(an_older_version_is_told_from_what_was_loaded),
    };
    const struct scene_tests group = { "loads", tests, sizeof tests / sizeof tests[0], false };
    return scene_run(&group, 1);
}
