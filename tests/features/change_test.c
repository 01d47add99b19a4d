/* Options that are set while the cache is in use: what they do, and in which order. */
#include "support/scene.h"
#include "support/stores.h"

#include <string.h>

static void expect_change(rcache *cache, const char *name, const char *value) {
    rcache_error err = RCACHE_ERROR_INIT;
    if (rcache_set_option(cache, name, value, &err) != RCACHE_OK)
        fail_msg("%s", err.message);
}

static void expect_refusal(rcache *cache, const char *name, const char *value, int32_t status, const char *part) {
    rcache_error err = RCACHE_ERROR_INIT;
    assert_int_equal(rcache_set_option(cache, name, value, &err), status);
    assert_int_equal(err.status, status);
    if (strstr(err.message, part) == NULL)
        fail_msg("no '%s' in: %s", part, err.message);
    assert_int_equal(rcache_set_option(cache, name, value, NULL), status);
}

static void programs_are_taken_off_the_cache_and_put_back(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    assert_int_equal(fetch(cache, key, &database, 0).outcome, RCACHE_LOADED);
    expect_change(cache, "disable_cache_read", "yes");
    database.row = 2;
    assert_string_equal(fetch(cache, key, &database, 0).text, "v2");
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v2");
    assert_string_equal(get(cache, key).text, "v1");
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    assert_string_equal(inspect(cache, key, "state"), "invalidated");
    expect_change(cache, "disable_cache_delete", "yes");
    assert_int_equal(set(cache, key, "v2", 10000).status, RCACHE_OK);
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    assert_string_equal(inspect(cache, key, "state"), "fresh");
    expect_change(cache, "disable_cache_delete", "no");
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    expect_change(cache, "disable_cache_read", "no");
    database.row = 3;
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v3");
    assert_int_equal(fetch(cache, key, &database, 0).outcome, RCACHE_HIT);
    rcache_close(cache);
}

static void the_order_is_kept(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    expect_refusal(cache, "disable_cache_delete", "yes", RCACHE_E_MISUSE, "disable_cache_read=yes first");
    expect_change(cache, "disable_cache_read", "yes");
    expect_change(cache, "disable_cache_delete", "yes");
    expect_refusal(cache, "disable_cache_read", "no", RCACHE_E_MISUSE, "disable_cache_delete=no first");
    expect_change(cache, "disable_cache_read", "yes"); /* it is */
    expect_change(cache, "disable_cache_delete", "no");
    expect_change(cache, "disable_cache_read", "no");
    rcache_close(cache);
}

static void others_stay_as_they_are(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    expect_refusal(cache, "delay", "1s", RCACHE_E_INVALID, "'delay' can't be changed");
    expect_refusal(cache, "disable_cache_reed", "yes", RCACHE_E_INVALID, "disable_cache_read");
    expect_refusal(cache, "disable_cache_read", "perhaps", RCACHE_E_INVALID, "yes or no");
    expect_refusal(cache, "disable_cache_read", NULL, RCACHE_E_INVALID, "NULL");
    expect_refusal(cache, NULL, "yes", RCACHE_E_INVALID, "NULL");
    expect_refusal(NULL, "disable_cache_read", "yes", RCACHE_E_INVALID, "NULL");
    rcache_close(cache);
}

/* The load began past the cache: nobody but those who asked past it, too, may take its value for the newest. */
static void a_strong_fetch_after_the_change_asks_the_store(void **state) {
    (void)state;
    rcache *cache = scene_open("disable_cache_read=yes");
    struct database database = { .row = 1, .held = true };
    struct errand past = { .cache = cache, .key = key_of("user"), .database = &database };
    struct errand strong = past;
    strong.flags = RCACHE_STRONG;
    errand_begin(&past);
    wait_for(database.reading == 1);
    expect_change(cache, "disable_cache_read", "no");
    errand_begin(&strong);
    wait_for(counter(cache, "joined") == 1);
    database.row = 2;
    database.held = false;
    assert_string_equal(errand_end(&past).text, "v1");
    struct answer fresh = errand_end(&strong);
    if (strcmp(fresh.text, "v2") != 0)
        fail_msg("%s", fresh.message);
    assert_string_equal(get(cache, past.key).text, "v2"); /* it was stored */
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_taken_off_the_cache_and_put_back),
        cmocka_unit_test(the_order_is_kept),
        cmocka_unit_test(others_stay_as_they_are),
        cmocka_unit_test(a_strong_fetch_after_the_change_asks_the_store),
    };
    const struct scene_tests group = { "change", tests, sizeof tests / sizeof tests[0], false };
    return scene_run(&group, 1);
}
