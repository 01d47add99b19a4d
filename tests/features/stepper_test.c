/* The stepping driver: what a program with sockets of its own does with it. */
#include "support/stores.h"
#include "support/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct worker one, two;

static void many_wait_for_one_load(void **state) {
    (void)state;
    worker_open(&one, NULL);
    const char *key = key_of("hot");
    for (uint64_t i = 0; i < 200; i++)
        worker_fetch(&one, key, i, NULL);
    worker_run(&one, 200);
    for (size_t i = 0; i < 200; i++)
        assert_string_equal(one.answers[i].text, "v1");
    assert_int_equal(one.database.loads, 1);
    worker_fetch(&one, key, 0, NULL);
    worker_run(&one, 201);
    assert_int_equal(one.answers[0].outcome, RCACHE_HIT);
    worker_close(&one);
}

/* The second is woken where the store can tell of changes, and looks now and then where it can't. */
static void workers_share_a_load(void **state) {
    (void)state;
    worker_open(&one, NULL);
    worker_open(&two, NULL);
    one.keep_loads = true;
    const char *key = key_of("user");
    worker_fetch(&one, key, 0, NULL);
    wait_for((worker_turn(&one, 1), one.load_count == 1));
    worker_fetch(&two, key, 0, NULL);
    wait_for((worker_turn(&two, 1), counter(two.cache, "leases_busy") == 1));
    load_row(one.loads[0], &one.database);
    worker_run(&one, 1);
    worker_run(&two, 1);
    assert_int_equal(two.answers[0].outcome, RCACHE_HIT);
    assert_string_equal(two.answers[0].text, "v1");
    assert_int_equal(two.database.loads, 0);
    worker_close(&one);
    worker_close(&two);
}

static void a_lease_is_renewed_while_its_loader_runs(void **state) {
    (void)state;
    worker_open(&one, "lock_expire=60ms");
    one.keep_loads = true;
    worker_fetch(&one, key_of("user"), 0, NULL);
    wait_for((worker_turn(&one, 1), counter(one.cache, "leases_renewed") >= 5));
    load_row(one.loads[0], &one.database);
    worker_run(&one, 1);
    assert_int_equal(counter(one.cache, "loads_stored"), 1);
    worker_close(&one);
}

static void a_stale_answer_comes_with_its_refresh(void **state) {
    (void)state;
    worker_open(&one, NULL);
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key);
    worker_fetch(&one, key, 0, NULL);
    worker_run(&one, 1);
    one.database.row = 2;
    rcache_stepper_submit(one.stepper, rcache_op_invalidate(one.cache, key, &size, 1, NULL), 1);
    worker_run(&one, 2);
    worker_fetch(&one, key, 2, NULL);
    worker_run(&one, 3);
    assert_int_equal(one.answers[2].outcome, RCACHE_STALE);
    assert_string_equal(one.answers[2].text, "v1");
    wait_for((worker_turn(&one, 1), counter(one.cache, "loads_stored") == 2));
    worker_fetch(&one, key, 3, NULL);
    worker_run(&one, 4);
    assert_string_equal(one.answers[3].text, "v2");
    worker_close(&one);
}

static void bytes_may_be_cut_anywhere(void **state) {
    (void)state;
    worker_open(&one, NULL);
    one.cut = 1;
    for (uint64_t i = 0; i < 20; i++)
        worker_fetch(&one, key_of("user"), i, NULL);
    worker_run(&one, 20);
    for (size_t i = 0; i < 20; i++)
        assert_string_equal(one.answers[i].text, "v1");
    worker_close(&one);
}

static void the_rest_of_a_large_value_is_announced(void **state) {
    (void)state;
    enum { SIZE = 1000 * 1000 };
    worker_open(&one, NULL);
    one.cut = 1000;
    char *value = malloc(SIZE);
    memset(value, 'x', SIZE);
    const char *key = key_of("large");
    const uint32_t size = (uint32_t)strlen(key), value_size = SIZE;
    rcache_stepper_submit(one.stepper, rcache_op_set(one.cache, key, &size, value, &value_size, 1, 100000, NULL), 0);
    worker_run(&one, 1);
    assert_int_equal(one.answers[0].status, RCACHE_OK);
    rcache_stepper_submit(one.stepper, rcache_op_get(one.cache, key, &size, 1, NULL), 1);
    worker_run(&one, 2);
    assert_int_equal(one.sizes[1], SIZE);
    assert_true(one.missing_most > SIZE - 2000 && one.missing_most <= SIZE + 100);
    free(value);
    worker_close(&one);
}

static void what_had_no_answer_is_sent_again(void **state) {
    (void)state;
    worker_open(&one, NULL);
    const char *key = key_of("user");
    for (uint64_t i = 0; i < 20; i += 2) {
        worker_fetch(&one, key, i, NULL); /* the connection stands */
        worker_run(&one, i + 1);
        worker_fetch(&one, key, i + 1, NULL);
        worker_turn(&one, 0);
        worker_cut_off(&one);
        worker_run(&one, i + 2);
        assert_int_equal(one.answers[i + 1].outcome, RCACHE_HIT);
    }
    worker_close(&one);
}

static void a_connection_from_a_pool_needs_no_handshake(void **state) {
    (void)state;
    worker_open(&one, "connections=1&strong_consistency=yes");
    const char *key = key_of("user");
    worker_fetch(&one, key, 0, NULL);
    worker_run(&one, 1);
    for (uint64_t i = 1; i < 5; i++) {
        worker_give_back(&one);
        worker_fetch(&one, key, i, NULL);
        worker_run(&one, i + 1);
        assert_int_equal(one.answers[i].outcome, RCACHE_HIT);
    }
    assert_int_equal(one.connected, 1);
    worker_close(&one);
}

static void canceling_one_hurts_none_that_waits_with_it(void **state) {
    (void)state;
    worker_open(&one, NULL);
    one.keep_loads = true;
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key);
    worker_fetch(&one, key, 0, NULL);
    wait_for((worker_turn(&one, 1), one.load_count == 1));
    rcache_op *second = rcache_op_fetch(one.cache, key, &size, 1, 100000, NULL);
    rcache_stepper_submit(one.stepper, second, 1);
    worker_fetch(&one, key, 2, NULL);
    rcache_op_cancel(second);
    worker_run(&one, 1);
    assert_int_equal(one.answers[1].status, RCACHE_E_CANCELED);
    load_row(one.loads[0], &one.database);
    worker_run(&one, 3);
    assert_string_equal(one.answers[0].text, "v1");
    assert_string_equal(one.answers[2].text, "v1");
    worker_close(&one);
}

static void closing_ends_what_is_under_way(void **state) {
    (void)state;
    worker_open(&one, NULL);
    one.keep_loads = true;
    const char *key = key_of("user");
    worker_fetch(&one, key, 0, NULL);
    wait_for((worker_turn(&one, 1), one.load_count == 1));
    worker_fetch(&one, key, 1, NULL);
    rcache_close(one.cache);
    worker_run(&one, 2);
    assert_int_equal(one.answers[0].status, RCACHE_E_CLOSED);
    assert_int_equal(one.answers[1].status, RCACHE_E_CLOSED);
    load_row(one.loads[0], &one.database);
    one.cache = NULL;
    worker_close(&one);
}

static void a_stepper_with_live_ops_can_be_freed(void **state) {
    (void)state;
    worker_open(&one, NULL);
    one.keep_loads = true;
    for (uint64_t i = 0; i < 100; i++)
        worker_fetch(&one, key_of("user"), i, NULL);
    worker_turn(&one, 100);
    worker_turn(&one, 100);
    worker_close(&one);
    for (size_t i = 0; i < one.load_count; i++)
        load_row(one.loads[i], &one.database);
}

static void other_drivers_are_refused(void **state) {
    (void)state;
    worker_open(&one, NULL);
    rcache_error err;
    rcache_stepper *stepper;
    rcache_queue *queue;
    assert_int_equal(rcache_stepper_new(one.cache, &stepper, &err), RCACHE_E_MISUSE);
    assert_int_equal(rcache_queue_new(one.cache, &queue, &err), RCACHE_E_MISUSE);
    assert_int_equal(get(one.cache, key_of("user")).status, RCACHE_E_MISUSE);
    worker_close(&one);
    rcache *used = scene_open(NULL);
    get(used, key_of("user"));
    assert_int_equal(rcache_stepper_new(used, &stepper, &err), RCACHE_E_MISUSE);
    assert_null(stepper);
    rcache_close(used);
}

int main(void) {
    const struct CMUnitTest everywhere[] = {
        cmocka_unit_test(many_wait_for_one_load),
        cmocka_unit_test(a_lease_is_renewed_while_its_loader_runs),
        cmocka_unit_test(a_stale_answer_comes_with_its_refresh),
        cmocka_unit_test(bytes_may_be_cut_anywhere),
        cmocka_unit_test(canceling_one_hurts_none_that_waits_with_it),
        cmocka_unit_test(closing_ends_what_is_under_way),
        cmocka_unit_test(a_stepper_with_live_ops_can_be_freed),
        cmocka_unit_test(other_drivers_are_refused),
    };
    const struct CMUnitTest on_servers[] = {
        cmocka_unit_test(workers_share_a_load),
        cmocka_unit_test(the_rest_of_a_large_value_is_announced),
        cmocka_unit_test(what_had_no_answer_is_sent_again),
        cmocka_unit_test(a_connection_from_a_pool_needs_no_handshake),
    };
    const struct scene_tests groups[] = {
        { "stepper", everywhere, sizeof everywhere / sizeof everywhere[0], false },
        { "stepper on servers", on_servers, sizeof on_servers / sizeof on_servers[0], true },
    };
    return scene_run(groups, 2);
}
