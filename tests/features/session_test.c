/* Sessions: readers see what their own cache has written, or what a token tells of. */
#include "base/clock.h"
#include "support/scene.h"
#include "support/stores.h"

#include <stdio.h>
#include <stdlib.h>
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

/* For a reader that serves many writers: the fetch alone sees it, and the cache goes on as before. */
static void a_token_counts_for_the_one_fetch_that_it_is_given_to(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    char token[RCACHE_SESSION_SIZE];
    rcache_error err;
    rcache *writer = scene_open(SESSION), *reader = scene_open("delay=60s");
    const char *key = key_of("user"), *other = key_of("other");
    fetch(writer, key, &database, 0);
    fetch(writer, other, &database, 0);
    database.row = 2;
    invalidate(writer, key);
    assert_int_equal(rcache_session_token(writer, token, &err), RCACHE_OK);
    invalidate(writer, other);
    assert_string_equal(fetch_seeing(reader, other, &database, token).text, "v1");
    assert_string_equal(fetch_seeing(reader, key, &database, token).text, "v2");
    database.row = 3;
    invalidate(writer, key);
    assert_string_equal(fetch(reader, key, &database, 0).text, "v2");
    rcache_close(reader);
    rcache_close(writer);
}

static void a_fetch_is_told_where_its_token_is_none(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const rcache_call wrong = { .struct_size = sizeof wrong, .session = "s1-" };
    const rcache_call right = { .struct_size = sizeof right, .session = "s1-0000000000000000" };
    const uint32_t size = 1;
    assert_int_equal(rcache_op_run(rcache_op_fetch(cache, "k", &size, 1, 1000, &wrong), NULL, NULL, NULL),
                     RCACHE_E_INVALID);
    assert_int_equal(rcache_op_run(rcache_op_get(cache, "k", &size, 1, &right), NULL, NULL, NULL), RCACHE_E_INVALID);
    rcache_close(cache);
}

/* As where one process has several handles for the same keys. */
static void caches_that_share_a_session_see_each_other_s_writes(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    rcache_error err;
    rcache *keeper = scene_open(SESSION), *writer = scene_open(SESSION), *reader = scene_open(SESSION);
    assert_int_equal(rcache_session_share(writer, keeper, &err), RCACHE_OK);
    assert_int_equal(rcache_session_share(reader, keeper, &err), RCACHE_OK);
    const char *key = key_of("user");
    fetch(writer, key, &database, 0);
    database.row = 2;
    invalidate(writer, key);
    rcache_close(keeper);
    rcache_close(writer);
    assert_string_equal(fetch(reader, key, &database, 0).text, "v2");
    rcache_close(reader);
}

static void a_session_is_shared_before_the_first_call_or_not(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    rcache_error err;
    rcache *used = scene_open(SESSION), *other = scene_open(SESSION), *without = scene_open(NULL);
    assert_int_equal(rcache_session_share(used, used, &err), RCACHE_OK);
    fetch(used, key_of("user"), &database, 0);
    assert_int_equal(rcache_session_share(used, other, &err), RCACHE_E_MISUSE);
    assert_int_equal(rcache_session_share(other, without, &err), RCACHE_E_MISUSE);
    assert_int_equal(rcache_session_share(without, other, &err), RCACHE_E_MISUSE);
    assert_int_equal(rcache_session_share(NULL, other, &err), RCACHE_E_INVALID);
    assert_int_equal(rcache_session_share(other, NULL, &err), RCACHE_E_INVALID);
    assert_int_equal(rcache_session_share(other, used, &err), RCACHE_OK);
    rcache_close(without);
    rcache_close(other);
    rcache_close(used);
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

/* A token that stands for all keys, and as good as for ever. */
static void a_token_counts_no_longer_than_a_write_of_who_joins_it(void **state) {
    (void)state;
    char forged[RCACHE_SESSION_SIZE], token[RCACHE_SESSION_SIZE];
    rcache_error err;
    rcache *cache = scene_open(SESSION);
    snprintf(forged, sizeof forged, "s1-%016llx%016x3fffffffffffffff", (unsigned long long)(clock_day_us() / 1000), 0);
    assert_int_equal(rcache_session_join(cache, forged, &err), RCACHE_OK);
    assert_int_equal(rcache_session_token(cache, token, &err), RCACHE_OK);
    assert_int_equal(strlen(token), strlen(forged));
    assert_in_range(strtoll(token + strlen(token) - 16, NULL, 16), 60000, 3 * 60000);
    rcache_close(cache);
}

static void a_write_that_too_few_replicas_have_is_seen_by_its_writer(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    rcache *cache = scene_open(SESSION "&wait_replicas=1&wait_replicas_timeout=10ms");
    const char *key = key_of("user");
    fetch(cache, key, &database, 0);
    database.row = 2;
    assert_int_equal(invalidate(cache, key).status, RCACHE_E_TIMEOUT);
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
        cmocka_unit_test(a_fetch_is_told_where_its_token_is_none),
        cmocka_unit_test(a_session_is_shared_before_the_first_call_or_not),
        cmocka_unit_test(a_token_counts_no_longer_than_a_write_of_who_joins_it),
    };
    const struct CMUnitTest servers[] = {
        cmocka_unit_test(a_token_takes_it_along),
        cmocka_unit_test(a_token_counts_for_the_one_fetch_that_it_is_given_to),
        cmocka_unit_test(caches_that_share_a_session_see_each_other_s_writes),
        cmocka_unit_test(a_write_that_too_few_replicas_have_is_seen_by_its_writer),
    };
    const struct scene_tests groups[] = { { "sessions", both, sizeof both / sizeof both[0], false },
                                          { "sessions of two", servers, sizeof servers / sizeof servers[0], true } };
    return scene_run(groups, 2);
}
