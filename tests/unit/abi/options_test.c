/* rcache_options_*: the arguments that a caller may get wrong, and describing for callers older and newer. */
#include "resilicache.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void setting_checks_name_and_value_at_once(void **state) {
    (void)state;
    rcache_error err = RCACHE_ERROR_INIT;
    rcache_options *options = rcache_options_new();
    assert_int_equal(rcache_options_set(options, "lock_expire", "3s", &err), RCACHE_OK);
    assert_int_equal(rcache_options_set(options, "lock_expire", "4s", &err), RCACHE_OK);
    assert_int_equal(rcache_options_set(options, "lock_expires", "3s", &err), RCACHE_E_INVALID);
    assert_string_equal(err.message, "unknown option 'lock_expires'; did you mean 'lock_expire'?");
    assert_int_equal(rcache_options_set(options, "lock_expire", "2h", &err), RCACHE_E_INVALID);
    assert_string_equal(err.message, "'lock_expire' is '2h', out of range; it may be 10ms..1h");
    rcache_options_free(options);
}

static void null_is_answered_with_an_error(void **state) {
    (void)state;
    rcache_error err = RCACHE_ERROR_INIT;
    rcache_options *options = rcache_options_new();
    assert_int_equal(rcache_options_set(NULL, "delay", "3s", &err), RCACHE_E_INVALID);
    assert_string_equal(err.message, "the options are NULL; make some by rcache_options_new");
    assert_int_equal(rcache_options_set(options, NULL, "3s", NULL), RCACHE_E_INVALID);
    assert_int_equal(rcache_options_set(options, "delay", NULL, NULL), RCACHE_E_INVALID);
    rcache_options_free(options);
    rcache_options_free(NULL);
}

static int refuse(void) {
    return 1;
}

static void want_of_memory_is_an_error(void **state) {
    (void)state;
    rcache_options *options = rcache_options_new();
    rcache_error err = RCACHE_ERROR_INIT;
    mem_refuse_when(refuse);
    assert_null(rcache_options_new());
    assert_int_equal(rcache_options_set(options, "delay", "3s", &err), RCACHE_E_NOMEM);
    mem_refuse_when(NULL);
    assert_string_equal(err.message, "no memory for the value of 'delay'");
    rcache_options_free(options);
}

static void describing_ends_and_has_all_texts(void **state) {
    (void)state;
    rcache_option_info info = { .struct_size = sizeof info };
    size_t count = 0;
    while (rcache_options_describe(count, &info) == RCACHE_OK) {
        assert_int_equal(info.struct_size, sizeof info);
        assert_non_null(strstr("duration integer number boolean size text secret choice", info.type));
        assert_non_null(info.fallback);
        assert_non_null(info.range);
        assert_true(strlen(info.name) > 0 && strlen(info.help) > 0);
        count++;
    }
    assert_true(count >= 18);
    assert_int_equal(rcache_options_describe(SIZE_MAX, &info), RCACHE_E_INVALID);
    assert_int_equal(rcache_options_describe(0, NULL), RCACHE_E_INVALID);
}

static void a_newer_caller_finds_zeros_and_one_that_forgot_the_size_an_error(void **state) {
    (void)state;
    struct {
        rcache_option_info info;
        char newer[16];
        char behind;
    } larger;
    const char zeros[16] = { 0 };
    memset(&larger, 0x55, sizeof larger);
    larger.info.struct_size = sizeof larger.info + sizeof larger.newer;
    assert_int_equal(rcache_options_describe(0, &larger.info), RCACHE_OK);
    assert_memory_equal(larger.newer, zeros, sizeof zeros);
    assert_int_equal(larger.behind, 0x55);
    assert_string_equal(larger.info.name, "delay");
    larger.info.struct_size = 0;
    assert_int_equal(rcache_options_describe(0, &larger.info), RCACHE_E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_checks_name_and_value_at_once),
        cmocka_unit_test(null_is_answered_with_an_error),
        cmocka_unit_test(want_of_memory_is_an_error),
        cmocka_unit_test(describing_ends_and_has_all_texts),
        cmocka_unit_test(a_newer_caller_finds_zeros_and_one_that_forgot_the_size_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
