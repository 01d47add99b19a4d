/* breaker: failures one by one, on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/breaker.h"

static const struct breaker_rules RULES = { .failures = 5, .rate = 0.5, .pause_ms = 1000 };

static struct breaker breaker;
static struct random dice;

static int setup(void **state) {
    (void)state;
    breaker = (struct breaker){ .in_a_row = 0 };
    dice = (struct random){ 7 };
    return 0;
}

static bool fail_at(int64_t now_ms) {
    return breaker_failed(&breaker, &RULES, now_ms, &dice);
}

static void open_at(int64_t now_ms) {
    for (int i = 0; i < 4; i++)
        assert_false(fail_at(now_ms));
    assert_true(fail_at(now_ms));
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void failures_in_a_row_open_it(void **state) {
    (void)state;
    open_at(100);
    assert_int_equal(breaker.since_ms, 100);
    assert_false(fail_at(101)); /* only the one that opens it says so */
}

static void an_answer_between_them_begins_anew(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_false(fail_at(100));
    breaker_answered(&breaker, 1);
    open_at(100);
}

static void half_of_enough_requests_open_it(void **state) {
    (void)state;
    for (int i = 0; i < 9; i++) {
        assert_false(fail_at(100 + i));
        breaker_answered(&breaker, 1);
    }
    assert_false(fail_at(200)); /* the 19th */
    breaker_answered(&breaker, 1);
    assert_true(fail_at(201));
}

static void less_than_half_do_not(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_false(fail_at(100));
        breaker_answered(&breaker, 2);
    }
}

static void what_is_long_ago_does_not_count(void **state) {
    (void)state;
    for (int i = 0; i < 9; i++) {
        assert_false(fail_at(100));
        breaker_answered(&breaker, 1);
    }
    breaker_answered(&breaker, 1);
    for (int i = 0; i < 9; i++) {
        assert_false(fail_at(100 + BREAKER_WINDOW_MS));
        breaker_answered(&breaker, 1);
    }
}

static void nothing_opens_it_where_it_is_switched_off(void **state) {
    (void)state;
    const struct breaker_rules never = { .failures = 0, .rate = 0.5, .pause_ms = 1000 };
    for (int i = 0; i < 1000; i++)
        assert_false(breaker_failed(&breaker, &never, 100, &dice));
}

static void one_probe_goes_when_the_pause_is_over(void **state) {
    (void)state;
    open_at(100);
    assert_false(breaker_takes_probe(&breaker, 100 + 499));
    assert_true(breaker_takes_probe(&breaker, 100 + 1000));
    assert_false(breaker_takes_probe(&breaker, 100 + 1000));
    assert_int_equal(breaker.state, BREAKER_PROBING);
}

static void a_probe_that_is_answered_closes_it(void **state) {
    (void)state;
    open_at(100);
    assert_true(breaker_takes_probe(&breaker, 1100));
    breaker_probed(&breaker, &RULES, true, 1101, &dice);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    open_at(1200); /* as many as before, and for as long */
    assert_true(breaker.until_ms <= 2200);
    assert_int_equal(breaker.since_ms, 1200);
}

static void answers_to_others_do_not_close_it(void **state) {
    (void)state;
    open_at(100);
    breaker_answered(&breaker, 100);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    breaker_probed(&breaker, &RULES, true, 101, &dice); /* of nobody's probe */
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void pauses_double_up_to_half_a_minute(void **state) {
    (void)state;
    static const int64_t pauses[] = { 2000, 4000, 8000, 16000, 30000, 30000 };
    int64_t now_ms = 100;
    open_at(now_ms);
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        now_ms = breaker.until_ms;
        assert_true(breaker_takes_probe(&breaker, now_ms));
        breaker_probed(&breaker, &RULES, false, now_ms, &dice);
        assert_in_range(breaker.until_ms - now_ms, pauses[i] / 2, pauses[i]);
    }
    assert_int_equal(breaker.since_ms, 100);
}

static void pauses_differ(void **state) {
    (void)state;
    open_at(0);
    int64_t first_ms = breaker.until_ms;
    assert_true(breaker_takes_probe(&breaker, 5000));
    breaker_probed(&breaker, &RULES, true, 5000, &dice);
    open_at(10000);
    assert_int_not_equal(first_ms, breaker.until_ms - 10000);
}

static void a_probe_that_came_to_nothing_is_sent_again(void **state) {
    (void)state;
    open_at(100);
    assert_true(breaker_takes_probe(&breaker, 1100));
    breaker_unprobed(&breaker, 1101);
    assert_true(breaker_takes_probe(&breaker, 1101));
}

static void a_longer_pause_may_be_chosen(void **state) {
    (void)state;
    const struct breaker_rules patient = { .failures = 1, .rate = 0.5, .pause_ms = 60000 };
    assert_true(breaker_failed(&breaker, &patient, 0, &dice));
    assert_true(breaker_takes_probe(&breaker, 60000));
    breaker_probed(&breaker, &patient, false, 60000, &dice);
    assert_in_range(breaker.until_ms, 90000, 120000);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(failures_in_a_row_open_it),
        TEST(an_answer_between_them_begins_anew),
        TEST(half_of_enough_requests_open_it),
        TEST(less_than_half_do_not),
        TEST(what_is_long_ago_does_not_count),
        TEST(nothing_opens_it_where_it_is_switched_off),
        TEST(one_probe_goes_when_the_pause_is_over),
        TEST(a_probe_that_is_answered_closes_it),
        TEST(answers_to_others_do_not_close_it),
        TEST(pauses_double_up_to_half_a_minute),
        TEST(pauses_differ),
        TEST(a_probe_that_came_to_nothing_is_sent_again),
        TEST(a_longer_pause_may_be_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
