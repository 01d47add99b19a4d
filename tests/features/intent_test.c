/* Write intents: while one lives nobody is given the value that is being replaced, wherever it may be remembered. */
#include "support/scene.h"
#include "support/stores.h"

#include <string.h>

enum { BRIEF_MS = 100 };

static struct answer fetch_briefly(rcache *cache, const char *key, struct database *database) {
    return fetch_until(cache, key, database, RCACHE_EVENTUAL, BRIEF_MS);
}

static void eventual_readers_wait_until_it_is_unlocked(void **state) {
    (void)state;
    struct database database = { .row = 2 };
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    set(cache, key, "v1", 60000);
    assert_int_equal(lock(cache, key, "writer", 0, RCACHE_INTENT).status, RCACHE_OK);
    assert_int_equal(fetch_briefly(cache, key, &database).status, RCACHE_E_TIMEOUT);
    assert_int_equal(get(cache, key).outcome, RCACHE_ABSENT);
    struct errand reader = { .cache = cache, .key = key, .database = &database, .flags = RCACHE_EVENTUAL };
    errand_begin(&reader);
    assert_int_equal(unlock(cache, key, "writer").status, RCACHE_OK);
    assert_string_equal(errand_end(&reader).text, "v2");
    rcache_close(cache);
}

static void the_same_owner_s_second_lock_may_be_the_intent(void **state) {
    (void)state;
    struct database database = { .row = 2 };
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    set(cache, key, "v1", 60000);
    lock(cache, key, "writer", 0, 0);
    assert_string_equal(fetch_briefly(cache, key, &database).text, "v1");
    lock(cache, key, "writer", 0, RCACHE_INTENT);
    assert_int_equal(fetch_briefly(cache, key, &database).status, RCACHE_E_TIMEOUT);
    unlock(cache, key, "writer");
    rcache_close(cache);
}

/* Its own caller began before the intent. */
static void what_a_load_under_way_brings_is_nobody_else_s(void **state) {
    (void)state;
    struct database database = { .row = 1, .held = true };
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    struct errand slow = { .cache = cache, .key = key, .database = &database, .flags = RCACHE_EVENTUAL };
    errand_begin(&slow);
    wait_for(database.reading == 1);
    lock(cache, key, "writer", 0, RCACHE_INTENT);
    struct errand late = slow;
    errand_begin(&late);
    wait_for(counter(cache, "joined") == 1);
    database.row = 2;
    database.held = false;
    assert_string_equal(errand_end(&slow).text, "v1");
    assert_int_equal(fetch_briefly(cache, key, &database).status, RCACHE_E_TIMEOUT);
    unlock(cache, key, "writer");
    assert_string_equal(errand_end(&late).text, "v2");
    rcache_close(cache);
}

static void no_window_serves_it(void **state) {
    (void)state;
    struct database database = { .row = 2 };
    rcache *cache = scene_open("stale_while_revalidate=1m&stale_if_error=1m");
    const char *key = key_of("user");
    set(cache, key, "v1", 50);
    wait_for(strcmp(inspect(cache, key, "state"), "lapsed") == 0);
    lock(cache, key, "writer", 0, RCACHE_INTENT);
    assert_int_equal(fetch_briefly(cache, key, &database).status, RCACHE_E_TIMEOUT);
    unlock(cache, key, "writer");
    rcache_close(cache);
}

static void an_update_with_it_that_fails_leaves_nothing_to_serve(void **state) {
    (void)state;
    struct database database = { .row = 2, .fails = true };
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    const rcache_call intent = { .struct_size = sizeof intent, .flags = RCACHE_INTENT };
    rcache_event event;
    set(cache, key, "v1", 60000);
    rcache_op *op = rcache_op_update(cache, key, strlen(key), NULL, 0, 0, &intent);
    assert_int_equal(rcache_op_wait(op, -1, &event), RCACHE_EVENT_LOAD);
    assert_int_equal(fetch_briefly(cache, key, &database).status, RCACHE_E_TIMEOUT);
    rcache_load_fail(event.load, 0, "rolled back");
    rcache_load_finish(event.load);
    assert_int_equal(run_one(op).status, RCACHE_E_LOADER);
    assert_int_equal(fetch(cache, key, &database, RCACHE_EVENTUAL).status, RCACHE_E_LOADER);
    database.fails = false;
    assert_string_equal(fetch(cache, key, &database, RCACHE_EVENTUAL).text, "v2");
    rcache_close(cache);
}

static void a_writer_that_dies_leaves_it_to_be_loaded(void **state) {
    (void)state;
    struct database database = { .row = 2 };
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    set(cache, key, "v1", 60000);
    lock(cache, key, "dead", 300, RCACHE_INTENT);
    assert_string_equal(fetch(cache, key, &database, RCACHE_EVENTUAL).text, "v2");
    rcache_close(cache);
}

/* It was served the old value, and its flight keeps it for who comes next. */
static void a_process_that_has_it_in_mind_serves_it_no_more(void **state) {
    (void)state;
    struct database database = { .row = 2, .held = true };
    rcache *cache = scene_open("lock_sleep=10s"), *other = scene_open(NULL);
    const char *key = key_of("user");
    set(cache, key, "v1", 60000);
    invalidate(cache, key);
    struct errand loader = { .cache = other, .key = key, .database = &database, .flags = RCACHE_STRONG };
    errand_begin(&loader);
    wait_for(database.reading == 1);
    assert_string_equal(fetch_briefly(cache, key, &database).text, "v1");
    lock(other, key, "writer", 0, RCACHE_INTENT);
    assert_int_equal(fetch_briefly(cache, key, &database).status, RCACHE_E_TIMEOUT);
    unlock(other, key, "writer");
    database.held = false;
    assert_string_equal(errand_end(&loader).text, "v2");
    rcache_close(other);
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eventual_readers_wait_until_it_is_unlocked),
        cmocka_unit_test(the_same_owner_s_second_lock_may_be_the_intent),
        cmocka_unit_test(what_a_load_under_way_brings_is_nobody_else_s),
        cmocka_unit_test(no_window_serves_it),
        cmocka_unit_test(an_update_with_it_that_fails_leaves_nothing_to_serve),
        cmocka_unit_test(a_writer_that_dies_leaves_it_to_be_loaded),
    };
    const struct CMUnitTest over_processes[] = {
        cmocka_unit_test(a_process_that_has_it_in_mind_serves_it_no_more),
    };
    const struct scene_tests groups[] = {
        { "write intents", tests, sizeof tests / sizeof tests[0], false },
        { "write intents over processes", over_processes, 1, true },
    };
    return scene_run(groups, 2);
}
