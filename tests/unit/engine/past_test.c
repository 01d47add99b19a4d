/* past: fetches while no server answers, or takes what is written, reply by reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "engine/load.h"
#include "resilicache.h"

enum { NOW_MS = 1000 };

static struct policy policy;
static struct engine engine;
static struct counters counters;

static int setup(void **state) {
    (void)state;
    counters = (struct counters){ 0 };
    policy = (struct policy){ .delay_ms = 10000, .lock_expire_ms = 3000, .lock_expire_max_ms = 60000,
                              .lock_sleep_ms = 100, .deadline_ms = 10000, .down_loads_max = 64 };
    return engine_init(&engine, &policy, &counters, 1, 1) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    for (struct link_node *node; (node = list_take(&engine.awake)) != NULL;)
        op_drop(list_entry(node, struct op, awake));
    assert_int_equal(engine.flights.count, 0);
    assert_int_equal(engine.loads_past, 0);
    engine_clear(&engine);
    return 0;
}

static struct blob *text(const char *value) {
    return blob_copy(value, strlen(value));
}

/* A fetch of keys of one letter each, whose peeks have this reply. */
static struct op *fetch_that_found(const char *keys, bool strong, struct reply found) {
    static const uint32_t sizes[] = { 1, 1, 1 };
    struct random random = { 1 };
    struct op *op = op_new(OP_FETCH, slice_of(NULL, 0), keys, sizes, strlen(keys), slice_of(NULL, 0), 0);
    assert_non_null(op);
    op->strong = strong;
    op->ttl_ms = 1000;
    assert_true(op_prepare(op, &policy, &random));
    for (size_t i = 0; i < op->count; i++)
        op->slots[i].request.reply = found;
    for (size_t i = 1; i < op->count; i++)
        op->slots[i].request.reply.message = blob_share(found.message);
    if (!op_settle(op, &counters))
        engine_enter(&engine, op, NOW_MS);
    return op;
}

/* `up` found nothing, the others no server. */
static struct op *fetch(const char *keys, bool strong, bool up) {
    return fetch_that_found(keys, strong, up ? (struct reply){ .verdict = VERDICT_MISS }
                                             : (struct reply){ .status = RCACHE_E_UNAVAILABLE,
                                                               .message = text("is down") });
}

static void finish(struct op *op, const char *value) {
    struct load *load = engine_take_load(&engine, op, NOW_MS);
    assert_non_null(load);
    for (size_t i = 0; i < load->count; i++) {
        load->items[i].answer = ANSWER_VALUE;
        load->items[i].value = text(value);
    }
    engine_finish_load(&engine, load, NOW_MS);
}

static void expect(const struct op *op, size_t slot, int32_t outcome, int32_t status) {
    assert_true(op->slots[slot].settled);
    assert_int_equal(op->slots[slot].outcome, outcome);
    assert_int_equal(op->slots[slot].status, status);
}

static struct request *next_request(enum verb verb) {
    struct link_node *node = list_take(&engine.outgoing);
    assert_non_null(node);
    struct request *request = list_entry(node, struct request, node);
    assert_int_equal(request->verb, verb);
    return request;
}

static void answer(struct request *request, struct reply reply) {
    request->reply = reply;
    engine_reply(&engine, request, NOW_MS);
}

static struct reply lost(void) {
    return (struct reply){ .status = RCACHE_E_UNAVAILABLE, .message = text("connection lost") };
}

static struct reply full(void) {
    return (struct reply){ .status = RCACHE_E_SERVER, .refused = true, .message = text("OOM no") };
}

static void an_eventual_fetch_loads_and_nothing_is_stored(void **state) {
    (void)state;
    struct op *op = fetch("k", false, false);
    finish(op, "v1");
    expect(op, 0, RCACHE_LOADED, RCACHE_OK);
    assert_string_equal(op->slots[0].value->data, "v1");
    assert_true(list_empty(&engine.outgoing));
    assert_int_equal(counters.loads_down, 1);
    assert_int_equal(counters.loads_direct, 1);
    op_drop(op);
}

static void a_strong_fetch_fails_with_the_servers_error(void **state) {
    (void)state;
    struct op *op = fetch("k", true, false);
    expect(op, 0, RCACHE_FAILED, RCACHE_E_UNAVAILABLE);
    assert_string_equal(op->slots[0].message->data, "'k': is down");
    op_drop(op);
}

/* Though it was the strong one who had asked for the lease. */
static void who_waits_with_a_strong_fetch_gets_the_load(void **state) {
    (void)state;
    struct op *strong = fetch("k", true, true), *eventual = fetch("k", false, true);
    answer(next_request(VERB_ACQUIRE), lost());
    expect(strong, 0, RCACHE_FAILED, RCACHE_E_UNAVAILABLE);
    assert_null(strong->refresh);
    finish(eventual, "v1");
    expect(eventual, 0, RCACHE_LOADED, RCACHE_OK);
    op_drop(strong);
    op_drop(eventual);
}

static void both_load_where_the_option_says_so(void **state) {
    (void)state;
    policy.server_down = SERVER_DOWN_LOAD;
    struct op *op = fetch("k", true, false);
    finish(op, "v1");
    expect(op, 0, RCACHE_LOADED, RCACHE_OK);
    op_drop(op);
}

static void none_loads_where_the_option_says_so(void **state) {
    (void)state;
    policy.server_down = SERVER_DOWN_FAIL;
    struct op *op = fetch("k", false, false), *other = fetch("k", false, true);
    expect(op, 0, RCACHE_FAILED, RCACHE_E_UNAVAILABLE);
    answer(next_request(VERB_ACQUIRE), lost());
    expect(other, 0, RCACHE_FAILED, RCACHE_E_UNAVAILABLE);
    op_drop(op);
    op_drop(other);
}

static void a_server_lost_on_the_way_makes_no_difference(void **state) {
    (void)state;
    struct op *eventual = fetch("k", false, true), *strong = fetch("k", true, true);
    answer(next_request(VERB_ACQUIRE), lost());
    expect(strong, 0, RCACHE_FAILED, RCACHE_E_UNAVAILABLE);
    finish(eventual, "v1");
    expect(eventual, 0, RCACHE_LOADED, RCACHE_OK);
    op_drop(eventual);
    op_drop(strong);
}

static void who_waits_for_anothers_lease_need_not_wait_for_its_end(void **state) {
    (void)state;
    engine.can_watch = true;
    struct op *op = fetch("k", false, true);
    answer(next_request(VERB_ACQUIRE), (struct reply){ .verdict = VERDICT_BUSY, .remaining_ms = 3000, .lease = "1" });
    answer(next_request(VERB_WATCH), lost());
    answer(next_request(VERB_PEEK), lost());
    finish(op, "v1");
    expect(op, 0, RCACHE_LOADED, RCACHE_OK);
    op_drop(op);
}

/* The connection that listens is lost alone. */
static void without_a_watch_it_looks_now_and_then(void **state) {
    (void)state;
    engine.can_watch = true;
    struct op *op = fetch("k", false, true);
    answer(next_request(VERB_ACQUIRE), (struct reply){ .verdict = VERDICT_BUSY, .remaining_ms = 3000, .lease = "1" });
    answer(next_request(VERB_WATCH), lost());
    answer(next_request(VERB_PEEK), (struct reply){ .verdict = VERDICT_MISS, .lease = "1" });
    assert_true(engine_due_ms(&engine) < NOW_MS + policy.lock_sleep_ms);
    engine_tick(&engine, engine_due_ms(&engine));
    answer(next_request(VERB_WATCH), (struct reply){ .verdict = VERDICT_FRESH, .value = text("v1") });
    expect(op, 0, RCACHE_HIT, RCACHE_OK);
    op_drop(op);
}

static void callers_of_one_key_share_a_load(void **state) {
    (void)state;
    struct op *first = fetch("k", false, false), *second = fetch("k", false, false);
    assert_null(second->load);
    finish(first, "v1");
    expect(first, 0, RCACHE_LOADED, RCACHE_OK);
    assert_false(second->slots[0].settled); /* it joined when the load had begun, and asks again */
    answer(next_request(VERB_PEEK), lost());
    finish(second, "v2");
    expect(second, 0, RCACHE_LOADED, RCACHE_OK);
    op_drop(first);
    op_drop(second);
}

/* Where no server can tell the others of a pause, the process keeps to it by itself. */
static void what_failed_is_left_alone_for_a_while(void **state) {
    (void)state;
    policy.retry_after_ms = policy.retry_after_max_ms = 1000;
    policy.retry_after_shared = true;
    struct op *op = fetch("k", false, false);
    engine_finish_load(&engine, engine_take_load(&engine, op, NOW_MS), NOW_MS);
    expect(op, 0, RCACHE_FAILED, RCACHE_E_LOADER);
    struct op *next = fetch("k", false, false);
    expect(next, 0, RCACHE_FAILED, RCACHE_E_LOADER);
    assert_int_equal(counters.loads_down, 1);
    assert_int_equal(counters.loads_paused, 1);
    op_drop(op);
    op_drop(next);
}

/* It answers, and takes no writes: what others have stored is read, and nobody gets a lease. */
static void a_lease_that_is_refused_is_done_without(void **state) {
    (void)state;
    struct op *eventual = fetch("ab", false, true), *strong = fetch("a", true, true);
    struct request *for_a = next_request(VERB_ACQUIRE), *for_b = next_request(VERB_ACQUIRE);
    answer(for_a, full());
    expect(strong, 0, RCACHE_FAILED, RCACHE_E_SERVER);
    assert_string_equal(strong->slots[0].message->data, "'a': OOM no");
    answer(for_b, (struct reply){ .verdict = VERDICT_OWNED });
    finish(eventual, "v1"); /* both by one load */
    expect(eventual, 0, RCACHE_LOADED, RCACHE_OK);
    assert_false(eventual->slots[1].settled);
    answer(next_request(VERB_PUT), (struct reply){ .verdict = VERDICT_STORED });
    expect(eventual, 1, RCACHE_LOADED, RCACHE_OK);
    assert_true(list_empty(&engine.outgoing));
    assert_int_equal(counters.loads_down, 1);
    assert_int_equal(counters.loads_direct, 1);
    assert_int_equal(counters.loads_stored, 1);
    op_drop(eventual);
    op_drop(strong);
}

static void what_a_full_server_is_loaded_past_for_is_an_option(void **state) {
    (void)state;
    policy.server_down = SERVER_DOWN_FAIL;
    struct op *none = fetch("k", false, true);
    answer(next_request(VERB_ACQUIRE), full());
    expect(none, 0, RCACHE_FAILED, RCACHE_E_SERVER);
    policy.server_down = SERVER_DOWN_LOAD;
    struct op *strong = fetch("k", true, true);
    answer(next_request(VERB_ACQUIRE), full());
    finish(strong, "v1");
    expect(strong, 0, RCACHE_LOADED, RCACHE_OK);
    policy.down_loads_max = 0;
    struct op *many = fetch("k", false, true);
    answer(next_request(VERB_ACQUIRE), full());
    expect(many, 0, RCACHE_FAILED, RCACHE_E_SERVER);
    assert_non_null(strstr(many->slots[0].message->data, "OOM no; and past the cache as many loads"));
    op_drop(none);
    op_drop(strong);
    op_drop(many);
}

static void another_error_is_nothing_to_go_past(void **state) {
    (void)state;
    struct op *op = fetch("k", false, true);
    answer(next_request(VERB_ACQUIRE), (struct reply){ .status = RCACHE_E_SERVER, .message = text("ERR no") });
    expect(op, 0, RCACHE_FAILED, RCACHE_E_SERVER);
    assert_int_equal(counters.loads, 0);
    op_drop(op);
}

/* The value is as fresh as it was. */
static void an_early_refresh_that_is_refused_is_let_be(void **state) {
    (void)state;
    policy.early = 0.5;
    struct op *op = fetch_that_found("k", false, (struct reply){ .verdict = VERDICT_FRESH, .value = text("v1"),
                                                                 .tells_end = true, .fresh_ms = 1 });
    answer(next_request(VERB_REFRESH), full());
    expect(op, 0, RCACHE_HIT, RCACHE_OK);
    assert_int_equal(counters.loads, 0);
    op_drop(op);
}

static void what_has_lapsed_stands_in_where_the_load_fails(void **state) {
    (void)state;
    policy.stale_if_error_ms = 5000;
    struct op *op = fetch_that_found("k", false, (struct reply){ .verdict = VERDICT_UNFRESH, .value = text("v1"),
                                                                 .lapsed = true, .fresh_ms = -1 });
    op->slots[0].request.sent_ms = NOW_MS;
    answer(next_request(VERB_ACQUIRE), full());
    engine_finish_load(&engine, engine_take_load(&engine, op, NOW_MS), NOW_MS);
    expect(op, 0, RCACHE_STALE, RCACHE_OK);
    op_drop(op);
}

static void only_so_many_are_under_way_at_once(void **state) {
    (void)state;
    policy.down_loads_max = 2;
    struct op *op = fetch("abc", false, false);
    expect(op, 2, RCACHE_FAILED, RCACHE_E_UNAVAILABLE);
    assert_string_equal(op->slots[2].message->data, "'c': is down; and past the cache as many loads are under way as "
                                                    "down_loads_max allows: 2");
    assert_int_equal(counters.loads_down_refused, 1);
    finish(op, "v");
    struct op *next = fetch("c", false, false);
    finish(next, "v");
    expect(next, 0, RCACHE_LOADED, RCACHE_OK);
    op_drop(op);
    op_drop(next);
}

/* The server is back, the load past it not handed out yet: a strong fetch that joins it takes nothing that is not
 * stored. */
static void a_strong_fetch_takes_nothing_that_was_loaded_past(void **state) {
    (void)state;
    struct op *eventual = fetch("ab", false, true);
    struct request *for_a = next_request(VERB_ACQUIRE), *for_b = next_request(VERB_ACQUIRE);
    answer(for_a, lost());
    struct op *strong = fetch("a", true, true);
    answer(for_b, lost());
    finish(eventual, "v1");
    expect(eventual, 0, RCACHE_LOADED, RCACHE_OK);
    assert_false(strong->slots[0].settled);
    answer(next_request(VERB_PEEK), (struct reply){ .verdict = VERDICT_FRESH, .value = text("v1") });
    expect(strong, 0, RCACHE_HIT, RCACHE_OK);
    op_drop(eventual);
    op_drop(strong);
}

/* Its value is there, but the server is not, to take it, or has no room. */
static void a_put_that_is_lost_is_given_to_those_that_may_have_it(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t rule = policy.server_down = i % 2 == 0 ? SERVER_DOWN_EVENTUAL : SERVER_DOWN_LOAD;
        struct reply reply = i < 2 ? lost() : full();
        int32_t status = reply.status;
        struct op *eventual = fetch("k", false, true), *strong = fetch("k", true, true);
        answer(next_request(VERB_ACQUIRE), (struct reply){ .verdict = VERDICT_OWNED });
        finish(eventual, "v1");
        answer(next_request(VERB_PUT), reply);
        expect(eventual, 0, RCACHE_LOADED, RCACHE_OK);
        if (rule == SERVER_DOWN_LOAD)
            expect(strong, 0, RCACHE_LOADED, RCACHE_OK);
        else
            expect(strong, 0, RCACHE_FAILED, status);
        op_drop(eventual);
        op_drop(strong);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_eventual_fetch_loads_and_nothing_is_stored),
        TEST(a_strong_fetch_fails_with_the_servers_error),
        TEST(who_waits_with_a_strong_fetch_gets_the_load),
        TEST(both_load_where_the_option_says_so),
        TEST(none_loads_where_the_option_says_so),
        TEST(a_server_lost_on_the_way_makes_no_difference),
        TEST(who_waits_for_anothers_lease_need_not_wait_for_its_end),
        TEST(without_a_watch_it_looks_now_and_then),
        TEST(callers_of_one_key_share_a_load),
        TEST(what_failed_is_left_alone_for_a_while),
        TEST(a_lease_that_is_refused_is_done_without),
        TEST(what_a_full_server_is_loaded_past_for_is_an_option),
        TEST(another_error_is_nothing_to_go_past),
        TEST(an_early_refresh_that_is_refused_is_let_be),
        TEST(what_has_lapsed_stands_in_where_the_load_fails),
        TEST(only_so_many_are_under_way_at_once),
        TEST(a_strong_fetch_takes_nothing_that_was_loaded_past),
        TEST(a_put_that_is_lost_is_given_to_those_that_may_have_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
