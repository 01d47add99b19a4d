/* The completion queue: what an event loop does with it. */
#include "support/scene.h"
#include "support/stores.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

struct loop {
    rcache *cache;
    rcache_queue *queue;
    struct database database;
    size_t done;
    struct answer answers[10000];
};

static void loop_open(struct loop *loop, const char *options) {
    rcache_error err;
    memset(loop, 0, sizeof *loop);
    loop->cache = scene_open(options);
    loop->database.row = 1;
    assert_int_equal(rcache_queue_new(loop->cache, &loop->queue, &err), RCACHE_OK);
}

static void loop_close(struct loop *loop) {
    rcache_queue_free(loop->queue);
    rcache_close(loop->cache);
}

static void take_event(struct loop *loop, rcache_event *event) {
    if (event->load != NULL)
        load_row(event->load, &loop->database);
    if (event->kind != RCACHE_EVENT_DONE)
        return;
    struct answer *answer = &loop->answers[event->tag];
    answer->status = event->value.status;
    answer->outcome = event->value.outcome;
    if (event->value.size > 0 && event->value.size < sizeof answer->text)
        memcpy(answer->text, event->value.data, event->value.size);
    rcache_result_free(event->result);
    loop->done++;
}

/* Until so many ops are done; fails the test after ten seconds. */
static void loop_run(struct loop *loop, size_t done) {
    int64_t end_ms = scene_now_ms() + 10000;
    while (loop->done < done) {
        struct pollfd fd = { .fd = rcache_queue_fd(loop->queue), .events = POLLIN };
        if (poll(&fd, 1, 1000) == 0 && scene_now_ms() > end_ms)
            fail_msg("%zu of %zu ops done after 10 s", loop->done, done);
        rcache_event events[64];
        size_t count = rcache_queue_drain(loop->queue, events, 64);
        for (size_t i = 0; i < count; i++)
            take_event(loop, &events[i]);
    }
}

static void submit_fetch(struct loop *loop, const char *key, uint64_t tag, const rcache_call *call) {
    uint32_t size = (uint32_t)strlen(key);
    rcache_queue_submit(loop->queue, rcache_op_fetch(loop->cache, key, &size, 1, 100000, call), tag);
}

static struct loop loop;

static void ten_thousand_wait_for_one_load(void **state) {
    (void)state;
    loop_open(&loop, NULL);
    const char *key = key_of("hot");
    for (uint64_t i = 0; i < 10000; i++)
        submit_fetch(&loop, key, i, NULL);
    loop_run(&loop, 10000);
    for (size_t i = 0; i < 10000; i++)
        assert_string_equal(loop.answers[i].text, "v1");
    assert_int_equal(loop.database.loads, 1);
    loop_close(&loop);
}

static void many_are_submitted_at_once(void **state) {
    (void)state;
    enum { COUNT = 100 };
    rcache_op *ops[COUNT + 1];
    uint64_t tags[COUNT + 1];
    loop_open(&loop, NULL);
    for (uint64_t i = 0; i < COUNT; i++) {
        char name[16];
        snprintf(name, sizeof name, "user:%d", (int)i / 2); /* each of them twice */
        const char *key = key_of(name);
        uint32_t size = (uint32_t)strlen(key);
        tags[i] = i;
        ops[i] = rcache_op_fetch(loop.cache, key, &size, 1, 100000, NULL);
    }
    rcache *other = scene_open(NULL);
    uint32_t size = 1;
    ops[COUNT] = rcache_op_get(other, "k", &size, 1, NULL);
    tags[COUNT] = COUNT;
    rcache_queue_submit_all(loop.queue, ops, tags, COUNT + 1);
    rcache_queue_submit_all(loop.queue, NULL, NULL, 0);
    loop_run(&loop, COUNT + 1);
    for (size_t i = 0; i < COUNT; i++)
        assert_string_equal(loop.answers[i].text, "v1");
    assert_int_equal(loop.database.loads, COUNT / 2);
    assert_int_equal(loop.answers[COUNT].status, RCACHE_E_MISUSE);
    rcache_close(other);
    loop_close(&loop);
}

static void a_stale_answer_comes_with_its_refresh(void **state) {
    (void)state;
    loop_open(&loop, NULL);
    const char *key = key_of("user");
    submit_fetch(&loop, key, 0, NULL);
    loop_run(&loop, 1);
    loop.database.row = 2;
    assert_int_equal(invalidate(loop.cache, key).status, RCACHE_OK);
    submit_fetch(&loop, key, 1, NULL);
    loop_run(&loop, 2);
    assert_int_equal(loop.answers[1].outcome, RCACHE_STALE);
    wait_for(strcmp(get(loop.cache, key).text, "v2") == 0);
    loop_close(&loop);
}

static void an_op_that_can_not_begin_is_told_like_all_others(void **state) {
    (void)state;
    loop_open(&loop, NULL);
    uint32_t size = 1;
    rcache_queue_submit(loop.queue, rcache_op_fetch(loop.cache, "k", &size, 1, 0, NULL), 3);
    loop_run(&loop, 1);
    assert_int_equal(loop.answers[3].status, RCACHE_E_INVALID);
    loop_close(&loop);
}

/* The load that the first was handed is held back by not answering it. */
static void canceling_one_hurts_none_that_waits_with_it(void **state) {
    (void)state;
    loop_open(&loop, NULL);
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key);
    submit_fetch(&loop, key, 0, NULL);
    rcache_event event = { 0 };
    wait_for(rcache_queue_drain(loop.queue, &event, 1) == 1);
    assert_int_equal(event.kind, RCACHE_EVENT_LOAD);
    rcache_op *second = rcache_op_fetch(loop.cache, key, &size, 1, 100000, NULL);
    rcache_op *early = rcache_op_fetch(loop.cache, key, &size, 1, 100000, NULL);
    rcache_op_cancel(early);
    rcache_queue_submit_all(loop.queue, (rcache_op *[]){ second, early }, (uint64_t[]){ 1, 3 }, 2);
    submit_fetch(&loop, key, 2, NULL);
    rcache_op_cancel(second);
    loop_run(&loop, 2);
    assert_int_equal(loop.answers[1].status, RCACHE_E_CANCELED);
    assert_int_equal(loop.answers[3].status, RCACHE_E_CANCELED);
    load_row(event.load, &loop.database);
    loop_run(&loop, 4);
    assert_string_equal(loop.answers[0].text, "v1");
    assert_string_equal(loop.answers[2].text, "v1");
    loop_close(&loop);
}

static void a_deadline_passes_without_a_thread_that_waits(void **state) {
    (void)state;
    loop_open(&loop, NULL);
    const char *key = key_of("user");
    submit_fetch(&loop, key, 0, NULL);
    rcache_event event = { 0 };
    wait_for(rcache_queue_drain(loop.queue, &event, 1) == 1);
    rcache_call call = { .struct_size = sizeof call, .deadline_ms = 50 };
    submit_fetch(&loop, key, 1, &call);
    loop_run(&loop, 1);
    assert_int_equal(loop.answers[1].status, RCACHE_E_TIMEOUT);
    load_row(event.load, &loop.database);
    loop_run(&loop, 2);
    loop_close(&loop);
}

static void closing_ends_what_is_under_way(void **state) {
    (void)state;
    loop_open(&loop, NULL);
    const char *key = key_of("user");
    submit_fetch(&loop, key, 0, NULL);
    rcache_event event = { 0 };
    wait_for(rcache_queue_drain(loop.queue, &event, 1) == 1);
    submit_fetch(&loop, key, 1, NULL);
    rcache_close(loop.cache);
    loop_run(&loop, 2);
    assert_int_equal(loop.answers[0].status, RCACHE_E_CLOSED);
    assert_int_equal(loop.answers[1].status, RCACHE_E_CLOSED);
    load_row(event.load, &loop.database);
    rcache_queue_free(loop.queue);
}

static void a_queue_with_live_ops_can_be_freed(void **state) {
    (void)state;
    loop_open(&loop, NULL);
    for (uint64_t i = 0; i < 100; i++)
        submit_fetch(&loop, key_of("user"), i, NULL);
    loop_close(&loop);
}

/* It is settled, not drained, and its deadline is still to come when the queue goes. */
static void a_queue_can_be_freed_before_a_settled_op_is_drained(void **state) {
    (void)state;
    loop_open(&loop, NULL);
    const char *key = key_of("user");
    submit_fetch(&loop, key, 0, NULL);
    rcache_event event = { 0 };
    wait_for(rcache_queue_drain(loop.queue, &event, 1) == 1);
    rcache_call call = { .struct_size = sizeof call, .deadline_ms = 200 };
    submit_fetch(&loop, key, 1, &call);
    wait_for((rcache_queue_drain(loop.queue, &(rcache_event){ 0 }, 1), counter(loop.cache, "joined") == 1));
    load_row(event.load, &loop.database);
    wait_for(counter(loop.cache, "loads_stored") == 1);
    rcache_queue_free(loop.queue);
    int64_t end_ms = scene_now_ms() + 300; /* past the deadline that was set */
    wait_for(scene_now_ms() > end_ms);
    rcache_close(loop.cache);
}

/* It is done but for being told, with a refresh to hand over: the lease goes back, and others need not wait for it. */
static void a_queue_can_be_freed_before_a_refresh_is_handed_over(void **state) {
    (void)state;
    loop_open(&loop, NULL);
    const char *key = key_of("user");
    submit_fetch(&loop, key, 0, NULL);
    loop_run(&loop, 1);
    assert_int_equal(invalidate(loop.cache, key).status, RCACHE_OK);
    submit_fetch(&loop, key, 1, NULL);
    rcache_event event = { 0 };
    wait_for((rcache_queue_drain(loop.queue, &event, 1), counter(loop.cache, "misses") == 2));
    wait_for(counter(loop.cache, "refreshes") == 1);
    take_event(&loop, &event); /* in memory all of it happens at once */
    rcache_queue_free(loop.queue);
    struct answer answer = fetch_until(loop.cache, key, &loop.database, RCACHE_STRONG, 5000);
    assert_int_equal(answer.status, RCACHE_OK);
    rcache_close(loop.cache);
}

/* The option bounds waiting, not the caller's own work. */
static void a_slow_loader_is_not_ended_by_the_deadline_option(void **state) {
    (void)state;
    loop_open(&loop, "deadline=500ms");
    const char *key = key_of("user");
    submit_fetch(&loop, key, 0, NULL);
    rcache_event event = { 0 };
    wait_for(rcache_queue_drain(loop.queue, &event, 1) == 1);
    loop.database.slow_ms = 700;
    load_row(event.load, &loop.database);
    loop_run(&loop, 1);
    assert_string_equal(loop.answers[0].text, "v1");
    loop_close(&loop);
}

static void *close_soon(void *cache) {
    rcache_close(cache);
    return NULL;
}

static void closing_while_another_thread_submits(void **state) {
    (void)state;
    for (int round = 0; round < 50; round++) {
        loop_open(&loop, NULL);
        pthread_t closer;
        rcache *cache = loop.cache;
        const char *key = key_of("user");
        rcache_op *ops[20];
        uint32_t size = (uint32_t)strlen(key);
        for (int i = 0; i < 20; i++)
            ops[i] = rcache_op_fetch(cache, key, &size, 1, 100000, NULL);
        assert_int_equal(pthread_create(&closer, NULL, close_soon, cache), 0);
        for (uint64_t i = 0; i < 20; i++)
            rcache_queue_submit(loop.queue, ops[i], i);
        loop_run(&loop, 20);
        pthread_join(closer, NULL);
        rcache_queue_free(loop.queue);
    }
}

/* Another process gives its lease back, so that the load is ours by then, but not drained: nobody is to be made to load
 * for an op that is at its end. */
static void end_before_its_load_is_drained(bool close) {
    const char *key = key_of(close ? "closed" : "canceled");
    const uint32_t size = (uint32_t)strlen(key);
    rcache *other = scene_open(NULL);
    rcache_event event, load;
    rcache_op *holder = rcache_op_fetch(other, key, &size, 1, 100000, NULL);
    assert_int_equal(rcache_op_wait(holder, -1, &load), RCACHE_EVENT_LOAD);
    loop_open(&loop, NULL);
    rcache_op *op = rcache_op_fetch(loop.cache, key, &size, 1, 100000, NULL);
    rcache_queue_submit(loop.queue, op, 0);
    wait_for(rcache_queue_drain(loop.queue, &event, 1) == 0 && counter(loop.cache, "leases_busy") == 1);
    rcache_load_finish(load.load);
    wait_for(counter(loop.cache, "loads") == 1);
    if (close)
        rcache_close(loop.cache);
    else
        rcache_op_cancel(op);
    assert_int_equal(rcache_queue_drain(loop.queue, &event, 1), 1);
    assert_int_equal(event.kind, RCACHE_EVENT_DONE);
    assert_int_equal(event.value.status, close ? RCACHE_E_CLOSED : RCACHE_E_CANCELED);
    assert_null(event.load);
    rcache_result_free(event.result);
    rcache_queue_free(loop.queue);
    rcache_close(close ? NULL : loop.cache);
    rcache_op_free(holder);
    rcache_close(other);
}

/* Its answer was the stale value, and the load behind it is nobody's now: the key is free at once. */
static void a_refresh_that_was_never_drained_is_given_back(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    rcache *other = scene_open(NULL);
    assert_int_equal(set(other, key, "v0", 100000).status, RCACHE_OK);
    size_t drained = 1;
    int64_t end_ms = scene_now_ms() + 20000;
    while (drained > 0 && scene_now_ms() < end_ms) { /* until the service thread, and not a drain, gets the lease */
        assert_int_equal(invalidate(other, key).status, RCACHE_OK);
        loop_open(&loop, NULL);
        submit_fetch(&loop, key, 0, NULL);
        rcache_event event = { 0 };
        do
            drained = rcache_queue_drain(loop.queue, &event, 1);
        while (drained == 0 && counter(loop.cache, "misses") == 0);
        if (drained > 0)
            take_event(&loop, &event);
        wait_for(counter(loop.cache, "refreshes") == 1);
        loop_close(&loop);
    }
    assert_int_equal(drained, 0);
    assert_string_equal(fetch_until(other, key, &database, RCACHE_STRONG, 2000).text, "v1");
    rcache_close(other);
}

static void an_op_that_is_to_end_is_handed_no_load(void **state) {
    (void)state;
    end_before_its_load_is_drained(false);
    end_before_its_load_is_drained(true);
}

/* Not of the queue, but of the same users: a program that looks in now and then instead of waiting. */
static void an_op_gets_on_by_polling_alone(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key);
    rcache_op *op = rcache_op_fetch(cache, key, &size, 1, 100000, NULL);
    rcache_event event = { 0 };
    for (int64_t end_ms = scene_now_ms() + 5000; event.kind != RCACHE_EVENT_DONE && scene_now_ms() < end_ms;)
        if (rcache_op_wait(op, 0, &event) == RCACHE_EVENT_LOAD)
            load_row(event.load, &database);
    assert_int_equal(event.kind, RCACHE_EVENT_DONE);
    assert_int_equal(event.value.outcome, RCACHE_LOADED);
    rcache_result_free(event.result);
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_wait_for_one_load),
        cmocka_unit_test(many_are_submitted_at_once),
        cmocka_unit_test(a_stale_answer_comes_with_its_refresh),
        cmocka_unit_test(an_op_that_can_not_begin_is_told_like_all_others),
        cmocka_unit_test(canceling_one_hurts_none_that_waits_with_it),
        cmocka_unit_test(a_deadline_passes_without_a_thread_that_waits),
        cmocka_unit_test(closing_ends_what_is_under_way),
        cmocka_unit_test(a_queue_with_live_ops_can_be_freed),
        cmocka_unit_test(a_queue_can_be_freed_before_a_settled_op_is_drained),
        cmocka_unit_test(a_queue_can_be_freed_before_a_refresh_is_handed_over),
        cmocka_unit_test(a_slow_loader_is_not_ended_by_the_deadline_option),
        cmocka_unit_test(closing_while_another_thread_submits),
        cmocka_unit_test(an_op_gets_on_by_polling_alone),
    };
    const struct CMUnitTest server_tests[] = { cmocka_unit_test(an_op_that_is_to_end_is_handed_no_load),
                                               cmocka_unit_test(a_refresh_that_was_never_drained_is_given_back) };
    const struct scene_tests groups[] = { { "queue", tests, sizeof tests / sizeof tests[0], false },
                                          { "queue and server", server_tests, 2, true } };
    return scene_run(groups, 2);
}
