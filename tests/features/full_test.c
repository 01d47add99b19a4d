/* A server that is full: it answers, serves what it has, and refuses what would need memory. */
#include "support/scene.h"
#include "support/stores.h"

#include <string.h>

static void fill(void) {
    test_store_command("CONFIG SET maxmemory 1");
}

static int make_room(void **state) {
    (void)state;
    test_store_command("CONFIG SET maxmemory 0");
    return 0;
}

static void eventual_fetches_load_past_it(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *stored = key_of("stored"), *changed = key_of("changed"), *cold = key_of("cold");
    fetch(cache, stored, &database, 0);
    fetch(cache, changed, &database, 0);
    database.row = 2;
    fill();
    assert_int_equal(invalidate(cache, changed).status, RCACHE_OK);
    for (int call = 1; call <= 3; call++) {
        assert_int_equal(fetch(cache, stored, &database, 0).outcome, RCACHE_HIT);
        assert_string_equal(fetch(cache, changed, &database, 0).text, "v2");
        assert_int_equal(fetch(cache, cold, &database, 0).outcome, RCACHE_LOADED);
        assert_int_equal(counter(cache, "loads_down"), 2 * call);
    }
    assert_int_equal(counter(cache, "loads_direct"), 6);
    assert_int_equal(counter(cache, "breaker_opened"), 0);
    assert_string_equal(test_store_command("EXISTS %s %s", changed, cold), "0");
    make_room(NULL);
    assert_int_equal(fetch(cache, cold, &database, 0).outcome, RCACHE_LOADED);
    assert_int_equal(fetch(cache, cold, &database, 0).outcome, RCACHE_HIT);
    rcache_close(cache);
}

static void strong_fetches_are_told_so(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL), *loads = scene_open("server_down=load"), *fails = scene_open("server_down=fail");
    struct database database = { .row = 1 };
    const char *key = key_of("cold");
    fill();
    struct answer strong = fetch(cache, key, &database, RCACHE_STRONG);
    assert_int_equal(strong.status, RCACHE_E_SERVER);
    assert_non_null(strstr(strong.message, "OOM"));
    assert_int_equal(fetch(fails, key, &database, 0).status, RCACHE_E_SERVER);
    assert_int_equal(database.loads, 0);
    assert_string_equal(fetch(loads, key, &database, RCACHE_STRONG).text, "v1");
    rcache_close(cache);
    rcache_close(loads);
    rcache_close(fails);
}

static void callers_of_one_key_share_a_load(void **state) {
    (void)state;
    rcache *cache = scene_open("down_loads_max=1");
    struct database database = { .row = 1, .held = true };
    struct errand errands[4];
    fill();
    for (size_t i = 0; i < 4; i++) {
        errands[i] = (struct errand){ .cache = cache, .key = key_of("user"), .database = &database };
        errand_begin(&errands[i]);
    }
    wait_for(database.reading == 1 && counter(cache, "joined") == 3);
    struct answer other = fetch(cache, key_of("other"), &database, 0);
    assert_int_equal(database.reading, 1);
    database.held = false;
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(errand_end(&errands[i]).text, "v1");
    assert_int_equal(other.status, RCACHE_E_SERVER);
    assert_int_equal(counter(cache, "loads_down_refused"), 1);
    rcache_close(cache);
}

static void what_is_fresh_is_not_loaded_early(void **state) {
    (void)state;
    rcache *cache = scene_open("early=0.001");
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    fetch(cache, key, &database, 0);
    fill();
    wait_for(fetch(cache, key, &database, 0).outcome == RCACHE_HIT && counter(cache, "early_busy") > 0);
    assert_int_equal(database.loads, 1);
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(eventual_fetches_load_past_it, make_room),
        cmocka_unit_test_teardown(strong_fetches_are_told_so, make_room),
        cmocka_unit_test_teardown(callers_of_one_key_share_a_load, make_room),
        cmocka_unit_test_teardown(what_is_fresh_is_not_loaded_early, make_room),
    };
    const struct scene_tests groups[] = {
        { "full", tests, sizeof tests / sizeof tests[0], true },
    };
    return scene_run(groups, 1);
}
