/* Sessions: readers see what their own cache has written, or what a token tells of. */
#include "support/scene.h"
#include "support/stores.h"

#include <stdio.h>
#include <string.h>

#define SESSION "session_consistency=yes&delay=60s"

static void who_has_invalidated_reads_what_was_written(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    rcache *cache = scene_open(SESSION);
    const char *key = key_of("user");
    assert_string_equal(fetch(cache, key, &database, 0).text, "v1");
    database.row = 2;
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    assert_string_equal(fetch(cache, key, &database, 0).text, "v2");
    rcache_close(cache);
}

static void who_has_not_may_read_what_was_before(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    rcache *cache = scene_open("delay=60s");
    const char *key = key_of("user");
    fetch(cache, key, &database, 0);
    database.row = 2;
    invalidate(cache, key);
    assert_string_equal(fetch(cache, key, &database, 0).text, "v1");
    rcache_close(cache);
}

static void whoever_says_so_may_read_what_was_before(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    rcache *cache = scene_open(SESSION);
    const char *key = key_of("user"), *other = key_of("other");
    fetch(cache, key, &database, 0);
    fetch(cache, other, &database, 0);
    database.row = 2;
    invalidate(cache, key);
    assert_string_equal(fetch(cache, key, &database, RCACHE_EVENTUAL).text, "v1");
    rcache_close(cache);
}

static void a_token_takes_it_along(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    char token[RCACHE_SESSION_SIZE];
    rcache_error err;
    rcache *writer = scene_open(SESSION), *reader = scene_open(SESSION);
    const char *key = key_of("user");
    fetch(writer, key, &database, 0);
    database.row = 2;
    invalidate(writer, key);
    assert_string_equal(fetch(reader, key, &database, 0).text, "v1");
    rcache_close(reader);
    reader = scene_open(SESSION);
    assert_int_equal(rcache_session_token(writer, token, &err), RCACHE_OK);
    assert_int_equal(rcache_session_join(reader, token, &err), RCACHE_OK);
    assert_string_equal(fetch(reader, key, &database, 0).text, "v2");
    rcache_close(reader);
    rcache_close(writer);
}

/* Where there are more keys than are kept, all are read so. */
static void nothing_is_forgotten_for_want_of_room(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    char token[RCACHE_SESSION_SIZE], name[32];
    rcache_error err;
    rcache *cache = scene_open(SESSION);
    const char *key = key_of("user");
    fetch(cache, key, &database, 0);
    database.row = 2;
    invalidate(cache, key);
    for (int i = 0; i < 6000; i++) {
        snprintf(name, sizeof name, "many %d", i);
        invalidate(cache, name);
    }
    assert_int_equal(rcache_session_token(cache, token, &err), RCACHE_OK);
    assert_true(strlen(token) < 60);
    assert_string_equal(fetch(cache, key, &database, 0).text, "v2");
    rcache_close(cache);
}

static void what_is_no_token_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = { "", "s1-", "s1-0", "s1-000000000000000g", "s2-0000000000000000",
                                         "s1-00000000000000000000000000000001" };
    char token[RCACHE_SESSION_SIZE];
    rcache_error err;
    rcache *cache = scene_open(SESSION), *without = scene_open(NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(rcache_session_join(cache, wrong[i], &err), RCACHE_E_INVALID);
    assert_int_equal(rcache_session_join(NULL, "", &err), RCACHE_E_INVALID);
    assert_int_equal(rcache_session_token(without, token, &err), RCACHE_E_MISUSE);
    assert_int_equal(rcache_session_token(cache, token, &err), RCACHE_OK);
    assert_int_equal(rcache_session_join(cache, token, &err), RCACHE_OK);
    rcache_close(without);
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest both[] = {
        cmocka_unit_test(who_has_invalidated_reads_what_was_written),
        cmocka_unit_test(who_has_not_may_read_what_was_before),
        cmocka_unit_test(whoever_says_so_may_read_what_was_before),
        cmocka_unit_test(nothing_is_forgotten_for_want_of_room),
        cmocka_unit_test(what_is_no_token_is_refused),
    };
    const struct CMUnitTest servers[] = { cmocka_unit_test(a_token_takes_it_along) };
    const struct scene_tests groups[] = { { "sessions", both, sizeof both / sizeof both[0], false },
                                          { "sessions of two", servers, 1, true } };
    return scene_run(groups, 2);
}
