/* flight: who is given what, with every reply at the moment that a driver's threads would have to meet by chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "resilicache.h"

static const struct policy POLICY = { .delay_ms = 10000,
                                      .lock_expire_ms = 3000,
                                      .lock_expire_max_ms = 60000,
                                      .lock_sleep_ms = 100,
                                      .deadline_ms = 10000 };
enum { NOW_MS = 1000 };

static struct engine engine;
static struct counters counters;

static int setup(void **state) {
    (void)state;
    counters = (struct counters){ 0 };
    return engine_init(&engine, &POLICY, &counters, 1, 1) ? 0 : -1;
}

static struct blob *text(const char *value) {
    return blob_copy(value, strlen(value));
}

/* A fetch of keys of one letter each; not entered yet.  Their peeks found the value unfresh, or, if NULL, none. */
static struct op *fetch(const char *keys, const char *value) {
    static const uint32_t sizes[] = { 1, 1 };
    struct random random = { 1 };
    struct op *op = op_new(OP_FETCH, slice_of(NULL, 0), keys, sizes, strlen(keys), slice_of(NULL, 0), 0);
    assert_non_null(op);
    assert_true(op_prepare(op, &POLICY, &random));
    for (size_t i = 0; i < op->count; i++)
        op->slots[i].request.reply = value == NULL ? (struct reply){ .verdict = VERDICT_MISS }
                                                   : (struct reply){ .verdict = VERDICT_UNFRESH,
                                                                     .value = text(value),
                                                                     .lease = "0" };
    assert_false(op_settle(op, &counters));
    return op;
}

static struct op *peeked(const char *value) {
    return fetch("k", value);
}

/* The next request that is to be carried out. */
static struct request *take(enum verb verb) {
    struct link_node *node = list_take(&engine.outgoing);
    assert_non_null(node);
    struct request *request = list_entry(node, struct request, node);
    assert_int_equal(request->verb, verb);
    return request;
}

static void reply_to(struct request *request, struct reply reply) {
    request->reply = reply;
    engine_reply(&engine, request, NOW_MS);
}

static void answer(enum verb verb, struct reply reply) {
    reply_to(take(verb), reply);
}

static void expect_stale(const struct op *op, const char *value) {
    assert_int_equal(op->unsettled, 0);
    assert_int_equal(op->slots[0].outcome, RCACHE_STALE);
    assert_string_equal(op->slots[0].value->data, value);
}

static struct reply owned(const char *value) {
    return (struct reply){ .verdict = VERDICT_OWNED, .value = text(value), .stale_ms = 5000 };
}

static void end(struct op *op) {
    engine_end_op(&engine, op, RCACHE_E_CLOSED, "the test is over", NOW_MS);
    for (struct link_node *node; (node = list_take(&engine.outgoing)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        request->reply.status = RCACHE_E_CLOSED;
        engine_reply(&engine, request, NOW_MS);
    }
    for (struct link_node *node; (node = list_take(&engine.awake)) != NULL;)
        op_drop(list_entry(node, struct op, awake));
    op_drop(op);
}

/* What a joiner saw may be older than what the flight was given: v1, long past its time, was replaced by v2, which was
 * invalidated just now. */
static void a_joiner_is_served_what_the_flight_was_given(void **state) {
    (void)state;
    struct op *slow = peeked("v1"), *other = peeked("v2");
    engine_enter(&engine, other, NOW_MS);
    answer(VERB_ACQUIRE, owned("v2"));
    expect_stale(other, "v2");
    engine_enter(&engine, slow, NOW_MS);
    expect_stale(slow, "v2");
    end(slow);
    end(other);
    engine_clear(&engine);
}

/* The second would wait for the refresh, and the refresh for the second. */
static void a_key_that_comes_twice_is_served_twice(void **state) {
    (void)state;
    struct op *op = fetch("kk", "v1");
    engine_enter(&engine, op, NOW_MS);
    answer(VERB_ACQUIRE, owned("v1"));
    expect_stale(op, "v1");
    assert_non_null(op->refresh);
    end(op);
    engine_clear(&engine);
}

/* Its peek said nothing of a value, so that there is nothing that it could be served: it gets the load itself. */
static void what_an_op_waits_for_is_not_loaded_behind_it(void **state) {
    (void)state;
    struct op *op = fetch("kk", "v1");
    op->slots[1].request.reply.verdict = VERDICT_MISS;
    engine_enter(&engine, op, NOW_MS);
    answer(VERB_ACQUIRE, owned("v1"));
    assert_int_equal(op->unsettled, 1);
    assert_null(op->refresh);
    assert_non_null(op->load);
    end(op);
    engine_clear(&engine);
}

/* Of two that go again the second is slow, and what it saw says nothing of a value: it may not be served what the first
 * was, and the load behind that would wait for the second. */
static void what_an_op_comes_to_wait_for_is_not_loaded_behind_it(void **state) {
    (void)state;
    struct op *first = fetch("k", NULL), *twice = fetch("kk", NULL);
    engine_enter(&engine, first, NOW_MS);
    engine_enter(&engine, twice, NOW_MS);
    answer(VERB_ACQUIRE, (struct reply){ .verdict = VERDICT_FRESH, .value = text("v1") });
    struct request *quick = take(VERB_PEEK), *slow = take(VERB_PEEK);
    reply_to(quick, (struct reply){ .verdict = VERDICT_UNFRESH, .value = text("v1"), .lease = "0" });
    answer(VERB_ACQUIRE, owned("v1"));
    reply_to(slow, (struct reply){ .verdict = VERDICT_MISS });
    assert_int_equal(twice->unsettled, 1);
    assert_null(twice->refresh);
    assert_non_null(twice->load);
    end(twice);
    end(first);
    engine_clear(&engine);
}

static void who_comes_while_the_lease_is_asked_for_is_served_at_once(void **state) {
    (void)state;
    struct op *first = peeked("v1"), *second = peeked("v1");
    engine_enter(&engine, first, NOW_MS);
    engine_enter(&engine, second, NOW_MS);
    answer(VERB_ACQUIRE, owned("v1"));
    expect_stale(first, "v1");
    expect_stale(second, "v1");
    end(second);
    end(first);
    engine_clear(&engine);
}

/* The flight of the first is kept for a while, and has nobody to load when its lease is won by the second. */
static void a_lease_that_serves_something_stale_refreshes_it(void **state) {
    (void)state;
    struct op *first = peeked("v1"), *second = peeked("v1");
    engine_enter(&engine, first, NOW_MS);
    answer(VERB_ACQUIRE, (struct reply){ .verdict = VERDICT_BUSY, .value = text("v1"), .stale_ms = 1,
                                         .remaining_ms = 3000, .lease = "1" });
    expect_stale(first, "v1");
    engine_enter(&engine, second, NOW_MS + 2);
    answer(VERB_ACQUIRE, owned("v1"));
    expect_stale(second, "v1");
    assert_non_null(second->refresh);
    end(second);
    end(first);
    engine_clear(&engine);
}

/* Two keys whose leases are won one after the other: the second load is under way when the first is finished. */
static void the_options_deadline_waits_for_every_loader(void **state) {
    (void)state;
    struct op *op = fetch("ab", NULL);
    op->timed = true;
    op->deadline_ms = NOW_MS + POLICY.deadline_ms;
    engine_arm(&engine, &op->timer, op->deadline_ms);
    engine_enter(&engine, op, NOW_MS);
    answer(VERB_ACQUIRE, (struct reply){ .verdict = VERDICT_OWNED });
    answer(VERB_ACQUIRE, (struct reply){ .verdict = VERDICT_BUSY, .remaining_ms = 1, .lease = "1" });
    struct load *first = engine_take_load(&engine, op, NOW_MS);
    answer(VERB_PEEK, (struct reply){ .verdict = VERDICT_MISS });
    answer(VERB_ACQUIRE, (struct reply){ .verdict = VERDICT_OWNED });
    struct load *second = engine_take_load(&engine, op, NOW_MS);
    assert_non_null(first);
    assert_non_null(second);
    assert_true(op->deadline_ms == INT64_MAX); /* whoever looks at the clock meanwhile ends nothing */
    engine_finish_load(&engine, first, NOW_MS + POLICY.deadline_ms / 2);
    engine_tick(&engine, NOW_MS + POLICY.deadline_ms * 2);
    assert_int_equal(counters.timeouts, 0);
    engine_finish_load(&engine, second, NOW_MS + POLICY.deadline_ms * 2);
    assert_int_equal(op->deadline_ms, NOW_MS + POLICY.deadline_ms * 3);
    end(op);
    engine_clear(&engine);
}

/* Also where the flight was begun by somebody who would have taken what a replica has. */
static void a_strong_joiner_waits_for_what_the_primary_has(void **state) {
    (void)state;
    const struct reply busy = { .verdict = VERDICT_BUSY, .remaining_ms = 3000, .lease = "1" };
    struct op *eventual = fetch("k", NULL), *strong = fetch("k", NULL);
    strong->strong = true;
    engine_enter(&engine, eventual, NOW_MS);
    answer(VERB_ACQUIRE, busy);
    engine_enter(&engine, strong, NOW_MS);
    answer(VERB_PEEK, (struct reply){ .verdict = VERDICT_UNFRESH, .lease = "1" });
    engine_tick(&engine, NOW_MS + POLICY.lock_sleep_ms);
    assert_false(list_empty(&engine.outgoing));
    const struct request *look = list_entry(engine.outgoing.next, struct request, node);
    assert_int_equal(look->verb, VERB_PEEK);
    assert_true(look->strong);
    end(strong);
    end(eventual);
    engine_clear(&engine);
}

/* Also where the watch was begun before it came, and can't be had any more. */
static void a_strong_joiner_of_a_watch_that_fails_waits_for_what_the_primary_has(void **state) {
    (void)state;
    struct op *eventual = fetch("k", NULL), *strong = fetch("k", NULL);
    strong->strong = true;
    engine.can_watch = true;
    engine_enter(&engine, eventual, NOW_MS);
    answer(VERB_ACQUIRE, (struct reply){ .verdict = VERDICT_BUSY, .remaining_ms = 3000, .lease = "1" });
    engine_enter(&engine, strong, NOW_MS);
    answer(VERB_WATCH, (struct reply){ .status = RCACHE_E_UNAVAILABLE });
    assert_false(list_empty(&engine.outgoing));
    const struct request *look = list_entry(engine.outgoing.next, struct request, node);
    assert_int_equal(look->verb, VERB_PEEK);
    assert_true(look->strong);
    answer(VERB_PEEK, (struct reply){ .verdict = VERDICT_UNFRESH, .lease = "1" });
    end(strong);
    end(eventual);
    engine_clear(&engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_joiner_is_served_what_the_flight_was_given, setup),
        cmocka_unit_test_setup(a_key_that_comes_twice_is_served_twice, setup),
        cmocka_unit_test_setup(what_an_op_waits_for_is_not_loaded_behind_it, setup),
        cmocka_unit_test_setup(what_an_op_comes_to_wait_for_is_not_loaded_behind_it, setup),
        cmocka_unit_test_setup(who_comes_while_the_lease_is_asked_for_is_served_at_once, setup),
        cmocka_unit_test_setup(a_lease_that_serves_something_stale_refreshes_it, setup),
        cmocka_unit_test_setup(the_options_deadline_waits_for_every_loader, setup),
        cmocka_unit_test_setup(a_strong_joiner_waits_for_what_the_primary_has, setup),
        cmocka_unit_test_setup(a_strong_joiner_of_a_watch_that_fails_waits_for_what_the_primary_has, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
