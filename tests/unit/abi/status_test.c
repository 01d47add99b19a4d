/* Statuses have names and say whether to try again; the version and what this build has. */
#include "resilicache.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void every_status_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int32_t status = RCACHE_OK; status >= RCACHE_E_OUTDATED; status--) {
        assert_memory_equal(rcache_status_name(status), "RCACHE_", 7);
        assert_string_not_equal(rcache_status_name(status), "RCACHE_E_UNKNOWN");
        for (int32_t other = RCACHE_OK; other > status; other--)
            assert_string_not_equal(rcache_status_name(status), rcache_status_name(other));
    }
    assert_string_equal(rcache_status_name(RCACHE_OK), "RCACHE_OK");
    assert_string_equal(rcache_status_name(RCACHE_E_LOST), "RCACHE_E_LOST");
}

static void a_number_that_is_no_status_is_unknown_and_final(void **state) {
    (void)state;
    const int32_t numbers[] = { 1, RCACHE_E_OUTDATED - 1, INT32_MIN, INT32_MAX };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_string_equal(rcache_status_name(numbers[i]), "RCACHE_E_UNKNOWN");
        assert_int_equal(rcache_status_retriable(numbers[i]), 0);
    }
}

static void only_what_passes_by_itself_is_retriable(void **state) {
    (void)state;
    for (int32_t status = RCACHE_OK; status >= RCACHE_E_OUTDATED; status--) {
        int passes = status == RCACHE_E_NOMEM || status == RCACHE_E_TIMEOUT || status == RCACHE_E_UNAVAILABLE ||
                     status == RCACHE_E_QUEUED;
        assert_int_equal(rcache_status_retriable(status), passes);
    }
}

static void the_library_is_of_the_version_of_its_header(void **state) {
    (void)state;
    assert_int_equal(rcache_version(), RCACHE_VERSION);
}

static void features_are_asked_for_by_name(void **state) {
    (void)state;
    assert_int_equal(rcache_has("memory"), 1);
    assert_int_equal(rcache_has("redis"), 1);
    assert_int_equal(rcache_has("resp3"), 1);
    assert_int_equal(rcache_has("gopher"), 0);
    assert_int_equal(rcache_has(""), 0);
    assert_int_equal(rcache_has(NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_of_its_own),
        cmocka_unit_test(a_number_that_is_no_status_is_unknown_and_final),
        cmocka_unit_test(only_what_passes_by_itself_is_retriable),
        cmocka_unit_test(the_library_is_of_the_version_of_its_header),
        cmocka_unit_test(features_are_asked_for_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
