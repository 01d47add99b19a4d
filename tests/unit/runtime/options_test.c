/* The table of options: its defaults, each option's range at both ends, names that are none, and the messages. */
#include "runtime/options.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void expect_unknown(const char *name, const char *message) {
    rcache_error err = RCACHE_ERROR_INIT;
    size_t index;
    assert_int_equal(option_find(name, &index, &err), RCACHE_E_INVALID);
    assert_int_equal(err.status, RCACHE_E_INVALID);
    assert_string_equal(err.message, message);
}

/* The message of a value that is refused, "" for one that is taken. */
static void expect_answer(const char *name, const char *value, const char *message) {
    rcache_error err = RCACHE_ERROR_INIT;
    size_t index;
    assert_int_equal(option_find(name, &index, &err), RCACHE_OK);
    int32_t status = option_check(index, value, &err);
    assert_string_equal(err.message, message);
    assert_int_equal(status, *message == '\0' ? RCACHE_OK : RCACHE_E_INVALID);
}

static void every_option_has_a_default_that_is_good_and_a_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        rcache_error err = RCACHE_ERROR_INIT;
        const struct option *option = option_at(i);
        size_t index;
        assert_int_equal(option_find(option->name, &index, &err), RCACHE_OK);
        assert_int_equal(index, i);
        if (option_check(i, option->fallback, &err) != RCACHE_OK)
            fail_msg("%s", err.message);
        assert_true(strlen(option->help) > 20 && option->help[strlen(option->help) - 1] != '.');
        assert_true(strlen(option->name) <= 32); /* as far as names are compared for the nearest */
    }
    assert_null(option_at(OPTION_COUNT));
    assert_null(option_at(SIZE_MAX));
}

static void a_range_includes_both_its_ends(void **state) {
    (void)state;
    const struct {
        const char *name, *below, *least, *most, *above;
    } ranges[] = {
        { "delay", "0", "1ms", "24h", "24.001h" },
        { "empty_expire", NULL, "0", "8760h", "8761h" },
        { "lock_expire", "9ms", "10ms", "1h", "3601" },
        { "lock_expire_max", "9ms", "10ms", "24h", "25h" },
        { "lock_sleep", "0", "1ms", "10s", "10001ms" },
        { "deadline", "0", "1ms", "24h", "25h" },
        { "op_timeout", "0", "1ms", "1h", "61m" },
        { "connect_timeout", "0", "1ms", "1h", "61m" },
        { "wait_replicas", NULL, "0", "1000", "1001" },
        { "wait_replicas_timeout", "0", "1ms", "1h", "61m" },
        { "random_expire_adjustment", NULL, "0", "0.9", "0.900000001" },
        { "connections", "0", "1", "64", "65" },
        { "topology_refresh", "99ms", "100ms", "24h", "25h" },
        { "resp", "1", "2", "3", "4" },
        { "memory_max_bytes", NULL, "0", "1048576gb", "99999999999999999999999999" },
    };
    for (size_t i = 0; i < COUNT(ranges); i++) {
        rcache_error err = RCACHE_ERROR_INIT;
        size_t index;
        assert_int_equal(option_find(ranges[i].name, &index, &err), RCACHE_OK);
        assert_int_equal(option_check(index, ranges[i].least, &err), RCACHE_OK);
        assert_int_equal(option_check(index, ranges[i].most, &err), RCACHE_OK);
        assert_int_equal(option_check(index, ranges[i].above, &err), RCACHE_E_INVALID);
        assert_non_null(strstr(err.message, "out of range"));
        if (ranges[i].below != NULL)
            assert_int_equal(option_check(index, ranges[i].below, &err), RCACHE_E_INVALID);
    }
}

static void a_wrong_value_is_named_with_what_would_be_right(void **state) {
    (void)state;
    expect_answer("lock_expire", "500us",
                  "'lock_expire' is '500us'; write a duration such as 250ms, 3s, 2m, 1h or a number of seconds");
    expect_answer("lock_expire", "5ms", "'lock_expire' is '5ms', out of range; it may be 10ms..1h");
    expect_answer("connections", "1.5", "'connections' is '1.5'; write a whole number");
    expect_answer("random_expire_adjustment", "10%", "'random_expire_adjustment' is '10%'; write a number such as 0.1");
    expect_answer("strong_consistency", "", "'strong_consistency' is ''; write yes or no");
    expect_answer("memory_max_bytes", "lots",
                  "'memory_max_bytes' is 'lots'; write a size such as 64kb, 256mb, 1gb or a number of bytes");
    expect_answer("failover", "trust", "");
    expect_answer("failover", "distrust", "");
    expect_answer("failover", "dis", "'failover' is 'dis'; write one of distrust|trust");
    expect_answer("failover", "", "'failover' is ''; write one of distrust|trust");
    expect_answer("delay", NULL,
                  "the value of 'delay' is NULL; write a duration such as 250ms, 3s, 2m, 1h or a number of seconds");
    expect_answer("delay", "1s\n2s",
                  "'delay' is '1s\\x0a2s'; write a duration such as 250ms, 3s, 2m, 1h or a number of seconds");
}

static void a_prefix_is_any_text_of_bounded_size(void **state) {
    (void)state;
    char text[1026];
    memset(text, 'a', sizeof text);
    text[1024] = '\0';
    expect_answer("prefix", text, "");
    expect_answer("prefix", "", "");
    expect_answer("prefix", "caf\xc3\xa9:\xff", "");
    text[1024] = 'a';
    text[1025] = '\0';
    expect_answer("prefix", text,
                  "'prefix' is 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...', out of range; "
                  "it may be 0..1kb long");
}

static void a_secret_is_not_repeated(void **state) {
    (void)state;
    static char text[64 * 1024 + 2];
    memset(text, 'a', sizeof text - 1);
    expect_answer("password", text, "'password' is '***', out of range; it may be 0..64kb long");
    text[64 * 1024] = '\0';
    expect_answer("password", text, "");
}

static void an_unknown_name_is_told_the_nearest(void **state) {
    (void)state;
    expect_unknown("lock_expires", "unknown option 'lock_expires'; did you mean 'lock_expire'?");
    expect_unknown("lock-expire-max", "unknown option 'lock-expire-max'; did you mean 'lock_expire_max'?");
    expect_unknown("LockExpire", "unknown option 'LockExpire'; did you mean 'lock_expire'?");
    expect_unknown("StrongConsistency", "unknown option 'StrongConsistency'; did you mean 'strong_consistency'?");
    expect_unknown("dealy", "unknown option 'dealy'; did you mean 'delay'?");
    expect_unknown("timeout", "unknown option 'timeout'; did you mean 'op_timeout'?");
}

static void a_name_like_no_other_is_told_where_to_look(void **state) {
    (void)state;
    expect_unknown("ttl", "unknown option 'ttl'; docs/options.md lists those that there are");
    expect_unknown("", "unknown option ''; docs/options.md lists those that there are");
    expect_unknown(NULL, "the name of the option is NULL; give one such as 'lock_expire'");
    char longest[200];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    expect_unknown(longest, "unknown option 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'; "
                            "docs/options.md lists those that there are");
}

static int refuse(void) {
    return 1;
}

static void messages_do_without_memory(void **state) {
    (void)state;
    mem_refuse_when(refuse);
    expect_unknown("dealy", "unknown option '?'; did you mean 'delay'?");
    expect_answer("delay", "0", "'delay' is '?', out of range; it may be 1ms..24h");
    mem_refuse_when(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_has_a_default_that_is_good_and_a_sentence),
        cmocka_unit_test(a_range_includes_both_its_ends),
        cmocka_unit_test(a_wrong_value_is_named_with_what_would_be_right),
        cmocka_unit_test(a_prefix_is_any_text_of_bounded_size),
        cmocka_unit_test(a_secret_is_not_repeated),
        cmocka_unit_test(an_unknown_name_is_told_the_nearest),
        cmocka_unit_test(a_name_like_no_other_is_told_where_to_look),
        cmocka_unit_test(messages_do_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
