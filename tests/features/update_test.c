/* Updates: lock, transaction, unlock, as one op. */
#define _GNU_SOURCE
#include "support/scene.h"
#include "support/stores.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

/* One under way, whose transaction is the test's to run. */
struct update {
    rcache_op *op;
    rcache_load *load;
};

static struct update begin(rcache *cache, const char *key, int64_t lease_ms) {
    rcache_event event;
    rcache_op *op = rcache_op_update(cache, key, strlen(key), NULL, 0, lease_ms, NULL);
    assert_int_equal(rcache_op_wait(op, -1, &event), RCACHE_EVENT_LOAD);
    return (struct update){ op, event.load };
}

static struct answer end(struct update update) {
    rcache_load_finish(update.load);
    return run_one(update.op);
}

static void its_key_is_locked_within_and_invalidated_after(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    set(cache, key, "old", 60000);
    struct update update = begin(cache, key, 0);
    assert_string_equal(inspect(cache, key, "state"), "locked");
    assert_true(strlen(inspect(cache, key, "owner")) == 33);
    assert_string_equal(get(cache, key).text, "old");
    assert_int_equal(lock(cache, key, "another", 0, 0).status, RCACHE_E_LOST);
    assert_int_equal(end(update).status, RCACHE_OK);
    assert_string_equal(inspect(cache, key, "state"), "invalidated");
    rcache_close(cache);
}

static void its_fence_is_more_than_that_of_any_lock_before(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    uint64_t last = 0;
    for (int i = 0; i < 3; i++) {
        struct update update = begin(cache, key, 0);
        assert_true(rcache_load_fence(update.load) > last);
        last = rcache_load_fence(update.load);
        rcache_load_finish(update.load);
        rcache_result *result;
        assert_int_equal(rcache_op_run(update.op, NULL, NULL, &result), RCACHE_OK);
        assert_true(rcache_result_fence(result, 0) == last);
        rcache_result_free(result);
    }
    rcache_close(cache);
}

static void its_lock_is_renewed(void **state) {
    (void)state;
    rcache *cache = scene_open("lock_expire=3s");
    const char *key = key_of("user");
    struct update update = begin(cache, key, 1200); /* which a machine that stands still for a while doesn't lose */
    wait_for(counter(cache, "leases_renewed") >= 4);
    assert_true(rcache_load_wanted(update.load));
    assert_string_equal(inspect(cache, key, "state"), "locked");
    assert_int_equal(end(update).status, RCACHE_OK);
    rcache_close(cache);
}

static void a_transaction_that_fails_unlocks_too(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    set(cache, key, "old", 60000);
    struct update update = begin(cache, key, 0);
    rcache_load_fail(update.load, 0, "rolled back");
    struct answer answer = end(update);
    assert_int_equal(answer.status, RCACHE_E_LOADER);
    assert_non_null(strstr(answer.message, "rolled back"));
    assert_string_equal(inspect(cache, key, "state"), "invalidated");
    rcache_close(cache);
}

static void a_lock_that_was_lost_is_told_meanwhile(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    struct update update = begin(cache, key, 150);
    delete_key(cache, key);
    assert_int_equal(lock(cache, key, "another", 60000, 0).status, RCACHE_OK);
    wait_for(!rcache_load_wanted(update.load));
    assert_int_equal(end(update).status, RCACHE_E_LOST);
    assert_string_equal(inspect(cache, key, "owner"), "another");
    unlock(cache, key, "another");
    rcache_close(cache);
}

static void a_lock_that_was_lost_is_told_at_the_latest_at_the_end(void **state) {
    (void)state;
    rcache *cache = scene_open("lock_expire=60s");
    const char *key = key_of("user");
    struct update update = begin(cache, key, 0);
    set(cache, key, "another's", 60000);
    assert_int_equal(end(update).status, RCACHE_E_LOST);
    assert_string_equal(inspect(cache, key, "state"), "invalidated");
    rcache_close(cache);
}

static void a_transaction_that_takes_too_long_loses_its_lock(void **state) {
    (void)state;
    rcache *cache = scene_open("lock_expire=100ms&lock_expire_max=300ms");
    const char *key = key_of("user");
    struct update update = begin(cache, key, 0);
    wait_for(!rcache_load_wanted(update.load));
    wait_for(lock(cache, key, "another", 0, 0).status == RCACHE_OK);
    assert_int_equal(end(update).status, RCACHE_E_LOST);
    unlock(cache, key, "another");
    rcache_close(cache);
}

static void another_s_lock_is_waited_for(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    const rcache_call brief = { .struct_size = sizeof brief, .deadline_ms = 60 };
    lock(cache, key, "another", 400, 0);
    assert_int_equal(run_one(rcache_op_update(cache, key, strlen(key), NULL, 0, 0, &brief)).status, RCACHE_E_TIMEOUT);
    assert_int_equal(end(begin(cache, key, 0)).status, RCACHE_OK);
    rcache_close(cache);
}

/* Only the waiting for the lock is bounded by it. */
static void the_deadline_doesn_t_count_the_transaction(void **state) {
    (void)state;
    rcache *cache = scene_open("deadline=400ms");
    const char *key = key_of("user");
    struct update update = begin(cache, key, 0);
    int64_t begun_ms = scene_now_ms();
    wait_for(scene_now_ms() > begun_ms + 500);
    assert_int_equal(end(update).status, RCACHE_OK);
    rcache_close(cache);
}

static rcache_event next_event(rcache_queue *queue) {
    rcache_event event;
    struct pollfd readable = { .fd = rcache_queue_fd(queue), .events = POLLIN };
    while (rcache_queue_drain(queue, &event, 1) == 0)
        assert_true(poll(&readable, 1, 10000) > 0);
    return event;
}

static rcache_queue *open_queue(rcache *cache) {
    rcache_error err;
    rcache_queue *queue;
    assert_int_equal(rcache_queue_new(cache, &queue, &err), RCACHE_OK);
    return queue;
}

static void a_queue_tells_when_the_lock_is_lost(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    rcache_queue *queue = open_queue(cache);
    const char *key = key_of("user");
    rcache_queue_submit(queue, rcache_op_update(cache, key, strlen(key), NULL, 0, 150, NULL), 7);
    rcache_event granted = next_event(queue);
    assert_int_equal(granted.kind, RCACHE_EVENT_LOAD);
    delete_key(cache, key);
    rcache_event lost = next_event(queue);
    assert_int_equal(lost.kind, RCACHE_EVENT_LOST);
    assert_int_equal(lost.tag, 7);
    rcache_load_finish(granted.load);
    rcache_event done = next_event(queue);
    assert_int_equal(done.kind, RCACHE_EVENT_DONE);
    assert_int_equal(done.value.status, RCACHE_E_LOST);
    rcache_result_free(done.result);
    rcache_queue_free(queue);
    rcache_close(cache);
}

/* Whoever waits for the key need not wait for the end of a lock that nobody wants. */
static void one_that_is_given_up_unlocks(void **state) {
    (void)state;
    rcache *cache = scene_open("lock_expire=60s");
    const char *key = key_of("user");
    struct update update = begin(cache, key, 0);
    rcache_op_free(update.op);
    rcache_load_finish(update.load);
    wait_for(lock(cache, key, "another", 0, 0).status == RCACHE_OK);
    unlock(cache, key, "another");
    rcache_close(cache);
}

/* ---- given up before its lock is granted: by a server that stands still meanwhile ---- */

static rcache *open_with(const char *key) {
    rcache *cache = scene_open("op_timeout=30s&lock_expire=60s");
    assert_int_equal(set(cache, key, "old", 60000).status, RCACHE_OK);
    return cache;
}

static int let_it_go_on(void **state) {
    (void)state;
    kill(store_now->pid, SIGCONT);
    return 0;
}

static void expect_unlocked(rcache *cache, const char *key) {
    let_it_go_on(NULL);
    wait_for(strcmp(inspect(cache, key, "state"), "invalidated") == 0);
    assert_int_equal(lock(cache, key, "another", 0, 0).status, RCACHE_OK);
    rcache_close(cache);
}

static void one_whose_deadline_passed_before_unlocks_too(void **state) {
    (void)state;
    const char *key = key_of("user");
    rcache *cache = open_with(key);
    const rcache_call brief = { .struct_size = sizeof brief, .deadline_ms = 60 };
    kill(store_now->pid, SIGSTOP);
    assert_int_equal(run_one(rcache_op_update(cache, key, strlen(key), NULL, 0, 0, &brief)).status, RCACHE_E_TIMEOUT);
    expect_unlocked(cache, key);
}

static void one_that_was_freed_before_unlocks_too(void **state) {
    (void)state;
    const char *key = key_of("user");
    rcache *cache = open_with(key);
    rcache_event event;
    kill(store_now->pid, SIGSTOP);
    rcache_op *op = rcache_op_update(cache, key, strlen(key), NULL, 0, 0, NULL);
    assert_int_equal(rcache_op_wait(op, 1, &event), RCACHE_EVENT_NONE);
    rcache_op_free(op);
    expect_unlocked(cache, key);
}

static void one_that_was_canceled_in_a_queue_before_unlocks_too(void **state) {
    (void)state;
    const char *key = key_of("user");
    rcache *cache = open_with(key);
    rcache_queue *queue = open_queue(cache);
    kill(store_now->pid, SIGSTOP);
    rcache_op *op = rcache_op_update(cache, key, strlen(key), NULL, 0, 0, NULL);
    rcache_queue_submit(queue, op, 7);
    rcache_op_cancel(op);
    rcache_event done = next_event(queue);
    assert_int_equal(done.value.status, RCACHE_E_CANCELED);
    rcache_result_free(done.result);
    rcache_queue_free(queue);
    expect_unlocked(cache, key);
}

/* Its reply is there, and nobody has looked. */
static void one_that_was_granted_and_never_told_unlocks_too(void **state) {
    (void)state;
    const char *key = key_of("user");
    rcache *cache = open_with(key);
    rcache_queue *queue = open_queue(cache);
    rcache_queue_submit(queue, rcache_op_update(cache, key, strlen(key), NULL, 0, 0, NULL), 7);
    struct pollfd readable = { .fd = rcache_queue_fd(queue), .events = POLLIN };
    assert_true(poll(&readable, 1, 10000) > 0);
    rcache_queue_free(queue);
    expect_unlocked(cache, key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_key_is_locked_within_and_invalidated_after),
        cmocka_unit_test(its_fence_is_more_than_that_of_any_lock_before),
        cmocka_unit_test(its_lock_is_renewed),
        cmocka_unit_test(a_transaction_that_fails_unlocks_too),
        cmocka_unit_test(a_lock_that_was_lost_is_told_meanwhile),
        cmocka_unit_test(a_lock_that_was_lost_is_told_at_the_latest_at_the_end),
        cmocka_unit_test(a_transaction_that_takes_too_long_loses_its_lock),
        cmocka_unit_test(another_s_lock_is_waited_for),
        cmocka_unit_test(the_deadline_doesn_t_count_the_transaction),
        cmocka_unit_test(a_queue_tells_when_the_lock_is_lost),
        cmocka_unit_test(one_that_is_given_up_unlocks),
    };
    const struct CMUnitTest on_servers[] = {
        cmocka_unit_test_teardown(one_whose_deadline_passed_before_unlocks_too, let_it_go_on),
        cmocka_unit_test_teardown(one_that_was_freed_before_unlocks_too, let_it_go_on),
        cmocka_unit_test_teardown(one_that_was_canceled_in_a_queue_before_unlocks_too, let_it_go_on),
        cmocka_unit_test_teardown(one_that_was_granted_and_never_told_unlocks_too, let_it_go_on),
    };
    const struct scene_tests groups[] = {
        { "updates", tests, sizeof tests / sizeof tests[0], false },
        { "updates with a server", on_servers, sizeof on_servers / sizeof on_servers[0], true },
    };
    return scene_run(groups, sizeof groups / sizeof groups[0]);
}
