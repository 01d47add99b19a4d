/* Settings: defaults, URL and options, each over the one before; what may not go together; want of memory. */
#include "runtime/settings.h"

#include "base/alloc.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static rcache_options *options_of(const char *name, const char *value) {
    rcache_options *options = rcache_options_new();
    assert_non_null(options);
    assert_int_equal(rcache_options_set(options, name, value, NULL), RCACHE_OK);
    return options;
}

static void expect_refused(const char *url, const rcache_options *options, const char *message) {
    struct settings settings;
    rcache_error err = RCACHE_ERROR_INIT;
    assert_int_equal(settings_make(url, options, &settings, &err), RCACHE_E_INVALID);
    assert_string_equal(err.message, message);
    assert_null(settings.prefix);
    assert_null(settings.endpoint.first.host);
}

static void the_defaults_are_the_documented_ones(void **state) {
    (void)state;
    struct settings settings;
    assert_int_equal(settings_make("memory://", NULL, &settings, NULL), RCACHE_OK);
    const struct policy *policy = &settings.policy;
    assert_int_equal(policy->delay_ms, 10000);
    assert_int_equal(policy->empty_expire_ms, 60000);
    assert_int_equal(policy->lock_expire_ms, 3000);
    assert_int_equal(policy->lock_expire_max_ms, 60000);
    assert_int_equal(policy->lock_sleep_ms, 100);
    assert_int_equal(policy->deadline_ms, 10000);
    assert_int_equal(policy->wait_replicas, 0);
    assert_int_equal(policy->wait_replicas_timeout_ms, 3000);
    assert_float_equal(policy->random_expire_adjustment, 0.1, DBL_EPSILON);
    assert_false(policy->disable_cache_read);
    assert_false(policy->disable_cache_delete);
    assert_false(policy->strong_consistency);
    assert_int_equal(settings.op_timeout_ms, 500);
    assert_int_equal(settings.connect_timeout_ms, 500);
    assert_string_equal(settings.prefix, "");
    assert_int_equal(settings.connections, 1);
    assert_int_equal(settings.resp, 3);
    assert_int_equal(settings.memory_max_bytes, 256 << 20);
    assert_true(settings.trust.verify);
    settings_clear(&settings);
    settings_clear(&settings);
}

static void each_option_of_a_url_reaches_its_setting(void **state) {
    (void)state;
    struct settings settings;
    rcache_error err = RCACHE_ERROR_INIT;
    const char *url = "redis://user:secret@host:7000/5?delay=1ms&empty_expire=0&lock_expire=20ms&lock_expire_max=30ms"
                      "&lock_sleep=40ms&deadline=50ms&op_timeout=60ms&connect_timeout=70ms&wait_replicas=8"
                      "&wait_replicas_timeout=49ms&random_expire_adjustment=0.25&disable_cache_read=yes"
                      "&disable_cache_delete=on&strong_consistency=true&prefix=app%3A&connections=3&resp=2"
                      "&memory_max_bytes=1kb&username=u&username_env=U&password=p&password_env=P&password_file=/p"
                      "&tls_ca_file=/a&tls_ca_dir=/b&tls_certificate=/c&tls_key=/d&tls_server_name=e&tls_verify=no";
    if (settings_make(url, NULL, &settings, &err) != RCACHE_OK)
        fail_msg("%s", err.message);
    const struct policy *policy = &settings.policy;
    assert_int_equal(policy->delay_ms, 1);
    assert_int_equal(policy->empty_expire_ms, 0);
    assert_int_equal(policy->lock_expire_ms, 20);
    assert_int_equal(policy->lock_expire_max_ms, 30);
    assert_int_equal(policy->lock_sleep_ms, 40);
    assert_int_equal(policy->deadline_ms, 50);
    assert_int_equal(settings.op_timeout_ms, 60);
    assert_int_equal(settings.connect_timeout_ms, 70);
    assert_int_equal(policy->wait_replicas, 8);
    assert_int_equal(policy->wait_replicas_timeout_ms, 49);
    assert_float_equal(policy->random_expire_adjustment, 0.25, DBL_EPSILON);
    assert_true(policy->disable_cache_read && policy->disable_cache_delete && policy->strong_consistency);
    assert_string_equal(settings.prefix, "app:");
    assert_int_equal(settings.connections, 3);
    assert_int_equal(settings.resp, 2);
    assert_int_equal(settings.memory_max_bytes, 1024);
    assert_string_equal(settings.login.user, "u");
    assert_string_equal(settings.login.user_env, "U");
    assert_string_equal(settings.login.password, "p");
    assert_string_equal(settings.login.password_env, "P");
    assert_string_equal(settings.login.password_file, "/p");
    assert_string_equal(settings.trust.ca_file, "/a");
    assert_string_equal(settings.trust.ca_dir, "/b");
    assert_string_equal(settings.trust.certificate, "/c");
    assert_string_equal(settings.trust.key, "/d");
    assert_string_equal(settings.trust.server_name, "e");
    assert_false(settings.trust.verify);
    assert_string_equal(settings.endpoint.first.host, "host");
    assert_string_equal(settings.endpoint.password, "secret");
    assert_int_equal(settings.endpoint.first.port, 7000);
    assert_int_equal(settings.endpoint.database, 5);
    settings_clear(&settings);
}

static void options_go_over_the_url_and_the_url_over_defaults(void **state) {
    (void)state;
    struct settings settings;
    rcache_options *options = options_of("prefix", "b");
    assert_int_equal(rcache_options_set(options, "delay", "3s", NULL), RCACHE_OK);
    assert_int_equal(settings_make("memory://?prefix=a&delay=1s&delay=2s&lock_sleep=1s", options, &settings, NULL),
                     RCACHE_OK);
    rcache_options_free(options);
    assert_string_equal(settings.prefix, "b");
    assert_int_equal(settings.policy.delay_ms, 3000);
    assert_int_equal(settings.policy.lock_sleep_ms, 1000);
    settings_clear(&settings);
    assert_int_equal(settings_make("memory://?delay=1s&delay=2s", NULL, &settings, NULL), RCACHE_OK);
    assert_int_equal(settings.policy.delay_ms, 2000);
    settings_clear(&settings);
}

static void what_contradicts_is_named_on_both_sides(void **state) {
    (void)state;
    expect_refused("memory://?lock_expire=90s", NULL,
                   "'lock_expire' is 90000ms, longer than 'lock_expire_max' with its 60000ms; "
                   "lower the one or raise the other");
    expect_refused("rediss://host?tls_key=/key", NULL, "'tls_key' is set without 'tls_certificate', whose key it is");
    expect_refused("redis://host?wait_replicas=1&deadline=1s", NULL,
                   "'wait_replicas_timeout' is 3000ms, longer than 'deadline' with its 1000ms; "
                   "lower the one or raise the other");
    rcache_options *options = options_of("lock_expire_max", "2s");
    expect_refused("memory://", options, "'lock_expire' is 3000ms, longer than 'lock_expire_max' with its 2000ms; "
                                         "lower the one or raise the other");
    rcache_options_free(options);
}

static void what_doesnt_matter_is_not_compared(void **state) {
    (void)state;
    struct settings settings;
    assert_int_equal(settings_make("memory://?deadline=1s", NULL, &settings, NULL), RCACHE_OK);
    settings_clear(&settings);
    assert_int_equal(settings_make("memory://?lock_expire=60s", NULL, &settings, NULL), RCACHE_OK);
    settings_clear(&settings);
}

static void a_wrong_option_of_a_url_is_named(void **state) {
    (void)state;
    expect_refused("redis://:secret@host?lock_expires=3s", NULL,
                   "unknown option 'lock_expires'; did you mean 'lock_expire'?");
    expect_refused("redis://:secret@host?delay=0", NULL, "'delay' is '0', out of range; it may be 1ms..24h");
    expect_refused("redis://:secret@host?passwort=secret", NULL,
                   "unknown option 'passwort'; did you mean 'password'?");
}

static int asked, refused_at; /* counted from 1; 0: none is refused */

static int refuse(void) {
    return ++asked == refused_at;
}

static void want_of_memory_anywhere_is_an_error_and_leaks_nothing(void **state) {
    (void)state;
    rcache_options *options = options_of("prefix", "b");
    const char *urls[] = { "redis://user:secret@host:7000/5?delay=1ms&prefix=a", "unix://:secret@/path?prefix=a",
                           "memory://" };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        for (refused_at = 1;; refused_at++) {
            struct settings settings;
            rcache_error err = RCACHE_ERROR_INIT;
            asked = 0;
            mem_refuse_when(refuse);
            int32_t status = settings_make(urls[i], options, &settings, &err);
            mem_refuse_when(NULL);
            if (asked < refused_at) {
                assert_int_equal(status, RCACHE_OK);
                assert_string_equal(settings.prefix, "b");
                settings_clear(&settings);
                break;
            }
            assert_int_equal(status, RCACHE_E_NOMEM);
            assert_int_equal(err.status, RCACHE_E_NOMEM);
            assert_memory_equal(err.message, "no memory", 9);
            assert_null(settings.prefix);
            assert_null(settings.endpoint.first.host);
        }
        assert_true(refused_at > 3);
    }
    rcache_options_free(options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_the_documented_ones),
        cmocka_unit_test(each_option_of_a_url_reaches_its_setting),
        cmocka_unit_test(options_go_over_the_url_and_the_url_over_defaults),
        cmocka_unit_test(what_contradicts_is_named_on_both_sides),
        cmocka_unit_test(what_doesnt_matter_is_not_compared),
        cmocka_unit_test(a_wrong_option_of_a_url_is_named),
        cmocka_unit_test(want_of_memory_anywhere_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
